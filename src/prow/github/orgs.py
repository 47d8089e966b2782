"""Organisations, teams, and who we are."""

from __future__ import annotations

from prow.github.area import Area, at, typed
from prow.github.errors import Refused
from prow.model.base import Noun
from prow.model.forge import Repo, Team, User


class Membership(Noun, frozen=True):
    """`state`: active or pending. `role`: member, admin, maintainer. `organization`: where it is one of an organisation."""

    state: str = ""
    role: str = ""
    organization: User | None = None
    user: User | None = None


class _App(Noun, frozen=True):
    slug: str = ""
    name: str = ""
    html_url: str = ""


class Orgs(Area):
    async def is_member(self, org: str, user: str) -> bool:
        """Raises Refused when the token may not know."""
        if org.lower() == user.lower():
            return True
        members = await self._short_list(User, at("/orgs/:orgname/members", {"orgname": org}))
        if members is not None:
            logins = {member.login.lower() for member in members}
            known = self._transport.known_user
            # Others than members see only those who show it; who sees himself sees all.
            if user.lower() in logins or (known is not None and known.login.lower() in logins):
                return user.lower() in logins
        answer = await self._ask(
            "GET", at("/orgs/:orgname/members/:login", {"orgname": org, "login": user}), ok=(404, 302)
        )
        if answer.status == 302:
            raise Refused(f"the token may not see who is a member of {org}")
        return answer.status != 404

    async def list_org_repos(self, org: str) -> tuple[str, ...]:
        """Names of the organisation's repositories that are not archived."""
        found = await self._list(Repo, at("/orgs/:orgname/repos", {"orgname": org}))
        return tuple(repo.name for repo in found if not repo.archived)

    async def list_teams(self, org: str) -> tuple[Team, ...]:
        return await self._list(Team, at("/orgs/:orgname/teams", {"orgname": org}))

    async def team_has_member(self, org: str, slug: str, user: str) -> bool:
        """Also through a team below it. An invitation that is not accepted yet does not count."""
        place = at("/orgs/:orgname/teams/:team/memberships/:login", {"orgname": org, "team": slug, "login": user})
        answer = await self._ask("GET", place, ok=(404,))
        return answer.status != 404 and typed(answer, Membership, place).state == "active"

    async def in_team_named(self, org: str, team: str, user: str) -> bool:
        """Whether `user` is in the team of that name (not slug); a team that is not there has nobody."""
        found = next((each for each in await self.list_teams(org) if each.name == team), None)
        return found is not None and await self.team_has_member(org, found.slug, user)

    async def current_user(self) -> User:
        """Who we are; a GitHub App is `slug[bot]`, as what it writes is signed. Asked once in the life of the client."""
        known = self._transport.known_user
        if known is None:
            known = await self._app_user() if self._transport.app else await self._read(User, at("/user", {}))
            await self._transport.introduce(known, "/app" if self._transport.app else "/user")
        return known

    async def _app_user(self) -> User:
        app = await self._read(_App, at("/app", {}))
        email = f"{app.slug}@users.noreply.github.com"
        return User(login=f"{app.slug}[bot]", type="Bot", html_url=app.html_url, name=app.name, email=email)
