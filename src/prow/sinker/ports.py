"""What sinker needs of the job store, and of whoever keeps runs of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from prow.model.prowjob import ProwJob


class Jobs(Protocol):
    async def get(self, name: str) -> ProwJob: ...

    async def delete(self, name: str, *, resource_version: str = "") -> None:
        """A job with finalizers is only marked. `Conflict` when it was changed since that version."""
        ...


class Run(Protocol):
    """One run of a job, going on or over: a pod, or a folder of this machine."""

    @property
    def name(self) -> str:
        """The job's."""
        ...

    @property
    def build_id(self) -> str: ...

    @property
    def started(self) -> float:
        """Unix time."""
        ...


class Runs(Protocol):
    """Every method may raise what `lib.errors` has, or OSError."""

    async def all(self) -> Sequence[Run]: ...

    async def remove(self, run: Any) -> None:
        """One of `all`. One that goes on is stopped, and is there until it has ended."""
        ...
