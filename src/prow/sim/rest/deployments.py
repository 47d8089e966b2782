"""Deployments and their statuses."""

from __future__ import annotations

from typing import Any

from prow.sim.errors import not_found
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login, number
from prow.sim.state import Deployment, DeploymentStatus, Repo

_ALL = f"{REPO}/deployments"
_ONE = f"{_ALL}/{{deployment}}"
_FILTERS = ("sha", "ref", "task", "environment")


class Deployments(Area):
    def table(self) -> Table:
        return {
            ("GET", _ALL): self.list_deployments,
            ("POST", _ALL): self.create_deployment,
            ("GET", _ONE): self.get_deployment,
            ("DELETE", _ONE): self.delete_deployment,
            ("GET", f"{_ONE}/statuses"): self.list_statuses,
            ("POST", f"{_ONE}/statuses"): self.create_status,
            ("GET", f"{_ONE}/statuses/{{status}}"): self.get_status,
        }

    def _deployment(self, call: Call, needed: str = "read") -> tuple[Repo, Deployment]:
        repo = self.repo(call, needed)
        return repo, self.world.find_deployment(repo, number(call, "deployment"))

    async def list_deployments(self, call: Call) -> Answer:
        """The newest first."""
        repo, query = self.repo(call), call.query
        found = [
            one
            for one in reversed(repo.deployments)
            if all(query.get(name, "none") in {"none", getattr(one, name)} for name in _FILTERS)
        ]
        return Answer(items=found, each=lambda one: self.world.json.deployment(repo, one))

    async def create_deployment(self, call: Call) -> Answer:
        repo = self.repo(call, "write")
        return Answer(self.world.json.deployment(repo, await self.world.deploy(repo, call.who, body(call))), 201)

    async def get_deployment(self, call: Call) -> Answer:
        return Answer(self.world.json.deployment(*self._deployment(call)))

    async def delete_deployment(self, call: Call) -> Answer:
        await self.world.delete_deployment(*self._deployment(call, "write"))
        return Answer(status=204)

    def _status(self, repo: Repo, deployment: Deployment, status: DeploymentStatus) -> Any:
        found = self.world.json.deployment_status(repo, deployment, status)
        app = deployment.app
        return found | ({"performed_via_github_app": self.world.json.app(app)} if app is not None else {})

    async def list_statuses(self, call: Call) -> Answer:
        """The newest first."""
        repo, deployment = self._deployment(call)
        found = list(reversed(deployment.statuses))
        return Answer(items=found, each=lambda one: self._status(repo, deployment, one))

    async def create_status(self, call: Call) -> Answer:
        repo, deployment = self._deployment(call, "write")
        made = await self.world.set_deployment_status(repo, login(call), deployment, body(call))
        return Answer(self._status(repo, deployment, made), 201)

    async def get_status(self, call: Call) -> Answer:
        repo, deployment = self._deployment(call)
        found = next((one for one in deployment.statuses if one.id == number(call, "status")), None)
        if found is None:
            raise not_found()
        return Answer(self._status(repo, deployment, found))
