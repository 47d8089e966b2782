"""GitHub's nouns, by GitHub's field names: users, repositories, issues, pull requests, comments, reviews, statuses.

Only the fields that Prow reads (`spec/plugins-review` §1.10). Decoded at the edge (`github`), plain values behind it.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from prow.model.base import Noun


class PullKey(NamedTuple):
    """Names one issue or pull request."""

    org: str
    repo: str
    number: int

    def __str__(self) -> str:
        return f"{self.org}/{self.repo}#{self.number}"


class User(Noun, frozen=True):
    """Also an organisation or a bot. A deleted user is `ghost`."""

    login: str = ""
    id: int = 0
    type: str = ""
    html_url: str = ""
    name: str | None = None
    email: str | None = None


class LabelRef(Noun, frozen=True):
    name: str = ""
    color: str = ""
    description: str | None = None


class Milestone(Noun, frozen=True):
    number: int = 0
    title: str = ""
    state: str = ""


class Team(Noun, frozen=True):
    """A team of an organisation. `privacy`: secret or closed. `parent`: the team above it."""

    id: int = 0
    name: str = ""
    slug: str = ""
    description: str | None = None
    privacy: str = ""
    permission: str = ""
    parent: Team | None = None


class RepoPermissions(Noun, frozen=True):
    pull: bool = False
    triage: bool = False
    push: bool = False
    maintain: bool = False
    admin: bool = False


class Repo(Noun, frozen=True):
    id: int = 0
    name: str = ""
    full_name: str = ""
    owner: User | None = None
    html_url: str = ""
    clone_url: str = ""
    default_branch: str = ""
    fork: bool = False
    archived: bool = False
    private: bool = False

    @property
    def org(self) -> str:
        if self.owner is not None and (self.owner.login or self.owner.name):
            return self.owner.login or self.owner.name or ""
        return self.full_name.partition("/")[0]


class Branch(Noun, frozen=True):
    """One side of a pull request. `repo` is null when the head repository was deleted."""

    ref: str = ""
    sha: str = ""
    label: str | None = None
    user: User | None = None
    repo: Repo | None = None


class Issue(Noun, frozen=True):
    """An issue, or the issue side of a pull request (`pull_request` present)."""

    id: int = 0
    node_id: str = ""
    number: int = 0
    user: User | None = None
    title: str = ""
    body: str | None = None
    state: str = ""
    state_reason: str | None = None
    html_url: str = ""
    labels: tuple[LabelRef, ...] = ()
    assignees: tuple[User, ...] = ()
    milestone: Milestone | None = None
    pull_request: dict[str, object] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    locked: bool = False

    @property
    def author(self) -> str:
        return self.user.login if self.user else "ghost"


class PullRequest(Noun, frozen=True):
    """`mergeable` is None while GitHub computes it; `review_comments` (on lines of the diff) where GitHub does not tell."""

    id: int = 0
    node_id: str = ""
    number: int = 0
    html_url: str = ""
    user: User | None = None
    title: str = ""
    body: str | None = None
    state: str = ""
    draft: bool = False
    merged: bool = False
    mergeable: bool | None = None
    mergeable_state: str = ""
    merge_commit_sha: str | None = None
    base: Branch = Branch()
    head: Branch = Branch()
    labels: tuple[LabelRef, ...] = ()
    assignees: tuple[User, ...] = ()
    requested_reviewers: tuple[User, ...] = ()
    requested_teams: tuple[Team, ...] = ()
    milestone: Milestone | None = None
    author_association: str = ""
    commits: int = 0
    additions: int = 0
    deletions: int = 0
    changed_files: int = 0
    review_comments: int | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def author(self) -> str:
        return self.user.login if self.user else "ghost"


class IssueComment(Noun, frozen=True):
    id: int = 0
    node_id: str = ""
    user: User | None = None
    body: str | None = None
    html_url: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def author(self) -> str:
        return self.user.login if self.user else "ghost"


class Review(Noun, frozen=True):
    """`state`: upper case, as REST has it; webhooks' lower case is raised when they are decoded."""

    id: int = 0
    node_id: str = ""
    user: User | None = None
    body: str | None = None
    state: str = ""
    html_url: str = ""
    commit_id: str | None = None
    submitted_at: datetime | None = None


class ReviewComment(Noun, frozen=True):
    id: int = 0
    node_id: str = ""
    user: User | None = None
    body: str | None = None
    html_url: str = ""
    path: str = ""
    created_at: datetime | None = None


class ChangedFile(Noun, frozen=True):
    """A file of a pull request (`GET /repos/{owner}/{repo}/pulls/{n}/files`)."""

    filename: str = ""
    previous_filename: str | None = None
    status: str = ""
    sha: str | None = None
    additions: int = 0
    deletions: int = 0
    changes: int = 0
    patch: str | None = None


class CommitStatus(Noun, frozen=True):
    """A status of a commit. `state`: error, failure, pending, success. `id`: grows from one status to the next; 0: not told."""

    context: str = ""
    state: str = ""
    description: str | None = None
    target_url: str | None = None
    updated_at: datetime | None = None
    id: int = 0


class CombinedStatus(Noun, frozen=True):
    sha: str = ""
    state: str = ""
    statuses: tuple[CommitStatus, ...] = ()
    total_count: int = 0


class PushCommit(Noun, frozen=True):
    id: str = ""
    message: str = ""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
