"""Floor 4: what surrounds a job's command, in a pod and on one machine alike.

`clonerefs` fetches the code, `initupload` says that the run began, the entrypoint (a C program) runs the command, `sidecar`
waits for it, censors and uploads, `upload` is the sending that all of them share (also the gcsupload tool). Each is a frozen
options struct that reads upstream's JSON (`options`) and an async `run(options, ...)`. `plan` derives the options of all of
them from a ProwJob.
"""
