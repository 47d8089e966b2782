"""Follows the job store: a list, then the watch, and a new list when the watch has fallen behind."""

from __future__ import annotations

from collections.abc import AsyncIterator

from prow.crier.ports import Jobs
from prow.jobs.store import Change, Gone, pages
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import Retry
from prow.model.prowjob import ProwJob

_log = logs.get("crier")
_PAUSE = 1.0


class StoreFeed:
    """Implements `Feed` over the job store."""

    def __init__(self, jobs: Jobs, clock: Clock) -> None:
        self._jobs = jobs
        self._clock = clock

    async def follow(self) -> AsyncIterator[ProwJob]:
        since = ""
        while True:
            try:
                if not since:
                    newest = ""
                    async for page in pages(self._jobs):
                        for job in page.items:
                            yield job
                        newest = page.resource_version
                    since = newest
                async for change in self._jobs.watch(since):
                    since = change.resource_version
                    if change.job is not None and change.change in {Change.ADDED, Change.MODIFIED}:
                        yield change.job
            except Gone:
                since = ""
            except Retry as error:
                _log.warning("The jobs cannot be followed for the moment.", error=str(error))
                await self._clock.sleep(error.after or _PAUSE)
