"""Issues and pull requests of all repositories that concern somebody."""

from __future__ import annotations

from prow.sim.payloads import Json
from prow.sim.rest.call import Answer, Area, Call, Table, person
from prow.sim.rest.issues import ordered, since, state_of
from prow.sim.state import Issue


class Assigned(Area):
    def table(self) -> Table:
        return {
            ("GET", "/issues"): self.everywhere,
            ("GET", "/user/issues"): self.own,
            ("GET", "/orgs/{org}/issues"): self.of_org,
        }

    async def everywhere(self, call: Call) -> Answer:
        return self._listed(call, person(call))

    async def own(self, call: Call) -> Answer:
        """In repositories of his own and of his organisations."""
        name = person(call)
        owners = {org.login.lower() for org in self.world.orgs.values() if org.member(name) is not None}
        return self._listed(call, name, owners | {name.lower()})

    async def of_org(self, call: Call) -> Answer:
        return self._listed(call, person(call), {self.org(call, "member").login.lower()})

    def _listed(self, call: Call, name: str, owners: set[str] | None = None) -> Answer:
        state, me = state_of(call), name.lower()
        labels = {label for label in call.query.get("labels", "").lower().split(",") if label}
        kind = call.query.get("filter", "assigned")
        found = [
            issue
            for repo in self.world.repos.values()
            if self.world.sees(repo, call.who) and (owners is None or repo.owner.lower() in owners)
            for issue in repo.issues.values()
            if state in {"all", issue.state}
            and _concerns(issue, me, kind)
            and labels <= {label.name.lower() for label in issue.labels}
            and issue.updated_at >= since(call)
        ]
        return Answer(items=ordered(call, found), each=self._told)

    def _told(self, issue: Issue) -> Json:
        return self.world.json.issue(issue) | {"repository": self.repo_json(issue.repo)}


def _concerns(issue: Issue, me: str, kind: str) -> bool:
    """`subscribed`: whoever has to do with an issue hears of it."""
    assigned = any(user.login.lower() == me for user in issue.assignees)
    created = issue.user.login.lower() == me
    mentioned = f"@{me}" in " ".join([issue.body, *(said.body for said in issue.comments)]).lower()
    spoke = any(said.user.login.lower() == me for said in issue.comments)
    return {
        "assigned": assigned,
        "created": created,
        "mentioned": mentioned,
        "subscribed": assigned or created or mentioned or spoke,
    }.get(kind, True)
