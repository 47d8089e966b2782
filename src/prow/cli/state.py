"""The state folder: where a Prow without a cluster keeps what it must not lose."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from prow.lib import logs
from prow.lib.errors import UsageError

SYSTEM = Path("/var/lib/prow")
JOBS = "jobs.db"
_log = logs.get("cli")


def state_dir(given: str) -> Path:
    """The folder, made with mode 0700; which one it is is said when it was not given."""
    chosen = Path(given) if given else _default()
    try:
        chosen.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"--state-dir {chosen}: cannot be made: {error.strerror}; give a folder that you may write"
        ) from error
    if not os.access(chosen, os.W_OK | os.X_OK):
        raise UsageError(f"--state-dir {chosen}: cannot be written; give a folder that you may write")
    return chosen.resolve()


def job_store(given: str, state: str) -> Path:
    """The file of the job store: `--job-store`, the file itself or its folder, else below the state folder."""
    if not given:
        return state_dir(state) / JOBS
    path = Path(given)
    return (path / JOBS if path.is_dir() else path).resolve()


@contextmanager
def only_one(name: str, folder: Path) -> Iterator[None]:
    """Hold the lock of a component that may run once for all processes that share what is in this folder. Raises `UsageError`."""
    path = folder / f"{name}.lock"
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UsageError(f"cannot open {path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{folder}: another process runs {name} here; one may") from None
        yield
    finally:
        os.close(fd)


@cache
def _default() -> Path:
    chosen = SYSTEM if _usable(SYSTEM) else _users()
    _log.info("State is kept here; --state-dir names another folder.", state_dir=str(chosen))
    return chosen


def _usable(folder: Path) -> bool:
    return os.access(folder if folder.exists() else folder.parent, os.W_OK | os.X_OK)


def _users() -> Path:
    home = os.environ.get("XDG_STATE_HOME")
    return (Path(home) if home else Path.home() / ".local" / "state") / "prow"
