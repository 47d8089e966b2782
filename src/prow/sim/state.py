"""The nouns of the simulated GitHub: plain mutable state. Rules are in `rules` and `world`, JSON in `payloads`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prow.sim.gitrepo import Compared

if TYPE_CHECKING:
    from prow.sim.apps import App

MOST_STATUSES = 1000
"""Statuses of one commit and context; GitHub refuses the next."""


@dataclass(eq=False)
class User:
    """`busy`: has told GitHub to have little time."""

    login: str
    id: int
    type: str = "User"
    busy: bool = False


@dataclass
class Membership:
    """Of an organisation (`role`: member or admin) or a team (member or maintainer). Pending until the user accepts."""

    user: User
    role: str = "member"
    state: str = "active"
    public: bool = False


@dataclass(eq=False)
class Team:
    """`parent`: its members' rights are those of the parent team, too. `memberships`: by lower-case login."""

    id: int
    slug: str
    name: str
    created_at: datetime
    description: str = ""
    privacy: str = "closed"
    parent: Team | None = None
    memberships: dict[str, Membership] = field(default_factory=dict)

    @property
    def lineage(self) -> list[Team]:
        """Itself, its parent, the parent's parent."""
        return [self, *(self.parent.lineage if self.parent is not None else ())]


@dataclass(eq=False)
class OrgInvitation:
    """`invitee` None: invited by e-mail."""

    id: int
    invitee: User | None
    email: str | None
    role: str
    inviter: User
    created_at: datetime
    teams: list[Team] = field(default_factory=list)
    failed_at: datetime | None = None
    failed_reason: str = ""


@dataclass(eq=False)
class RepoInvitation:
    id: int
    repo: Repo
    invitee: User
    inviter: User
    permission: str
    created_at: datetime


@dataclass(eq=False)
class Org:
    """`memberships`: by lower-case login; `teams`: by slug. `default_permission`: what every member may do in its repositories.
    `settings`: what `PATCH /orgs/O` changes beside it."""

    login: str
    id: int
    memberships: dict[str, Membership] = field(default_factory=dict)
    teams: dict[str, Team] = field(default_factory=dict)
    invitations: list[OrgInvitation] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    default_permission: str = "read"
    settings: dict[str, Any] = field(default_factory=dict)

    def member(self, login: str | None) -> Membership | None:
        """The active membership of this user."""
        found = self.memberships.get((login or "").lower())
        return found if found is not None and found.state == "active" else None


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
    """A comment on a line of a pull request."""

    id: int
    user: User
    body: str
    path: str
    line: int
    commit_id: str
    created_at: datetime
    updated_at: datetime
    review_id: int | None = None
    in_reply_to: int | None = None
    side: str = "RIGHT"
    start_line: int | None = None
    diff_hunk: str = ""
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
class Status:
    id: int
    context: str
    state: str
    description: str
    target_url: str
    creator: User
    created_at: datetime


@dataclass(eq=False)
class CheckRun:
    """`status`: queued, in_progress or completed; `conclusion` is there when it is completed."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None
    details_url: str
    external_id: str
    started_at: datetime
    completed_at: datetime | None = None
    output: dict[str, Any] = field(default_factory=dict)
    app: App | None = None
    suite: CheckSuite | None = None


@dataclass(eq=False)
class CheckSuite:
    """All check runs of one app for one commit."""

    id: int
    head_sha: str
    head_branch: str
    app: App
    created_at: datetime


@dataclass(eq=False)
class WorkflowRun:
    """A run of a workflow of GitHub Actions. `attempt` grows with each time it is run again."""

    id: int
    number: int
    name: str
    path: str
    event: str
    head_branch: str
    head_sha: str
    actor: User
    created_at: datetime
    updated_at: datetime
    status: str = "queued"
    conclusion: str | None = None
    attempt: int = 1
    workflow_id: int = 0


@dataclass(frozen=True)
class Protection:
    """The rules of a protected branch. None: there is no such rule.

    `apps`: contexts that only this app may report, by context. `pushers`, `push_teams`, `push_apps`: lower-case logins and slugs that
    alone may push; `pushers` None: everybody who may write. `dismissers`: the same for dismissing reviews.
    """

    contexts: tuple[str, ...] | None = None
    strict: bool = False
    reviews: int | None = None
    dismiss_stale: bool = False
    enforce_admins: bool = False
    pushers: frozenset[str] | None = None
    push_teams: frozenset[str] = frozenset()
    push_apps: frozenset[str] = frozenset()
    apps: dict[str, int] = field(default_factory=dict)
    code_owners: bool = False
    last_push: bool = False
    dismissers: frozenset[str] | None = None
    dismiss_teams: frozenset[str] = frozenset()
    linear: bool = False
    conversations: bool = False
    force_pushes: bool = False
    deletions: bool = False
    signatures: bool = False
    locked: bool = False
    block_creations: bool = False


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


@dataclass(eq=False)
class Delivery:
    """One attempt to deliver one event. `status`: the answer's code, 0: none yet or no answer; `answer`: how its body begins."""

    id: int
    guid: str
    event: str
    action: str
    body: bytes
    delivered_at: datetime
    status: int = 0
    redelivery: bool = False
    repository_id: int | None = None
    installation_id: int | None = None
    duration: float = 0.0
    answer: str = ""


@dataclass(eq=False)
class Hook:
    """`target`: the kind and the id of what it belongs to, as its deliveries tell it. `form`: payloads are sent as a form's field."""

    id: int
    url: str
    secret: str
    events: tuple[str, ...] = ("*",)
    active: bool = True
    deliveries: list[Delivery] = field(default_factory=list)
    target: tuple[str, int] = ("repository", 0)
    form: bool = False
    insecure: bool = False

    def wants(self, event: str) -> bool:
        return self.active and ("*" in self.events or event in self.events)


@dataclass(eq=False)
class Repo:
    """`path`: the bare repository. `collaborators`, `teams`: login or slug → read, triage, write, maintain, admin. `settings`: what is
    shown and has no rules; `renamed_branches`: old name → new."""

    owner: str
    name: str
    id: int
    path: Path
    created_at: datetime
    default_branch: str = "main"
    private: bool = False
    archived: bool = False
    parent: Repo | None = None
    labels: dict[str, Label] = field(default_factory=dict)
    collaborators: dict[str, str] = field(default_factory=dict)
    teams: dict[str, str] = field(default_factory=dict)
    issues: dict[int, Issue] = field(default_factory=dict)
    statuses: dict[str, list[Status]] = field(default_factory=dict)
    check_runs: dict[str, list[CheckRun]] = field(default_factory=dict)
    check_suites: list[CheckSuite] = field(default_factory=list)
    workflow_runs: list[WorkflowRun] = field(default_factory=list)
    protections: dict[str, Protection] = field(default_factory=dict)
    milestones: dict[int, Milestone] = field(default_factory=dict)
    allow_merge_commit: bool = True
    allow_squash_merge: bool = True
    allow_rebase_merge: bool = True
    delete_branch_on_merge: bool = False
    settings: dict[str, Any] = field(default_factory=dict)
    renamed_branches: dict[str, str] = field(default_factory=dict)
    hooks: list[Hook] = field(default_factory=list)
    next_number: int = 1
    next_milestone: int = 1
    moved_issues: dict[int, Issue] = field(default_factory=dict)
    pushed_at: datetime | None = None

    @property
    def full_name(self) -> str:
        return f"{self.owner}/{self.name}"
