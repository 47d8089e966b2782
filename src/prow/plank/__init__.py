"""Floor 5: runs ProwJobs on engines and moves their state."""
