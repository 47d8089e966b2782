"""Issues and pull requests, and what is said on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from prow.sim.gitrepo import Compared

if TYPE_CHECKING:
    from prow.sim.state.people import Team, User
    from prow.sim.state.repos import Repo


@dataclass(eq=False)
class Label:
    id: int
    name: str
    color: str = "ededed"
    description: str = ""


@dataclass(eq=False)
class Milestone:
    id: int
    number: int
    title: str
    creator: User
    created_at: datetime
    state: str = "open"
    description: str = ""
    due_on: str | None = None
    closed_at: datetime | None = None


@dataclass(eq=False)
class Reaction:
    id: int
    content: str
    user: User
    created_at: datetime


@dataclass(eq=False)
class Comment:
    id: int
    user: User
    body: str
    created_at: datetime
    updated_at: datetime
    reactions: list[Reaction] = field(default_factory=list)
    minimized: str = ""


@dataclass(eq=False)
class CommitComment:
    """On a commit as a whole, or on a line of what it changes (`position`, below the first hunk's header)."""

    id: int
    user: User
    body: str
    commit_id: str
    created_at: datetime
    updated_at: datetime
    path: str | None = None
    line: int | None = None
    position: int | None = None
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(eq=False)
class Review:
    """`state`: APPROVED, CHANGES_REQUESTED, COMMENTED or DISMISSED."""

    id: int
    user: User
    body: str
    state: str
    commit_id: str
    submitted_at: datetime


@dataclass(eq=False)
class ReviewComment:
    """A comment on a line of a pull request, or on a file (`subject`). `line`, `position` and `commit_id` move with the head, None: it is
    outdated; the `original` ones do not."""

    id: int
    user: User
    body: str
    path: str
    line: int | None
    commit_id: str
    created_at: datetime
    updated_at: datetime
    review_id: int | None = None
    in_reply_to: int | None = None
    side: str = "RIGHT"
    start_line: int | None = None
    diff_hunk: str = ""
    subject: str = "line"
    position: int | None = None
    original_line: int | None = None
    original_position: int | None = None
    original_start_line: int | None = None
    original_commit: str = ""
    reactions: list[Reaction] = field(default_factory=list)


@dataclass(eq=False)
class IssueEvent:
    """An entry of the issue's history. `details`: fields of its JSON that its kind has."""

    id: int
    event: str
    actor: User
    created_at: datetime
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class AutoMerge:
    """Who wants it merged as soon as it can be, and how. `trying`: it is being merged right now."""

    user: User
    method: str
    title: str
    message: str | None
    enabled_at: datetime
    trying: bool = False


@dataclass(eq=False)
class Pull:
    """The pull request side of an issue.

    `mergeable` is None until it was computed for this pair of commits; `checking`: it is being computed. `compared`: the pair and
    the way from one to the other. `resolved`: ids of the first comments of threads that are resolved. `owners`: for this pair, who owns
    each changed file by CODEOWNERS.
    """

    head_repo: Repo | None
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    draft: bool = False
    merged: bool = False
    mergeable: bool | None = None
    merge_commit_sha: str | None = None
    merged_at: datetime | None = None
    merged_by: User | None = None
    auto_merge: AutoMerge | None = None
    rebaseable: bool = False
    checking: bool = False
    requested_reviewers: list[User] = field(default_factory=list)
    requested_teams: list[Team] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    review_comments: list[ReviewComment] = field(default_factory=list)
    maintainer_can_modify: bool = False
    resolved: set[int] = field(default_factory=set)
    last_pusher: User | None = None
    owners: tuple[tuple[str, str], list[frozenset[str]]] | None = None
    compared: tuple[tuple[str, str], Compared] | None = None
    files: tuple[tuple[str, str], list[dict[str, object]]] | None = None


@dataclass(eq=False)
class Issue:
    """An issue or a pull request: one sequence of numbers. `talk`: what search made of its comments."""

    repo: Repo
    id: int
    number: int
    user: User
    title: str
    body: str
    created_at: datetime
    updated_at: datetime
    state: str = "open"
    labels: list[Label] = field(default_factory=list)
    assignees: list[User] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    events: list[IssueEvent] = field(default_factory=list)
    milestone: Milestone | None = None
    closed_at: datetime | None = None
    closed_by: User | None = None
    state_reason: str | None = None
    locked: bool = False
    lock_reason: str | None = None
    pinned: bool = False
    reactions: list[Reaction] = field(default_factory=list)
    talk: tuple[Any, tuple[str, frozenset[str], frozenset[str]]] | None = None
    pull: Pull | None = None

    @property
    def graph_state(self) -> str:
        """GraphQL's word: OPEN, CLOSED or MERGED."""
        return "MERGED" if self.pull is not None and self.pull.merged else self.state.upper()
