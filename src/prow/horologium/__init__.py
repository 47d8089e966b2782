"""Floor 5: starts periodic jobs."""
