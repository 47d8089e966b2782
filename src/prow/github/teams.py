"""Teams of an organisation: who is in them, what they may do where."""

from __future__ import annotations

import msgspec

from prow.github.area import Area, Place, at, repo_at, typed
from prow.github.orgs import Membership
from prow.model.base import Noun
from prow.model.forge import RepoPermissions, Team, User


class TeamChange(msgspec.Struct, frozen=True, kw_only=True):
    """A new team, or what is to be another one. `privacy`: secret or closed. `parent_team_id`: None for none."""

    name: str
    description: str | msgspec.UnsetType = msgspec.UNSET
    privacy: str | msgspec.UnsetType = msgspec.UNSET
    parent_team_id: int | msgspec.UnsetType | None = msgspec.UNSET


class TeamRepo(Noun, frozen=True):
    """A repository that a team may do something in."""

    id: int = 0
    name: str = ""
    full_name: str = ""
    archived: bool = False
    permissions: RepoPermissions = RepoPermissions()


class Invitation(Noun, frozen=True):
    """To an organisation. `login`: null for one by e-mail. `role`: direct_member, admin, billing_manager, reinstate."""

    id: int = 0
    login: str | None = None
    email: str | None = None
    role: str = ""
    inviter: User | None = None
    failed_reason: str | None = None


class Teams(Area):
    """`slug` names a team within its organisation."""

    async def list_teams(self, org: str) -> tuple[Team, ...]:
        return await self._list(Team, at("/orgs/:orgname/teams", {"orgname": org}))

    async def list_repo_teams(self, org: str, repo: str) -> tuple[Team, ...]:
        """Teams that may do something in a repository."""
        return await self._list(Team, repo_at("/teams", org, repo))

    async def get_team(self, org: str, slug: str) -> Team:
        return await self._read(Team, _team(org, slug))

    async def create_team(self, org: str, team: TeamChange) -> Team:
        """Raises Unprocessable when the name is taken, MaybeDone when nobody can tell whether it was made."""
        place = at("/orgs/:orgname/teams", {"orgname": org})
        return await self._write("POST", place, Team, body=team, instead=_planned(team), once=True)

    async def edit_team(self, org: str, slug: str, team: TeamChange) -> Team:
        """A new name makes a new slug."""
        return await self._write("PATCH", _team(org, slug), Team, body=team, instead=_planned(team, slug=slug))

    async def delete_team(self, org: str, slug: str) -> None:
        """A team that is not there is gone already. Teams below it go with it."""
        await self._ask("DELETE", _team(org, slug), ok=(404,))

    async def list_team_members(self, org: str, slug: str, *, role: str = "all") -> tuple[User, ...]:
        """`role`: member, maintainer or all. Those of teams below it are among them."""
        return await self._list(User, _team(org, slug, "/members", query={"role": role}))

    async def list_team_members_by_id(self, team: int, *, org: str = "", role: str = "all") -> tuple[User, ...]:
        """GitHub's older address, for settings that name a team by its number. `org` chooses the credentials."""
        place = at("/teams/:id/members", {"id": team}, query={"role": role})
        return await self._list(User, Place(place.template, place.path, org))

    async def list_team_invitations(self, org: str, slug: str) -> tuple[Invitation, ...]:
        return await self._list(Invitation, _team(org, slug, "/invitations"))

    async def get_team_membership(self, org: str, slug: str, user: str) -> Membership | None:
        """None: neither a member nor invited. Membership through a team below it counts."""
        place = _team(org, slug, "/memberships/:login", login=user)
        answer = await self._ask("GET", place, ok=(404,))
        return None if answer.status == 404 else typed(answer, Membership, place)

    async def set_team_membership(self, org: str, slug: str, user: str, *, maintainer: bool = False) -> Membership:
        """Who is not in the organisation is invited; then the membership is pending."""
        role = "maintainer" if maintainer else "member"
        place = _team(org, slug, "/memberships/:login", login=user)
        instead = Membership(role=role, state="active")
        return await self._write("PUT", place, Membership, body={"role": role}, instead=instead)

    async def remove_team_membership(self, org: str, slug: str, user: str) -> None:
        """Who is not in it is gone already."""
        await self._ask("DELETE", _team(org, slug, "/memberships/:login", login=user), ok=(404,))

    async def list_team_repos(self, org: str, slug: str) -> tuple[TeamRepo, ...]:
        return await self._list(TeamRepo, _team(org, slug, "/repos"))

    async def set_team_repo(self, org: str, slug: str, repo: str, *, permission: str, owner: str = "") -> None:
        """`permission`: pull, triage, push, maintain, admin, or a role of the organisation. `owner`: of the repository, if it is another one."""
        place = _team(org, slug, "/repos/:owner/:repo", owner=owner or org, repo=repo)
        await self._ask("PUT", place, body={"permission": permission})

    async def remove_team_repo(self, org: str, slug: str, repo: str, *, owner: str = "") -> None:
        await self._ask("DELETE", _team(org, slug, "/repos/:owner/:repo", owner=owner or org, repo=repo))


def _team(org: str, slug: str, tail: str = "", *, query: dict[str, str | int] | None = None, **more: str) -> Place:
    """A place below one team; the organisation chooses the credentials, whoever owns a repository in it."""
    place = at(f"/orgs/:orgname/teams/:team{tail}", {"orgname": org, "team": slug, **more}, query=query)
    return Place(place.template, place.path, org)


def _planned(team: TeamChange, *, slug: str = "") -> Team:
    description = team.description if isinstance(team.description, str) else None
    privacy = team.privacy if isinstance(team.privacy, str) else ""
    made = slug or team.name.lower().replace(" ", "-")
    return Team(name=team.name, slug=made, description=description, privacy=privacy)
