"""The port of the job store: Kubernetes' contract, whoever keeps it (DESIGN §4).

`list` answers a consistent picture and its resourceVersion; `watch(since)` goes on from there: added, modified, deleted,
now and then a bookmark, or `Gone` when `since` lies behind the horizon (then list again). `create` takes the given name
and answers `AlreadyExists`, so a name derived from a cause makes creation repeatable. `update` and `patch` with a stale
resourceVersion answer `Conflict`. A job with finalizers gets a deletionTimestamp first and goes when the last finalizer
goes. Readers keep a cache that may lag; no rule relies on reading its own write. Implementations: `jobs.sqlite_store`
(one machine); Kubernetes comes with JOBS. `tests/contract/job_store.py` runs the same tests against each.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from prow.lib.errors import Permanent, Retry
from prow.model.prowjob import ProwJob


class NotFound(Permanent):
    """No such ProwJob."""


class AlreadyExists(Permanent):
    """A ProwJob of that name exists."""


class Conflict(Retry):
    """The resourceVersion given is not the newest: read again, decide again."""


class Gone(Retry):
    """Changes since that resourceVersion are no longer kept: list again."""


class Unavailable(Retry):
    """The store did not answer: it is locked, full, broken or away."""


class InvalidJob(Permanent):
    """The ProwJob breaks a rule of the CRD (`spec/prowjobs-and-pods` §1.1)."""


class Change(StrEnum):
    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
    BOOKMARK = "BOOKMARK"


class JobChange(msgspec.Struct, frozen=True):
    """One change. A bookmark carries only the resourceVersion."""

    change: Change
    resource_version: str
    job: ProwJob | None = None


class JobList(msgspec.Struct, frozen=True):
    """In no promised order. `continue_from`: where the next page begins; empty: this was all."""

    items: tuple[ProwJob, ...]
    resource_version: str
    continue_from: str = ""


class JobStore(Protocol):
    """ProwJobs of one namespace. `selector`: a Kubernetes label selector (`a=b,c!=d,e in (f,g),!h`), empty: all."""

    async def create(self, job: ProwJob) -> ProwJob: ...

    async def get(self, name: str) -> ProwJob: ...

    async def list(self, selector: str = "", *, limit: int = 0, continue_from: str = "") -> JobList:
        """All jobs, or a page of at most `limit`. Every page has the first one's resourceVersion: a watch from there
        tells what changed while the pages were read. `Gone`: that was too long ago, begin again."""
        ...

    async def update(self, job: ProwJob) -> ProwJob: ...

    async def patch(self, name: str, merge_patch: Mapping[str, Any], *, resource_version: str = "") -> ProwJob:
        """RFC 7386 merge patch of the JSON form; `resource_version` makes it conditional."""
        ...

    async def delete(self, name: str, *, resource_version: str = "") -> None: ...

    def watch(self, since: str, selector: str = "") -> AsyncIterator[JobChange]:
        """A job whose new labels are no longer selected is told as deleted, one that is now selected as added."""
        ...


class Lists(Protocol):
    """Whatever can list jobs by pages."""

    async def list(self, selector: str = "", *, limit: int = 0, continue_from: str = "") -> JobList: ...


async def pages(store: Lists, selector: str = "", *, size: int = 200) -> AsyncIterator[JobList]:
    """The whole list page by page, so that never more than a page of whole jobs is in memory."""
    following = ""
    while True:
        page = await store.list(selector, limit=size, continue_from=following)
        yield page
        following = page.continue_from
        if not following:
            return
