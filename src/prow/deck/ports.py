"""What deck needs of others. All of it is optional but the jobs: a deck without tide says so on its pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from prow.model.explanation import Explanation
from prow.model.prowjob import ProwJob


class Reruns(Protocol):
    """Makes the job that `rerun` creates: the same spec, a new name."""

    def again(self, job: ProwJob) -> ProwJob: ...


class Waiting(Protocol):
    """Who knows why a job has not started."""

    def waiting_reasons(self) -> Mapping[str, str]: ...


class Explains(Protocol):
    """Who knows why a pull request is not merging: tide, in this process or over HTTP."""

    async def explain(self, org: str, repo: str, number: int) -> Explanation | None:
        """None: it does not know that pull request. `Retry`: it cannot be asked just now. `Permanent`: it never can."""
        ...


class TidePools(Protocol):
    """Tide's own two documents (`spec/tide` §6.1, §6.2). Both raise `Retry` when tide cannot be asked just now."""

    async def pools(self) -> bytes:
        """JSON array of pools, or `null` before the first."""
        ...

    async def history(self) -> bytes:
        """JSON object: pool key → records, newest first."""
        ...
