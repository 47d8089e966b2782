"""Users, organisations and teams: who they are, who belongs to whom, who is invited."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prow.sim.state.hooks import Hook
    from prow.sim.state.repos import Repo


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
