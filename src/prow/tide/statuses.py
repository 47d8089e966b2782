"""Writes the `tide` commit status where it has to be another one (`spec/tide` §5.2-5.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Container
from typing import Protocol

import msgspec

from prow.lib.clock import Clock
from prow.lib.errors import ProwError
from prow.model.forge import CommitStatus
from prow.model.pull_facts import ContextState, HeadContext, PullFacts
from prow.tide.hints import Hints
from prow.tide.model import TIDE, PoolDecision, PoolSnapshot
from prow.tide.open_pulls import OpenPulls
from prow.tide.status import differs, status_of
from prow.tide.troubles import Troubles, again_in

_AT_ONCE = 4
_AGAIN_AFTER = 3.0


class WritesStatuses(Protocol):
    async def create_status(self, org: str, repo: str, sha: str, status: CommitStatus) -> CommitStatus: ...


class StatusWriter:
    """Also notes what it wrote, so that it is not written again before GitHub tells of it."""

    def __init__(
        self, github: WritesStatuses, pulls: OpenPulls, hints: Hints, *, clock: Clock, troubles: Troubles
    ) -> None:
        self._github = github
        self._clock = clock
        self._say = troubles.say
        self._pulls = pulls
        self._hints = hints
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def write_all(
        self, snapshot: PoolSnapshot, decision: PoolDecision, *, but: Container[int] = ()
    ) -> float | None:
        """Of the pool, `but` these. One that fails is logged and stops no other: seconds after which the pool needs another round for it."""
        tasks: list[asyncio.Task[float | None]] = []
        async with asyncio.TaskGroup() as writes:
            for candidate in snapshot.candidates:
                pull = candidate.pull
                status = status_of(snapshot, decision, pull.number) if pull.number not in but else None
                if status is not None and _says_else(status, _current(pull)):
                    tasks.append(writes.create_task(self._write_one(snapshot, decision, pull)))
        return max((pause for task in tasks if (pause := task.result()) is not None), default=None)

    async def _write_one(self, snapshot: PoolSnapshot, decision: PoolDecision, pull: PullFacts) -> float | None:
        async with self._slots:
            try:
                # Who can act is found out only now: most rounds have nothing to write.
                status = status_of(snapshot, decision, pull.number, hints=await self._hints.of(pull))
                if status is not None:
                    await self.write(pull, status)
            except ProwError as error:
                self._say(error, "A status could not be written.", pr=str(pull.key))
                return again_in(error, self._clock, least=_AGAIN_AFTER)
            return None

    async def write(self, pull: PullFacts, status: CommitStatus) -> None:
        """Write it, unless it stands there. Raises what the client raises."""
        if not differs(status, _current(pull)):
            return
        kept = await self._github.create_status(pull.org, pull.repo, pull.head_sha, status)
        written = HeadContext(
            name=status.context,
            state=ContextState(status.state.upper()),
            description=status.description or "",
            url=status.target_url or "",
        )
        self._pulls.set_context(pull.key, pull.head_sha, written, kept)


def _says_else(status: CommitStatus, current: HeadContext | None) -> bool:
    """Whether it has to be written. Another wording of who can act is no reason: names cost calls, and a restart must not rewrite all."""
    if current is not None and current.description.endswith(")"):
        current = msgspec.structs.replace(current, description=_without_hint(current.description))
        status = msgspec.structs.replace(status, description=_without_hint(status.description or ""))
    return differs(status, current)


def _without_hint(description: str) -> str:
    return description.rpartition(" (")[0] if description.endswith(")") else description


def _current(pull: PullFacts) -> HeadContext | None:
    return next((c for c in pull.contexts if c.name == TIDE and not c.check_run), None)
