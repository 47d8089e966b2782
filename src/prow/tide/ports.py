"""What tide needs of the world: small Protocols, met by the GitHub client, the job store, its index, and rooms that `cli` hands over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Protocol

from prow.config.job import Presubmit
from prow.github.merging import MergeDetails, PullPage
from prow.jobs.index import JobRow
from prow.model.forge import ChangedFile, CommitStatus, Issue
from prow.model.prowjob import ProwJob
from prow.model.pull_facts import PullFacts


class ReadsPulls(Protocol):
    def open_pull_pages(self, org: str, repo: str) -> AsyncIterator[PullPage]: ...

    async def pull_facts(self, org: str, repo: str, number: int) -> PullFacts: ...

    async def list_files(self, org: str, repo: str, number: int) -> Sequence[ChangedFile]: ...

    async def list_org_repos(self, org: str) -> Sequence[str]: ...

    async def list_issues_labelled(self, org: str, repo: str, label: str) -> Sequence[Issue]: ...


class Merges(Protocol):
    async def merge_pull_request(self, org: str, repo: str, number: int, details: MergeDetails) -> str: ...

    async def create_status(self, org: str, repo: str, sha: str, status: CommitStatus) -> CommitStatus: ...


class GitHubForTide(ReadsPulls, Merges, Protocol):
    """All of it."""

    @property
    def dry_run(self) -> bool: ...


class CreatesJobs(Protocol):
    async def create(self, job: ProwJob) -> ProwJob:
        """The job as it is stored; a dry run stores nothing, and says itself what it would."""
        ...


class KnowsJobs(Protocol):
    """The index: it may lag."""

    def by_branch(self, org: str, repo: str, branch: str) -> Iterable[JobRow]:
        """Presubmits and batches into a branch."""
        ...


class ReadsOwnJobs(Protocol):
    """Presubmits that the repository itself defines, at the base with the heads merged into it; raises `ConfigError` and others."""

    async def presubmits(
        self, org: str, repo: str, *, base_sha: str, heads: Sequence[str]
    ) -> tuple[Presubmit, ...]: ...


class NamesPeople(Protocol):
    """Who could review or approve what a pull request changes, from OWNERS; names for people to read, the best first."""

    async def reviewers(self, org: str, repo: str, branch: str, files: Sequence[str]) -> Sequence[str]: ...

    async def approvers(self, org: str, repo: str, branch: str, files: Sequence[str]) -> Sequence[str]: ...
