"""Floor 5: the dashboard. Rendered on the server from the job index and the bucket, live by server-sent events."""
