"""Floor 5: whoever runs jobs. `local` runs them on this machine."""
