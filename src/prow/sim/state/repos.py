"""Repositories, and the rules of their branches."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prow.sim.state.checks import CheckRun, CheckSuite, Status, WorkflowRun
    from prow.sim.state.deployments import Deployment
    from prow.sim.state.hooks import Hook
    from prow.sim.state.issues import CommitComment, Issue, Label, Milestone
    from prow.sim.state.releases import Release


@dataclass(frozen=True)
class Protection:
    """The rules of a protected branch. None: there is no such rule.

    `apps`: contexts that only this app may report, by context. `pushers`, `push_teams`, `push_apps`: lower-case logins and slugs that
    alone may push; `pushers` None: everybody who may write. `dismissers`: the same for dismissing reviews. `bypassers`: who needs no
    pull request, and no reviews of one.
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
    dismiss_apps: frozenset[str] = frozenset()
    bypassers: frozenset[str] = frozenset()
    bypass_teams: frozenset[str] = frozenset()
    bypass_apps: frozenset[str] = frozenset()
    linear: bool = False
    conversations: bool = False
    force_pushes: bool = False
    deletions: bool = False
    signatures: bool = False
    locked: bool = False
    block_creations: bool = False


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
    releases: list[Release] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)
    commit_comments: list[CommitComment] = field(default_factory=list)
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
