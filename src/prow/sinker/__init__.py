"""Removes old ProwJobs, and runs that nobody waits for (`spec/prowjobs-and-pods` §8.2)."""
