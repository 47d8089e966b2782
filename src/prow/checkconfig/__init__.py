"""Floor 5: looks over a configuration and says everything that is wrong with it, where it stands."""
