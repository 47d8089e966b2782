"""Teams: what they are, who is in them, which repositories they have."""

from __future__ import annotations

from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.payloads import Json
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login, number
from prow.sim.state import Membership, Org, Repo, Team

_TEAM = "/orgs/{org}/teams/{slug}"
_OF_REPO = f"{_TEAM}/repos/{{owner}}/{{repo}}"
_WITH_PERMISSIONS = "application/vnd.github.v3.repository+json"


class Teams(Area):
    def table(self) -> Table:
        return {
            ("GET", "/orgs/{org}/teams"): self.list_teams,
            ("POST", "/orgs/{org}/teams"): self.create_team,
            ("GET", _TEAM): self.get_team,
            ("PATCH", _TEAM): self.edit_team,
            ("DELETE", _TEAM): self.delete_team,
            ("GET", f"{_TEAM}/teams"): self.list_children,
            ("GET", f"{_TEAM}/members"): self.list_members,
            ("GET", f"{_TEAM}/memberships/{{login}}"): self.get_membership,
            ("PUT", f"{_TEAM}/memberships/{{login}}"): self.set_membership,
            ("DELETE", f"{_TEAM}/memberships/{{login}}"): self.remove_membership,
            ("GET", f"{_TEAM}/invitations"): self.list_invitations,
            ("GET", f"{_TEAM}/repos"): self.list_repos,
            ("GET", _OF_REPO): self.get_repo_permission,
            ("PUT", _OF_REPO): self.set_repo,
            ("DELETE", _OF_REPO): self.remove_repo,
            ("GET", "/teams/{team}/members"): self.list_members_by_id,
            ("GET", f"{REPO}/teams"): self.list_of_repo,
        }

    def _team(self, call: Call, needed: str = "member") -> tuple[Org, Team]:
        """`needed`: member or admin of the organisation; `maintainer`: of this team would do, too.

        Secret teams are there for their members and for owners.
        """
        org = self.org(call, "member" if needed == "maintainer" else needed)
        team = self.world.team(org, call.path["slug"])
        if call.who.installation is not None or self.world.is_owner(org, call.login):
            return org, team
        mine = team.memberships.get((call.login or "").lower())
        if team.privacy == "secret" and not self.world.is_team_member(org, team, call.login):
            raise not_found()
        if needed == "maintainer" and (mine is None or mine.role != "maintainer"):
            raise Refused(403, "You must be an organization owner or team maintainer to do this.")
        return org, team

    def _full(self, org: Org, team: Team) -> Json:
        repos = [r for r in self.world.repos.values() if self.world.team_permission(org, team, r) != "none"]
        return self.world.json.team_full(team, org, members=len(self.world.team_members(org, team)), repos=len(repos))

    async def list_teams(self, call: Call) -> Answer:
        org = self.org(call, "member")
        every = call.who.installation is not None or self.world.is_owner(org, call.login)
        found = [
            team
            for _, team in sorted(org.teams.items())
            if every or team.privacy != "secret" or self.world.is_team_member(org, team, call.login)
        ]
        return Answer(items=[self.world.json.team(team, org.login) for team in found])

    async def create_team(self, call: Call) -> Answer:
        org, wanted = self.org(call, "member"), body(call)
        parent_id = wanted.get("parent_team_id")
        parent = self.world.team_by_id(int(parent_id))[1] if parent_id is not None else None
        privacy = str(wanted.get("privacy") or ("closed" if parent is not None else "secret"))
        team = self.world.add_team(
            org,
            str(wanted.get("name") or ""),
            parent=parent,
            description=str(wanted.get("description") or ""),
            privacy=privacy,
        )
        for name in wanted.get("maintainers") or ():
            await self.world.add_to_team(org, login(call), team, str(name), "maintainer")
        for full_name in wanted.get("repo_names") or ():
            repo = self.world.repo(str(full_name))
            await self.world.set_team_repo(org, login(call), team, repo, str(wanted.get("permission") or "pull"))
        if call.who.installation is None and login(call).lower() not in team.memberships:
            team.memberships[login(call).lower()] = Membership(self.world.user(login(call)), "maintainer")
        payload = {"action": "created", "team": self.world.json.team(team, org.login, webhook=True)}
        await self.world.emit_org(org, "team", self.world.user(login(call)), payload)
        return Answer(self._full(org, team), 201)

    async def get_team(self, call: Call) -> Answer:
        return Answer(self._full(*self._team(call)))

    async def edit_team(self, call: Call) -> Answer:
        org, team = self._team(call, "maintainer")
        await self.world.edit_team(org, login(call), team, body(call))
        return Answer(self._full(org, team))

    async def delete_team(self, call: Call) -> Answer:
        org, team = self._team(call, "maintainer")
        await self.world.delete_team(org, login(call), team)
        return Answer(status=204)

    async def list_children(self, call: Call) -> Answer:
        org, team = self._team(call)
        return Answer(items=[self.world.json.team(child, org.login) for child in self.world.children(org, team)])

    # Members

    def _members(self, call: Call, org: Org, team: Team) -> Answer:
        wanted = call.query.get("role", "all")
        if wanted not in {"all", "member", "maintainer"}:
            raise unprocessable("TeamMember", "role", "invalid")
        found = [m.user for m in self.world.team_members(org, team).values() if wanted in {"all", m.role}]
        return Answer(items=[self.world.json.user(user) for user in found])

    async def list_members(self, call: Call) -> Answer:
        return self._members(call, *self._team(call))

    async def list_members_by_id(self, call: Call) -> Answer:
        """The address of old, by the team's number."""
        org, team = self.world.team_by_id(number(call, "team"))
        if call.who.installation is None and org.member(call.login) is None:
            raise not_found()
        return self._members(call, org, team)

    async def get_membership(self, call: Call) -> Answer:
        """Who belongs to a child team is a member here, too."""
        org, team = self._team(call)
        name = call.path["login"].lower()
        found = team.memberships.get(name) or self.world.team_members(org, team).get(name)
        if found is None:
            raise not_found()
        return Answer(self.world.json.team_membership(team, org, found))

    async def set_membership(self, call: Call) -> Answer:
        org, team = self._team(call, "maintainer")
        wanted = call.body if isinstance(call.body, dict) else {}
        role = str(wanted.get("role") or "member")
        found = await self.world.add_to_team(org, login(call), team, call.path["login"], role)
        return Answer(self.world.json.team_membership(team, org, found))

    async def remove_membership(self, call: Call) -> Answer:
        org, team = self._team(call, "maintainer")
        await self.world.remove_from_team(org, login(call), team, call.path["login"])
        return Answer(status=204)

    async def list_invitations(self, call: Call) -> Answer:
        org, team = self._team(call)
        pending = [m.user for m in team.memberships.values() if m.state == "pending"]
        found = [one for one in org.invitations if one.failed_at is None and one.invitee in pending]
        return Answer(items=[self.world.json.org_invitation(org, one) for one in found])

    # Repositories

    def _json(self, repo: Repo, kept: str) -> Json:
        return self.world.json.team_repo(repo, self.world.owner(repo.owner), kept)

    async def list_repos(self, call: Call) -> Answer:
        org, team = self._team(call)
        found = [(repo, self.world.team_permission(org, team, repo)) for repo in self.world.repos.values()]
        return Answer(items=[self._json(repo, kept) for repo, kept in found if kept != "none"])

    async def get_repo_permission(self, call: Call) -> Answer:
        """204 says yes; who asks for the repository gets it with its permissions."""
        org, team = self._team(call)
        repo = self.world.repo(f"{call.path['owner']}/{call.path['repo']}")
        kept = self.world.team_permission(org, team, repo)
        if kept == "none":
            raise not_found()
        return Answer(self._json(repo, kept)) if _WITH_PERMISSIONS in call.accept else Answer(status=204)

    def _administered(self, call: Call) -> Repo:
        repo = self.world.repo(f"{call.path['owner']}/{call.path['repo']}")
        if call.who.installation is None and not self.world.may(repo, call.login, "admin"):
            raise Refused(403, "Must have admin rights to Repository.")
        return repo

    async def set_repo(self, call: Call) -> Answer:
        org, team = self._team(call)
        wanted = call.body if isinstance(call.body, dict) else {}
        permission = str(wanted.get("permission") or "push")
        await self.world.set_team_repo(org, login(call), team, self._administered(call), permission)
        return Answer(status=204)

    async def remove_repo(self, call: Call) -> Answer:
        org, team = self._team(call)
        await self.world.set_team_repo(org, login(call), team, self._administered(call), None)
        return Answer(status=204)

    async def list_of_repo(self, call: Call) -> Answer:
        repo = self.repo(call, "write")
        org = self.world.orgs.get(repo.owner.lower())
        teams = org.teams.values() if org is not None else ()
        words = {"read": "pull", "write": "push"}
        found = [(team, self.world.team_permission(org, team, repo)) for team in teams if org is not None]
        items = [
            self.world.json.team(team, repo.owner) | {"permission": words.get(kept, kept)}
            for team, kept in found
            if kept != "none"
        ]
        return Answer(items=items)
