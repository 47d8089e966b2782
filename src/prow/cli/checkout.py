"""Git repositories on this disk, as `prow run` and `prow demo` find them: where they come from, and the jobs that they keep themselves."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from prow.config import inrepo
from prow.config.config import Config
from prow.lib.errors import UsageError

_REMOTE = re.compile(r"[:/]([^/:]+/[^/:]+?)(?:\.git)?/?$")
_NAME = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")


def git(where: Path, *arguments: str) -> str:
    """What git says; empty when it refuses."""
    try:
        done = subprocess.run(
            ["git", "-C", str(where), *arguments], capture_output=True, text=True, errors="replace", check=False
        )
    except FileNotFoundError:
        raise UsageError("git is not installed: install git 2.38 or newer") from None
    return done.stdout.strip() if done.returncode == 0 else ""


def origin(where: Path) -> str:
    """The `org/repo` that it was cloned from; empty when it does not tell."""
    found = _REMOTE.search(git(where, "remote", "get-url", "origin"))
    return found[1] if found and _NAME.fullmatch(found[1]) else ""


def check_name(full_name: str) -> None:
    """Raise `UsageError` for what is no `org/repo`."""
    if full_name and not _NAME.fullmatch(full_name):
        raise UsageError(f'--repo {full_name}: is not of the form "org/repo"')


def with_own_jobs(config: Config, full_name: str, where: Path, commit: str) -> Config:
    """The config with the jobs that a commit of the repository brings itself, where it may. Raises ConfigError."""
    org, _, repo = full_name.partition("/")
    if not repo or not config.in_repo_config.enabled_for(org, repo):
        return config
    names = git(where, "ls-tree", "-r", "-z", "--name-only", commit).split("\0")
    files = {name: git(where, "show", f"{commit}:{name}") for name in inrepo.wanted_paths(names)}
    return inrepo.effective_jobs(config, inrepo.read_in_repo(files, config, org=org, repo=repo), org=org, repo=repo)
