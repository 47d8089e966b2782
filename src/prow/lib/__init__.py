"""Floor 0: small tools without a domain."""
