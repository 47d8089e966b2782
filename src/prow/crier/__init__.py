"""Floor 5: tells the outside what became of jobs: commit status and comment at GitHub, metadata in the bucket.

`service.Crier` watches the jobs and gives each state change once to every reporter; `rules` decides what GitHub is told,
`github_reporter` and `blob_reporter` tell it.
"""
