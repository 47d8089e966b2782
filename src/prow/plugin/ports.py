"""What plugins need of the world: small Protocols, met by `github.client.GitHub`, the job store and the config's reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from prow.config.job import Postsubmit, Presubmit
from prow.model.forge import (
    ChangedFile,
    CombinedStatus,
    CommitStatus,
    IssueComment,
    LabelRef,
    PullRequest,
    Review,
    User,
)
from prow.model.prowjob import ProwJob


class ReadsPulls(Protocol):
    async def get_pull_request(self, org: str, repo: str, number: int) -> PullRequest: ...

    async def list_files(self, org: str, repo: str, number: int) -> Sequence[ChangedFile]: ...

    async def list_reviews(self, org: str, repo: str, number: int) -> Sequence[Review]: ...

    async def get_combined_status(self, org: str, repo: str, ref: str) -> CombinedStatus: ...

    async def get_ref(self, org: str, repo: str, ref: str) -> str: ...

    async def get_file(self, org: str, repo: str, path: str, ref: str = "") -> bytes: ...


class WritesStatuses(Protocol):
    async def create_status(self, org: str, repo: str, sha: str, status: CommitStatus) -> object: ...


class WritesIssues(Protocol):
    async def list_issue_labels(self, org: str, repo: str, number: int) -> Sequence[LabelRef]: ...

    async def add_labels(self, org: str, repo: str, number: int, labels: Sequence[str]) -> object: ...

    async def remove_label(self, org: str, repo: str, number: int, label: str) -> object: ...

    async def list_comments(self, org: str, repo: str, number: int) -> Sequence[IssueComment]: ...

    async def create_comment(self, org: str, repo: str, number: int, body: str) -> IssueComment: ...

    async def delete_comment(self, org: str, repo: str, comment_id: int) -> object:
        """A comment that is not there is gone already."""
        ...


class KnowsPeople(Protocol):
    async def current_user(self) -> User: ...

    async def is_member(self, org: str, user: str) -> bool: ...

    async def is_collaborator(self, org: str, repo: str, user: str) -> bool: ...


class GitHubForPlugins(ReadsPulls, WritesIssues, WritesStatuses, KnowsPeople, Protocol):
    """All of it, as the context holds it; handlers should depend on the parts."""


class MakesJobs(Protocol):
    """What a plugin does with ProwJobs."""

    async def create(self, job: ProwJob) -> object: ...

    async def patch(self, name: str, merge_patch: Mapping[str, Any], *, resource_version: str = "") -> object: ...


class OpenJob(NamedTuple):
    """A ProwJob as the index saw it last; the index may lag."""

    name: str
    resource_version: str


class KnowsJobs(Protocol):
    """Finds ProwJobs."""

    def unfinished_presubmits(self, org: str, repo: str, number: int) -> Iterable[OpenJob]:
        """The pull request's presubmits without a completion time."""
        ...


class CountsMerged(Protocol):
    """GitHub's search, as far as the invitation to an organisation needs it."""

    async def count_merged(self, org: str, author: str) -> int:
        """How many pull requests of `author` were merged anywhere in `org` (`type:pr is:merged org:… author:…`)."""
        ...


class InRepoConfig(Protocol):
    """Jobs that the repository itself defines (`.prow.yaml`); raises `ConfigError` when they are wrong."""

    async def presubmits(
        self, org: str, repo: str, *, base_sha: str, heads: Sequence[str]
    ) -> tuple[Presubmit, ...]: ...

    async def postsubmits(self, org: str, repo: str, *, sha: str) -> tuple[Postsubmit, ...]: ...
