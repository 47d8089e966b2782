"""Running jobs: the `Engine` port that plank uses and `engines` implement; `cli` hands the one to the other.

An engine runs ProwJobs by name. It never writes to the job store: it reports `Execution`s and plank decides the state.
Starting twice is the same as starting once. After a restart an engine finds what it ran before and goes on reporting it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import msgspec

from prow.lib.errors import Permanent
from prow.model.prowjob import ProwJob


class Rejected(Permanent):
    """The engine can never run this job as it is; the text names the field or the rule. Plank makes it an `error`."""


class Phase(StrEnum):
    """Where an execution is; the words are those of pod phases, plus the three ways of stopping unexpectedly."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"
    LOST = "Lost"


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """One run of one ProwJob, as the engine sees it. `message`: one line for people. `build_id` as given at start."""

    name: str
    build_id: str
    phase: Phase
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class Engine(Protocol):
    """Runs ProwJobs of one agent."""

    name: str

    def handles(self, job: ProwJob) -> bool:
        """Whether jobs with this spec are this engine's (agent, cluster)."""
        ...

    async def start(self, job: ProwJob) -> Execution:
        """Run `job` under its `status.build_id`. Raises `Rejected`, or `Retry` for a passing fault."""
        ...

    async def executions(self) -> tuple[Execution, ...]:
        """Everything this engine knows of: running, and finished but not forgotten."""
        ...

    def watch(self) -> AsyncIterator[Execution]:
        """Changes from now on."""
        ...

    async def abort(self, name: str) -> None:
        """Stop as on SIGTERM, so that an ABORTED finished.json can be written. Unknown names are ignored."""
        ...

    async def forget(self, name: str) -> None:
        """Drop a finished execution and its folder."""
        ...
