"""Users, organisations, teams."""

from __future__ import annotations

from prow.sim.errors import Refused, not_found
from prow.sim.rest.call import Answer, Area, Call, Table, person


class People(Area):
    def table(self) -> Table:
        return {
            ("GET", "/user"): self.get_user,
            ("GET", "/users/{login}"): self.get_login,
            ("GET", "/orgs/{org}"): self.get_org,
            ("GET", "/orgs/{org}/members"): self.list_members,
            ("GET", "/orgs/{org}/members/{login}"): self.is_member,
            ("GET", "/orgs/{org}/repos"): self.list_org_repos,
            ("GET", "/orgs/{org}/teams"): self.list_teams,
            ("GET", "/orgs/{org}/teams/{slug}/memberships/{login}"): self.team_membership,
            ("GET", "/orgs/{org}/teams/{slug}/members"): self.list_team_members,
            ("GET", "/rate_limit"): self.rate_limit,
        }

    async def get_user(self, call: Call) -> Answer:
        return Answer(self.world.json.profile(self.world.user(person(call))))

    async def get_login(self, call: Call) -> Answer:
        user = self.world.users.get(call.path["login"].lower())
        if user is None:
            raise not_found()
        return Answer(self.world.json.profile(user))

    async def get_org(self, call: Call) -> Answer:
        return Answer(self.world.json.org_profile(self.org(call)))

    async def list_members(self, call: Call) -> Answer:
        users = [self.world.json.user(self.world.user(m)) for m in sorted(self.org(call).members)]
        return Answer(items=users)

    async def is_member(self, call: Call) -> Answer:
        org = call.path["org"]
        if org.lower() not in self.world.orgs:
            raise not_found()
        if not self.world.is_member(org, call.path["login"]):
            raise Refused(404, "User does not exist or is not a member of the organization")
        return Answer(status=204)

    async def list_org_repos(self, call: Call) -> Answer:
        owner = self.org(call).login.lower()
        found = [r for r in self.world.repos.values() if r.owner.lower() == owner]
        return Answer(items=[self.repo_json(r, call.login) for r in found if self.world.may(r, call.login, "read")])

    async def list_teams(self, call: Call) -> Answer:
        teams = sorted(self.org(call).teams)
        return Answer(items=[self.world.json.team(slug, call.path["org"]) for slug in teams])

    def _team(self, call: Call) -> set[str]:
        found = self.org(call).teams.get(call.path["slug"])
        if found is None:
            raise not_found()
        return found

    async def list_team_members(self, call: Call) -> Answer:
        return Answer(items=[self.world.json.user(self.world.user(m)) for m in sorted(self._team(call))])

    async def team_membership(self, call: Call) -> Answer:
        if call.path["login"].lower() not in {m.lower() for m in self._team(call)}:
            raise not_found()
        path = f"{call.path['org']}/team/{call.path['slug']}/memberships/{call.path['login']}"
        return Answer({"url": f"{self.world.base}/organizations/{path}", "role": "member", "state": "active"})

    async def rate_limit(self, call: Call) -> Answer:  # noqa: ARG002
        return Answer({"resources": {}, "rate": {}})
