"""Who belongs to an organisation, who is invited, and the organisation's own settings."""

from __future__ import annotations

import msgspec

from prow.github.area import Area, at, given
from prow.github.orgs import Membership
from prow.github.teams import Invitation
from prow.model.base import Noun
from prow.model.forge import User


class Organization(Noun, frozen=True):
    """`default_repository_permission`: read, write, admin or none."""

    login: str = ""
    id: int = 0
    name: str | None = None
    description: str | None = None
    company: str | None = None
    location: str | None = None
    email: str | None = None
    billing_email: str | None = None
    has_organization_projects: bool = False
    has_repository_projects: bool = False
    default_repository_permission: str | None = None
    members_can_create_repositories: bool | None = None


class OrganizationChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be another one; the rest stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    description: str | msgspec.UnsetType = msgspec.UNSET
    company: str | msgspec.UnsetType = msgspec.UNSET
    location: str | msgspec.UnsetType = msgspec.UNSET
    email: str | msgspec.UnsetType = msgspec.UNSET
    billing_email: str | msgspec.UnsetType = msgspec.UNSET
    has_organization_projects: bool | msgspec.UnsetType = msgspec.UNSET
    has_repository_projects: bool | msgspec.UnsetType = msgspec.UNSET
    default_repository_permission: str | msgspec.UnsetType = msgspec.UNSET
    members_can_create_repositories: bool | msgspec.UnsetType = msgspec.UNSET


class Members(Area):
    async def get_org(self, org: str) -> Organization:
        """Its settings are there only for its owners."""
        return await self._read(Organization, at("/orgs/:orgname", {"orgname": org}))

    async def edit_org(self, org: str, change: OrganizationChange) -> Organization:
        known = given(change)
        place = at("/orgs/:orgname", {"orgname": org})
        return await self._write("PATCH", place, Organization, body=change, instead=Organization(login=org, **known))

    async def list_members(self, org: str, *, role: str = "all") -> tuple[User, ...]:
        """`role`: all, admin or member. Without being in it one sees only public members."""
        return await self._list(User, at("/orgs/:orgname/members", {"orgname": org}, query={"role": role}))

    async def set_membership(self, org: str, user: str, *, admin: bool = False) -> Membership:
        """Who is not in it is invited; then the membership is pending."""
        role = "admin" if admin else "member"
        place = at("/orgs/:orgname/memberships/:login", {"orgname": org, "login": user})
        instead = Membership(role=role, state="active")
        return await self._write("PUT", place, Membership, body={"role": role}, instead=instead, content=True)

    async def remove_membership(self, org: str, user: str) -> None:
        """Also takes back an invitation. Who is not in it is gone already."""
        await self._ask("DELETE", at("/orgs/:orgname/memberships/:login", {"orgname": org, "login": user}), ok=(404,))

    async def list_invitations(self, org: str) -> tuple[Invitation, ...]:
        return await self._list(Invitation, at("/orgs/:orgname/invitations", {"orgname": org}))

    async def list_failed_invitations(self, org: str) -> tuple[Invitation, ...]:
        return await self._list(Invitation, at("/orgs/:orgname/failed_invitations", {"orgname": org}))

    async def cancel_invitation(self, org: str, invitation: int) -> None:
        """An invitation that is not there is gone already."""
        place = at("/orgs/:orgname/invitations/:invitationId", {"orgname": org, "invitationId": invitation})
        await self._ask("DELETE", place, ok=(404,), content=True)
