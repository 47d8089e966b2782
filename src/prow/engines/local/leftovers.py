"""Runs as sinker sees them: every folder below `jobs/`, whether the engine knows it or not.

Plank lets the engine forget a run when its job is complete. What can be left: runs of jobs that were ended or deleted by others,
earlier builds of a job that was started again, and folders whose record cannot be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from os import close
from pathlib import Path

import msgspec

from prow.engines.local.folder import JobFolder, take_lock
from prow.jobs.engine import Engine, Execution, Phase
from prow.lib.open_work import in_thread

_OVER = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.ERROR, Phase.LOST})


class Kept(msgspec.Struct, frozen=True):
    """A run of which there is something on disk. `started`: Unix time; of a run that the engine does not know, its last change."""

    name: str
    build_id: str
    started: float


class Leftovers:
    """Implements sinker's `Runs` for the engine of this process. `state`: that engine's folder."""

    def __init__(self, engine: Engine, state: Path) -> None:
        self._engine = engine
        self._jobs = state / "jobs"

    async def all(self) -> Sequence[Kept]:
        """Raises OSError."""
        found = await in_thread(self._scan)
        known = await self._known()
        return [_with_start(kept, known.get((kept.name, kept.build_id))) for kept in found]

    async def remove(self, run: Kept) -> None:
        """Stop it, or forget it, or delete its folder when the engine knows nothing of it and no command in it lives."""
        execution = (await self._known()).get((run.name, run.build_id))
        if execution is None:
            await in_thread(self._delete, JobFolder(self._jobs / run.name / run.build_id))
        elif execution.phase in _OVER:
            await self._engine.forget(run.name)
        else:
            await self._engine.abort(run.name)

    async def _known(self) -> dict[tuple[str, str], Execution]:
        return {(each.name, each.build_id): each for each in await self._engine.executions()}

    def _scan(self) -> list[Kept]:
        found = []
        for path in sorted(self._jobs.glob("*/*")):
            try:
                found.append(Kept(path.parent.name, path.name, path.stat().st_mtime))
            except FileNotFoundError:
                continue
        return found

    def _delete(self, folder: JobFolder) -> None:
        for path in folder.tools.glob("*.lock"):
            lock = take_lock(path)
            if lock is None:
                return
            close(lock)
        folder.remove()


def _with_start(kept: Kept, execution: Execution | None) -> Kept:
    if execution is None or execution.started_at is None:
        return kept
    return msgspec.structs.replace(kept, started=execution.started_at.timestamp())
