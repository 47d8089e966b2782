"""Floor 4: choosing and making ProwJobs from config; the job store, its index and its watch."""
