"""What plugins need of the world: small Protocols, met by `github.client.GitHub`, the job store and the config's reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from prow.config.job import Postsubmit, Presubmit
from prow.model.forge import ChangedFile, CombinedStatus, IssueComment, LabelRef, PullRequest, User
from prow.model.prowjob import ProwJob


class ReadsPulls(Protocol):
    async def get_pull_request(self, org: str, repo: str, number: int) -> PullRequest: ...

    async def list_files(self, org: str, repo: str, number: int) -> Sequence[ChangedFile]: ...

    async def get_combined_status(self, org: str, repo: str, ref: str) -> CombinedStatus: ...

    async def get_ref(self, org: str, repo: str, ref: str) -> str: ...

    async def get_file(self, org: str, repo: str, path: str, ref: str = "") -> bytes: ...


class WritesIssues(Protocol):
    async def list_issue_labels(self, org: str, repo: str, number: int) -> Sequence[LabelRef]: ...

    async def add_labels(self, org: str, repo: str, number: int, labels: Sequence[str]) -> object: ...

    async def remove_label(self, org: str, repo: str, number: int, label: str) -> object: ...

    async def list_comments(self, org: str, repo: str, number: int) -> Sequence[IssueComment]: ...

    async def create_comment(self, org: str, repo: str, number: int, body: str) -> IssueComment: ...

    async def delete_comment(self, org: str, repo: str, comment_id: int) -> object: ...


class KnowsPeople(Protocol):
    async def current_user(self) -> User: ...

    async def is_member(self, org: str, user: str) -> bool: ...

    async def is_collaborator(self, org: str, repo: str, user: str) -> bool: ...


class GitHubForPlugins(ReadsPulls, WritesIssues, KnowsPeople, Protocol):
    """All of it, as the context holds it; handlers should depend on the parts."""


class MakesJobs(Protocol):
    """What a plugin does with ProwJobs."""

    async def create(self, job: ProwJob) -> object: ...

    async def patch(self, name: str, merge_patch: Mapping[str, Any], *, resource_version: str = "") -> object: ...


class KnowsJobs(Protocol):
    """Finds ProwJobs."""

    def unfinished_presubmits(self, org: str, repo: str, number: int) -> Iterable[str]:
        """Names of the pull request's presubmits without a completion time."""
        ...


class InRepoConfig(Protocol):
    """Jobs that the repository itself defines (`.prow.yaml`); raises `ConfigError` when they are wrong."""

    async def presubmits(
        self, org: str, repo: str, *, base_sha: str, heads: Sequence[str]
    ) -> tuple[Presubmit, ...]: ...

    async def postsubmits(self, org: str, repo: str, *, sha: str) -> tuple[Postsubmit, ...]: ...
