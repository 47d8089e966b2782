"""Small adapters between rooms that must not know each other."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from prow.engines.local.engine import LocalEngine
from prow.jobs.index import JobIndex
from prow.jobs.make import new_prowjob
from prow.lib.clock import Clock
from prow.lib.ids import Ids
from prow.model.prowjob import JobType, Label, ProwJob


class EngineLogs:
    """deck's view of the engine's growing logs."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine

    async def read_log(self, name: str, offset: int, limit: int) -> bytes | None:
        if self._engine.log_path(name) is None:
            return None
        return await self._engine.read_log(name, offset, limit)


class OpenPresubmits:
    """The plugins' view of the index."""

    def __init__(self, index: JobIndex) -> None:
        self._index = index

    def unfinished_presubmits(self, org: str, repo: str, number: int) -> Iterable[str]:
        return [
            row.name
            for row in self._index.by_pull(org, repo, number)
            if row.type is JobType.PRESUBMIT and not row.complete
        ]


class Reruns:
    """deck's rerun: the old job's spec, labels and annotations under a new name."""

    def __init__(self, *, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids

    def again(self, job: ProwJob) -> ProwJob:
        stale = {Label.ID, Label.BUILD_ID}
        labels = {key: value for key, value in job.metadata.labels.items() if key not in stale}
        made = new_prowjob(
            job.spec,
            name=self._ids.new(),
            namespace=job.metadata.namespace,
            now=self._clock.now(),
            labels=labels,
            annotations=job.metadata.annotations,
        )
        text = f"Successfully reran {made.name}."
        return msgspec.structs.replace(made, status=msgspec.structs.replace(made.status, description=text))
