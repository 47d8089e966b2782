"""Invitations to ourselves: to repositories and to organisations."""

from __future__ import annotations

from prow.github.area import Area, at
from prow.github.collaborators import RepoInvitation
from prow.github.orgs import Membership


class Invitations(Area):
    """Only for a person's token: a GitHub App is installed, not invited."""

    async def list_own_repo_invitations(self) -> tuple[RepoInvitation, ...]:
        return await self._list(RepoInvitation, at("/user/repository_invitations", {}))

    async def accept_repo_invitation(self, invitation: int) -> None:
        await self._ask("PATCH", at("/user/repository_invitations/:invitationId", {"invitationId": invitation}))

    async def list_own_org_memberships(self, *, state: str = "pending") -> tuple[Membership, ...]:
        """`state`: pending are invitations, active are memberships."""
        return await self._list(Membership, at("/user/memberships/orgs", {}, query={"state": state}))

    async def accept_org_invitation(self, org: str) -> Membership:
        place = at("/user/memberships/orgs/:orgname", {"orgname": org})
        instead = Membership(state="active", role="member")
        return await self._write("PATCH", place, Membership, body={"state": "active"}, instead=instead)
