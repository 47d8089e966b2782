"""Floor 5: removes ProwJobs that finished long ago."""
