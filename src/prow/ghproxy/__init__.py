"""A cache in front of GitHub's API, for any client: every read is revalidated, equal ones in flight are one, requests are spaced."""
