"""A repository's labels and milestones."""

from __future__ import annotations

from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login, number
from prow.sim.state import Milestone, Repo

_LABEL = f"{REPO}/labels/{{name:path}}"
_MILESTONE = f"{REPO}/milestones/{{milestone}}"


class Labels(Area):
    def table(self) -> Table:
        return {
            ("GET", f"{REPO}/labels"): self.list_labels,
            ("POST", f"{REPO}/labels"): self.create_label,
            ("GET", _LABEL): self.get_label,
            ("PATCH", _LABEL): self.edit_label,
            ("DELETE", _LABEL): self.delete_label,
            ("GET", f"{REPO}/milestones"): self.list_milestones,
            ("POST", f"{REPO}/milestones"): self.create_milestone,
            ("GET", _MILESTONE): self.get_milestone,
            ("PATCH", _MILESTONE): self.edit_milestone,
            ("DELETE", _MILESTONE): self.delete_milestone,
            ("GET", f"{_MILESTONE}/labels"): self.list_labels_of_milestone,
        }

    async def list_labels(self, call: Call) -> Answer:
        repo = self.repo(call)
        return Answer(items=list(repo.labels.values()), each=lambda label: self.world.json.label(repo, label))

    async def create_label(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "triage"), body(call)
        label = await self.world.create_label(
            repo,
            login(call),
            str(wanted.get("name") or ""),
            color=wanted.get("color"),
            description=str(wanted.get("description") or ""),
        )
        return Answer(self.world.json.label(repo, label), 201)

    async def get_label(self, call: Call) -> Answer:
        repo = self.repo(call)
        return Answer(self.world.json.label(repo, self.world.find_label(repo, call.path["name"])))

    async def edit_label(self, call: Call) -> Answer:
        repo = self.repo(call, "triage")
        label = self.world.find_label(repo, call.path["name"])
        await self.world.edit_label(repo, login(call), label, body(call))
        return Answer(self.world.json.label(repo, label))

    async def delete_label(self, call: Call) -> Answer:
        repo = self.repo(call, "triage")
        await self.world.delete_label(repo, login(call), self.world.find_label(repo, call.path["name"]))
        return Answer(status=204)

    # Milestones

    def _milestone(self, call: Call, needed: str = "read") -> tuple[Repo, Milestone]:
        repo = self.repo(call, needed)
        return repo, self.world.find_milestone(repo, number(call, "milestone"))

    async def list_milestones(self, call: Call) -> Answer:
        repo, state = self.repo(call), call.query.get("state", "open")
        found = [m for m in repo.milestones.values() if state in {"all", m.state}]
        return Answer(items=[self.world.json.milestone(repo, m) for m in found])

    async def create_milestone(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "triage"), body(call)
        made = self.world.create_milestone(repo, login(call), str(wanted.get("title") or ""))
        await self.world.edit_milestone(repo, login(call), made, wanted, action="created")
        return Answer(self.world.json.milestone(repo, made), 201)

    async def get_milestone(self, call: Call) -> Answer:
        return Answer(self.world.json.milestone(*self._milestone(call)))

    async def edit_milestone(self, call: Call) -> Answer:
        repo, milestone = self._milestone(call, "triage")
        await self.world.edit_milestone(repo, login(call), milestone, body(call))
        return Answer(self.world.json.milestone(repo, milestone))

    async def delete_milestone(self, call: Call) -> Answer:
        repo, milestone = self._milestone(call, "triage")
        await self.world.delete_milestone(repo, login(call), milestone)
        return Answer(status=204)

    async def list_labels_of_milestone(self, call: Call) -> Answer:
        """Those of its issues."""
        repo, milestone = self._milestone(call)
        inside = [issue for issue in repo.issues.values() if issue.milestone is milestone]
        found = list(dict.fromkeys(label for issue in inside for label in issue.labels))
        return Answer(items=found, each=lambda label: self.world.json.label(repo, label))
