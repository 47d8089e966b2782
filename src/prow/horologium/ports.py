"""What horologium needs of the job store."""

from __future__ import annotations

from typing import Protocol

from prow.model.prowjob import ProwJob


class Jobs(Protocol):
    async def create(self, job: ProwJob) -> ProwJob: ...

    async def get(self, name: str) -> ProwJob: ...
