"""Floor 5: receives webhooks, keeps them, and hands them to plugins: in order, with retries, each effect once."""
