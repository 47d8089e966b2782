"""Repositories: what they are, who has which, forks."""

from __future__ import annotations

from prow.sim import gitlog
from prow.sim.apps import allows
from prow.sim.errors import Refused, not_found
from prow.sim.payloads import Json
from prow.sim.rest.call import INTEGRATION, REPO, Answer, Area, Call, Table, body, login, not_granted, person
from prow.sim.state import Repo


class Repos(Area):
    def table(self) -> Table:
        return {
            ("GET", "/orgs/{org}/repos"): self.list_of_org,
            ("POST", "/orgs/{org}/repos"): self.create_in_org,
            ("GET", "/users/{login}/repos"): self.list_of_user,
            ("GET", "/user/repos"): self.list_own,
            ("POST", "/user/repos"): self.create_own,
            ("GET", REPO): self.get_repo,
            ("PATCH", REPO): self.edit_repo,
            ("DELETE", REPO): self.delete_repo,
            ("POST", f"{REPO}/transfer"): self.transfer,
            ("GET", f"{REPO}/forks"): self.list_forks,
            ("POST", f"{REPO}/forks"): self.fork,
            ("GET", f"{REPO}/topics"): self.get_topics,
            ("PUT", f"{REPO}/topics"): self.set_topics,
            ("GET", f"{REPO}/languages"): self.languages,
            ("GET", f"{REPO}/contributors"): self.contributors,
            ("GET", "/orgs/{org}/rulesets"): self.rulesets_of_org,
            ("GET", f"{REPO}/rulesets"): self.rulesets,
            ("GET", f"{REPO}/rules/branches/{{branch:path}}"): self.rulesets,
        }

    def _listed(self, call: Call, owner: str) -> Answer:
        """Whose repositories the caller sees."""
        kinds = {"private": (True,), "public": (False,)}.get(call.query.get("type", "all"), (True, False))
        found = [r for r in self.world.repos.values() if r.owner.lower() == owner.lower() and r.private in kinds]
        seen = [repo for repo in found if self.world.sees(repo, call.who)]
        return Answer(items=seen, each=lambda repo: self.repo_json(repo, call.login))

    async def list_of_org(self, call: Call) -> Answer:
        return self._listed(call, self.org(call).login)

    async def list_of_user(self, call: Call) -> Answer:
        name = call.path["login"]
        if name.lower() not in {**self.world.users, **self.world.orgs}:
            raise not_found()
        return self._listed(call, name)

    async def list_own(self, call: Call) -> Answer:
        """Where he may push: his own, those he works on, those of his organisations."""
        name = person(call)
        found = [r for r in self.world.repos.values() if self.world.is_collaborator(r, name)]
        return Answer(items=[self.repo_json(r, name) for r in found if self.world.sees(r, call.who)])

    async def create_in_org(self, call: Call) -> Answer:
        org = self.org(call, "member")
        outsider = call.who.installation is None and not self.world.is_owner(org, call.login)
        if outsider and org.settings.get("members_can_create_repositories") is False:
            raise Refused(403, "You need admin access to the organization before adding a repository to it.")
        repo = await self.world.create_repo_for(org.login, login(call), body(call))
        if outsider:
            repo.collaborators[login(call)] = "admin"
        return Answer(self._full(repo, call.login), 201)

    async def create_own(self, call: Call) -> Answer:
        name = person(call)
        if not call.who.has_scope(*call.need.scopes):
            raise not_found()
        self._may_administrate(call, name)
        return Answer(self._full(await self.world.create_repo_for(name, name, body(call)), name), 201)

    @staticmethod
    def _may_administrate(call: Call, owner: str) -> None:
        """Whether a fine-grained token may make repositories for this account."""
        who = call.who
        if who.owner and not (who.owner == owner.lower() and allows(who.permissions, "administration", "write")):
            raise not_granted(who)

    def _full(self, repo: Repo, viewer: str | None) -> Json:
        """What is told about a repository when it is asked for alone."""
        forks = sum(r.parent is repo for r in self.world.repos.values())
        found = self.repo_json(repo, viewer) | {"network_count": forks, "subscribers_count": 0}
        found |= {"forks": forks, "forks_count": forks}
        if repo.parent is not None:
            source = repo.parent
            while source.parent is not None:
                source = source.parent
            found |= {"parent": self.repo_json(repo.parent), "source": self.repo_json(source)}
        return found

    async def get_repo(self, call: Call) -> Answer:
        return Answer(self._full(self.repo(call), call.login))

    async def edit_repo(self, call: Call) -> Answer:
        repo = self.repo(call, "admin", archived=True)
        await self.world.change_settings(repo, login(call), body(call))
        return Answer(self._full(repo, call.login))

    async def delete_repo(self, call: Call) -> Answer:
        await self.world.delete_repo(self.repo(call, "admin", archived=True), login(call))
        return Answer(status=204)

    async def transfer(self, call: Call) -> Answer:
        repo = self.repo(call, "admin")
        await self.world.transfer(repo, login(call), str(body(call).get("new_owner") or ""))
        return Answer(self.repo_json(repo), 202)

    # Forks

    async def list_forks(self, call: Call) -> Answer:
        repo = self.repo(call)
        found = [r for r in self.world.repos.values() if r.parent is repo and self.world.sees(r, call.who)]
        return Answer(items=[self.repo_json(r) for r in reversed(found)])

    async def fork(self, call: Call) -> Answer:
        """It is there at once; its branches come later. Everybody who sees a repository may fork it."""
        repo = self.world.repo(f"{call.path['owner']}/{call.path['repo']}")
        if not self.world.sees(repo, call.who):
            raise not_found()
        wanted = call.body if isinstance(call.body, dict) else {}
        owner = str(wanted.get("organization") or "")
        if call.who.installation is not None and not owner:
            raise Refused(403, INTEGRATION)
        self._may_administrate(call, owner or login(call))
        if owner:
            org = self.world.orgs.get(owner.lower())
            if org is None or (call.who.installation is None and org.member(login(call)) is None):
                raise Refused(422, "Invalid organization.")
        fork = await self.world.fork_later(repo, login(call), owner=owner, name=str(wanted.get("name") or ""))
        return Answer(self._full(fork, call.login), 202)

    # What belongs to it

    async def get_topics(self, call: Call) -> Answer:
        return Answer({"names": self.repo(call).settings.get("topics", [])})

    async def set_topics(self, call: Call) -> Answer:
        repo = self.repo(call, "admin")
        await self.world.set_topics(repo, login(call), [str(name) for name in body(call).get("names") or ()])
        return Answer({"names": repo.settings["topics"]})

    async def languages(self, call: Call) -> Answer:
        self.repo(call)
        return Answer({})

    async def contributors(self, call: Call) -> Answer:
        """Users behind the commits of the default branch."""
        repo = self.repo(call)
        told = await gitlog.listed(repo.path, f"refs/heads/{repo.default_branch}")
        users = [user for user in (self.world.user_behind(one.author.name) for one in told) if user is not None]
        counted = {user.login: sum(other is user for other in users) for user in users}
        ordered = sorted(counted.items(), key=lambda pair: -pair[1])
        found = [self.world.json.user(self.world.user(name)) | {"contributions": n} for name, n in ordered]
        return Answer(items=found)

    async def rulesets(self, call: Call) -> Answer:
        """There are none: this GitHub protects branches the older way."""
        self.repo(call)
        return Answer(items=[])

    async def rulesets_of_org(self, call: Call) -> Answer:
        self.org(call, "admin")
        return Answer(items=[])
