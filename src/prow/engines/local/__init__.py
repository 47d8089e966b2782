"""Jobs on this machine: one folder, one sandbox and one entrypoint process per run (`spec/prowjobs-and-pods` §12).

`engine` is the port that plank uses, `runner` takes one run from its clone to its upload, `rules` reads pod specs, `sandbox`
and `containers` write the command lines of the sandboxes, `detect` finds out which of them work, `folder` keeps what has to
survive a restart, `process` starts and watches entrypoints, `layout` says what goes where, `volumes` makes Secrets and
ConfigMaps into files, `livelog` shows a log while it grows.
"""
