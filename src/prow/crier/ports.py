"""What crier needs from others, and what a reporter is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from prow.jobs.store import JobChange, JobList
from prow.model.forge import CombinedStatus, CommitStatus, IssueComment, User
from prow.model.prowjob import ProwJob


class Jobs(Protocol):
    """The part of the job store that crier uses (see `jobs.store`)."""

    async def get(self, name: str) -> ProwJob: ...

    async def list(self, selector: str = "", *, limit: int = 0, continue_from: str = "") -> JobList: ...

    async def patch(self, name: str, merge_patch: Mapping[str, Any], *, resource_version: str = "") -> ProwJob: ...

    def watch(self, since: str, selector: str = "") -> AsyncIterator[JobChange]: ...


class Feed(Protocol):
    """Jobs that may have something to report."""

    def follow(self) -> AsyncIterator[ProwJob]:
        """Every job at first, then each one that changed, for ever. The values may be a little old."""
        ...


class TellsGitHub(Protocol):
    """The calls of the GitHub reporter."""

    async def current_user(self) -> User: ...

    async def list_comments(self, org: str, repo: str, number: int) -> tuple[IssueComment, ...]: ...

    async def create_comment(self, org: str, repo: str, number: int, body: str) -> IssueComment: ...

    async def edit_comment(self, org: str, repo: str, comment_id: int, body: str) -> IssueComment: ...

    async def delete_comment(self, org: str, repo: str, comment_id: int) -> None: ...

    async def create_status(self, org: str, repo: str, sha: str, status: CommitStatus) -> object: ...

    def saved(self, how: str, calls: int = 1) -> None:
        """Note calls that need not be made (`github.spending`)."""
        ...

    async def get_combined_status(self, org: str, repo: str, ref: str) -> CombinedStatus: ...


class Reporter(Protocol):
    """Tells one kind of outside. `report` may be repeated for the same state and must then change nothing.

    Whoever tells every state at once derives from it and says nothing of settling.
    """

    name: str
    deadline: float

    def should_report(self, job: ProwJob) -> bool: ...

    def lane(self, job: ProwJob) -> str:
        """Reports of one lane are made one after another."""
        ...

    def settles(self, job: ProwJob) -> float:
        """Seconds after which this state is told; most often another one follows sooner, and only that one is told."""
        del job
        return 0.0

    def overtaken(self, job: ProwJob) -> None:
        """Another state came before those seconds were over."""
        del job

    async def report(self, job: ProwJob) -> tuple[ProwJob, ...]:
        """The jobs that are told about with it; each as it was told."""
        ...
