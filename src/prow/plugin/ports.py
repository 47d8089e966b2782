"""What plugins need of the world: small Protocols, met by `github.client.GitHub`, the job store and the config's reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from prow.config.config import Config
from prow.config.job import Postsubmit, Presubmit
from prow.config.plugins import PluginsConfig
from prow.model.forge import (
    ChangedFile,
    CombinedStatus,
    CommitStatus,
    IssueComment,
    LabelRef,
    PullRequest,
    Review,
    ReviewComment,
    User,
)
from prow.model.prowjob import ProwJob


class ReadsPulls(Protocol):
    async def get_pull_request(self, org: str, repo: str, number: int) -> PullRequest: ...

    async def list_files(self, org: str, repo: str, number: int) -> Sequence[ChangedFile]: ...

    async def list_reviews(self, org: str, repo: str, number: int) -> Sequence[Review]: ...

    async def list_review_comments(self, org: str, repo: str, number: int) -> Sequence[ReviewComment]: ...

    async def get_combined_status(self, org: str, repo: str, ref: str) -> CombinedStatus: ...

    async def get_ref(self, org: str, repo: str, ref: str) -> str: ...

    async def get_tree_sha(self, org: str, repo: str, sha: str) -> str:
        """The tree of a commit."""
        ...

    async def get_file(self, org: str, repo: str, path: str, ref: str = "") -> bytes: ...


class ReadsFiles(Protocol):
    """Files of a repository at a commit, from a git mirror: no API call is spent."""

    async def read(self, org: str, repo: str, sha: str, path: str) -> bytes | None:
        """None: the commit has no such file."""
        ...


class WritesStatuses(Protocol):
    async def create_status(self, org: str, repo: str, sha: str, status: CommitStatus) -> object: ...


class WritesIssues(Protocol):
    async def list_issue_labels(self, org: str, repo: str, number: int) -> Sequence[LabelRef]: ...

    async def add_labels(self, org: str, repo: str, number: int, labels: Sequence[str]) -> object: ...

    async def remove_label(self, org: str, repo: str, number: int, label: str) -> object: ...

    async def who_labelled(self, org: str, repo: str, number: int, label: str) -> str | None:
        """Who set this label last; None: nobody did."""
        ...

    async def list_comments(self, org: str, repo: str, number: int) -> Sequence[IssueComment]: ...

    async def create_comment(self, org: str, repo: str, number: int, body: str) -> IssueComment: ...

    async def edit_comment(self, org: str, repo: str, comment_id: int, body: str) -> object: ...

    async def delete_comment(self, org: str, repo: str, comment_id: int) -> object:
        """A comment that is not there is gone already."""
        ...


class AsksPeople(Protocol):
    """Assignees and reviewers; NotAssigned names those whom GitHub left out."""

    async def add_assignees(self, org: str, repo: str, number: int, logins: Sequence[str]) -> object: ...

    async def remove_assignees(self, org: str, repo: str, number: int, logins: Sequence[str]) -> object: ...

    async def request_reviewers(self, org: str, repo: str, number: int, logins: Sequence[str]) -> object:
        """`org/slug` means a team."""
        ...

    async def remove_reviewers(self, org: str, repo: str, number: int, logins: Sequence[str]) -> object: ...


class KnowsPeople(Protocol):
    async def current_user(self) -> User: ...

    async def is_member(self, org: str, user: str) -> bool: ...

    async def is_collaborator(self, org: str, repo: str, user: str) -> bool: ...

    async def in_team_named(self, org: str, team: str, user: str) -> bool:
        """Whether `user` is in the team of that name (not slug); a team that is not there has nobody."""
        ...


class CountsSavings(Protocol):
    def saved(self, how: str, calls: int = 1) -> None:
        """Note calls that need not be made (`github.spending`)."""
        ...


class GitHubForPlugins(ReadsPulls, WritesIssues, WritesStatuses, AsksPeople, KnowsPeople, CountsSavings, Protocol):
    """All of it, as the context holds it; handlers should depend on the parts."""


class MakesJobs(Protocol):
    """What a plugin does with ProwJobs. Both give the job as it is stored then; a dry run stores nothing, and says itself what it would."""

    async def create(self, job: ProwJob) -> ProwJob: ...

    async def patch(self, name: str, merge_patch: Mapping[str, Any], *, resource_version: str = "") -> ProwJob: ...


class OpenJob(NamedTuple):
    """A ProwJob as the index saw it last; the index may lag. `head`: the commit of the pull request that it tests."""

    name: str
    resource_version: str
    head: str = ""


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


class Owners(Protocol):
    """Who may review and approve what on one branch, as its OWNERS files say (`spec/plugins-review` §2.5).

    Paths are relative to the repository's root, logins are in lower case. A layer is how far up from the file a person is
    named: 0 at the file itself.
    """

    def approvers(self, path: str) -> frozenset[str]: ...

    def reviewers(self, path: str) -> frozenset[str]: ...

    def approver_layers(self, path: str) -> tuple[frozenset[str], ...]: ...

    def reviewer_layers(self, path: str) -> tuple[frozenset[str], ...]: ...

    def leaf_approvers(self, path: str) -> frozenset[str]: ...

    def leaf_reviewers(self, path: str) -> frozenset[str]: ...

    def required_reviewers(self, path: str) -> frozenset[str]: ...

    def labels_for(self, path: str) -> frozenset[str]: ...

    def find_approver_owners_for_file(self, path: str) -> str:
        """The nearest folder whose OWNERS name approvers for this file; empty for the root, and for none."""
        ...

    def find_reviewers_owners_for_file(self, path: str) -> str: ...

    def top_level_approvers(self) -> frozenset[str]: ...

    def all_approvers(self) -> frozenset[str]: ...

    def all_reviewers(self) -> frozenset[str]: ...

    def all_owners(self) -> frozenset[str]: ...

    def is_no_parent_owners(self, folder: str) -> bool: ...

    def is_auto_approve_unowned_subfolders(self, folder: str) -> bool: ...


class ReadsOwners(Protocol):
    async def load(self, org: str, repo: str, branch: str, *, config: Config, plugins: PluginsConfig) -> Owners:
        """The OWNERS files at the newest commit of a branch. Costs no API call but, where collaborators count, their list."""
        ...
