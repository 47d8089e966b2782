"""What an operator decides about jobs on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

BUBBLEWRAP = "bubblewrap"
PODMAN = "podman"
DOCKER = "docker"
PROCESS = "process"
SANDBOXES = (BUBBLEWRAP, PODMAN, DOCKER, PROCESS)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds.

    state: the engine's own folder; one running process may use it. Made with mode 0700.
    sandbox: one of `SANDBOXES`. `process` gives no protection and needs `allow_unsandboxed`.
    volumes: a folder with `secrets/<name>/<key>` and `configmaps/<name>/<key>`; without it jobs that need some are rejected.
    trusted_repos: whose jobs may use Secrets and hostPath: `org/repo`, `org`, `*`, or `periodics` for periodic jobs
        (they come from the central configuration). Jobs marked as in-repo never may.
    utility_secrets: names of Secrets that may serve to fetch the code of every job (cookies, SSH keys, tokens named in
        decoration defaults). They are not visible to the job, but an in-repo job may send them to the server that it clones from.
    local_clones: jobs may fetch code from repositories on this machine's disk (`clone_uri` a path or `file://`); in-repo jobs may not.
    github: what stands before `/org/repo` in the address of a repository that a job names without one.
    max_jobs: how many run at once; 0: twice the number of CPUs.
    readonly: more folders of this machine that jobs may read, e.g. `/opt/go`.
    path: folders put in front of `PATH` inside the sandbox.
    undecorated_timeout: an undecorated job has no timeout of its own; this is the pod_running_timeout's default.
    entrypoint: the static program; None: look where `make setup` and the package put it.
    """

    state: Path
    sandbox: str = BUBBLEWRAP
    allow_unsandboxed: bool = False
    volumes: Path | None = None
    trusted_repos: frozenset[str] = frozenset()
    utility_secrets: frozenset[str] = frozenset()
    local_clones: bool = False
    github: str = "https://github.com"
    max_jobs: int = 0
    readonly: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    undecorated_timeout: float = 48 * 3600.0
    entrypoint: Path | None = None

    @property
    def places(self) -> int:
        return self.max_jobs if self.max_jobs > 0 else 2 * (os.cpu_count() or 1)
