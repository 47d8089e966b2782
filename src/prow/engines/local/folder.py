"""The folder of one run, and what of it survives a restart.

    <state>/jobs/<name>/<build id>/
      job.json     the ProwJob and how far it is; replaced in one step, with fsync
      logs/        process logs, markers, locks, control files, clone records; of these the job sees only artifacts/
      code/ home/ tmp/ volumes/   what the job sees, gone when it is over
      tools/       options of the entrypoint, environment files

No pid is kept anywhere: a marker says that a command is over, a held lock says that its entrypoint lives.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from prow.jobs.engine import Execution, Phase
from prow.model.base import to_json
from prow.model.prowjob import ProwJob

RECORD = "job.json"


class Stage(StrEnum):
    """QUEUED: nothing has happened that cannot happen again. RUNNING: commands were started. DONE: only reporting is left."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a run. `attempt` counts the starts; `stopping`: it is to be aborted."""

    job: ProwJob
    stage: Stage = Stage.QUEUED
    attempt: int = 1
    stopping: bool = False
    phase: Phase = Phase.PENDING
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def execution(self) -> Execution:
        return Execution(
            name=self.job.name,
            build_id=self.job.status.build_id,
            phase=self.phase,
            message=self.message,
            started_at=self.started_at,
            finished_at=self.finished_at,
        )


class JobFolder:
    """Paths and files of one run. Every method may block; call them in a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"
        self.artifacts = self.logs / "artifacts"
        self.code = path / "code"
        self.home = path / "home"
        self.tmp = path / "tmp"
        self.volumes = path / "volumes"
        self.tools = path / "tools"

    def lock_file(self, container: str) -> Path:
        return self.tools / f"{container}.lock"

    def control_file(self, container: str) -> Path:
        return self.tools / f"{container}.control"

    def save(self, record: Record) -> None:
        """Replace the record in one step; it is on disk when this returns."""
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self.path / f".{RECORD}"
        with fresh.open("wb") as file:
            file.write(to_json(record))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path / RECORD)
        sync_folder(self.path)

    def load(self) -> Record:
        """Raises OSError or msgspec.MsgspecError."""
        return msgspec.json.decode((self.path / RECORD).read_bytes(), type=Record)

    def clear(self) -> None:
        """Begin anew: nothing of an earlier attempt is left, all folders are there."""
        for folder in (self.logs, self.code, self.home, self.tmp, self.volumes, self.tools):
            remove_tree(folder)
            folder.mkdir(parents=True, mode=0o700)
        self.artifacts.mkdir()

    def shrink(self) -> None:
        """Keep the record and the logs only."""
        for folder in (self.code, self.home, self.tmp, self.volumes, self.tools):
            remove_tree(folder)

    def remove(self) -> None:
        """Delete the run, and the folder of its name when that is empty then."""
        remove_tree(self.path)
        try:
            self.path.parent.rmdir()
        except OSError:
            return


def take_lock(path: Path) -> int | None:
    """A descriptor that holds the lock, or None when somebody else does."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


def read_marker(path: str) -> int | None:
    """The exit code in a marker file; None when there is no marker."""
    try:
        return int(Path(path).read_bytes()[:32])
    except (FileNotFoundError, ValueError):
        return None


def sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def remove_tree(path: Path) -> None:
    """Delete a folder of a job, read-only folders (Go's module cache) included. Symlinks are never followed."""
    if not os.path.lexists(path):
        return
    shutil.rmtree(path, onerror=_make_writable)
    if os.path.lexists(path):
        shutil.rmtree(path, ignore_errors=True)


def _make_writable(function: Callable[..., Any], path: str, _: Any) -> None:
    """Open up the folder that stopped the deletion, and delete again."""
    for folder in (os.path.dirname(path), path):  # noqa: PTH120 - rmtree hands over text
        if os.path.isdir(folder) and not os.path.islink(folder):  # noqa: PTH112, PTH114
            with suppress(FileNotFoundError):
                os.chmod(folder, 0o700)  # noqa: PTH101
    if function in {os.rmdir, os.unlink}:
        try:
            function(path)
        except OSError:
            shutil.rmtree(path, ignore_errors=True)
    else:
        shutil.rmtree(path, ignore_errors=True)
