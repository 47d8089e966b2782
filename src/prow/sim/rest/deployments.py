"""Deployments and their statuses, comments on commits, and events that are asked for."""

from __future__ import annotations

from typing import Any

from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.gitrepo import is_sha
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login, number
from prow.sim.state import CommitComment, Deployment, DeploymentStatus, Repo

_ALL = f"{REPO}/deployments"
_ONE = f"{_ALL}/{{deployment}}"
_COMMENT = f"{REPO}/comments/{{comment}}"
_OF_COMMIT = f"{REPO}/commits/{{sha}}/comments"
_MOST_PROPERTIES = 10


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
            ("GET", f"{REPO}/comments"): self.list_comments,
            ("GET", _COMMENT): self.get_comment,
            ("PATCH", _COMMENT): self.edit_comment,
            ("DELETE", _COMMENT): self.delete_comment,
            ("GET", _OF_COMMIT): self.list_comments,
            ("POST", _OF_COMMIT): self.create_comment,
            ("POST", f"{REPO}/dispatches"): self.dispatch,
            ("POST", f"{REPO}/actions/workflows/{{workflow}}/dispatches"): self.dispatch_workflow,
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
            if all(query.get(name, "none") in {"none", getattr(one, name)} for name in ("sha", "ref", "task"))
            and query.get("environment", "none") in {"none", one.environment}
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

    # Comments on commits

    async def list_comments(self, call: Call) -> Answer:
        """Of the repository, or of the commit that the path names."""
        repo, sha = self.repo(call), call.path.get("sha", "")
        found = [one for one in repo.commit_comments if sha in {"", one.commit_id}]
        return Answer(items=found, each=lambda one: self.world.json.commit_comment(repo, one))

    async def create_comment(self, call: Call) -> Answer:
        repo, wanted, sha = self.repo(call), body(call), call.path["sha"]
        if not is_sha(sha):
            raise Refused(422, f"No commit found for SHA: {sha}")
        await self.world.known_commit(repo, sha)
        position, path = wanted.get("position"), str(wanted.get("path") or "")
        made = await self.world.comment_on_commit(
            repo, login(call), sha, body=str(wanted.get("body") or ""), path=path, position=position
        )
        return Answer(self.world.json.commit_comment(repo, made), 201)

    def _comment(self, call: Call) -> tuple[Repo, CommitComment]:
        repo = self.repo(call)
        found = self.world.find_commit_comment(repo, number(call, "comment"))
        mine = call.login is not None and found.user.login.lower() == call.login.lower()
        if call.route[0] != "GET" and not mine and not self.world.may(repo, call.login, "write"):
            raise Refused(403, "Must have push access to repository")
        return repo, found

    async def get_comment(self, call: Call) -> Answer:
        return Answer(self.world.json.commit_comment(*self._comment(call)))

    async def edit_comment(self, call: Call) -> Answer:
        repo, comment = self._comment(call)
        await self.world.edit_commit_comment(comment, str(body(call).get("body") or ""))
        return Answer(self.world.json.commit_comment(repo, comment))

    async def delete_comment(self, call: Call) -> Answer:
        await self.world.delete_commit_comment(*self._comment(call))
        return Answer(status=204)

    # Events that are asked for

    async def dispatch(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        event, payload = str(wanted.get("event_type") or ""), wanted.get("client_payload") or {}
        if not 0 < len(event) <= 100:
            raise unprocessable("RepositoryDispatch", "event_type", "invalid")
        if len(payload) > _MOST_PROPERTIES:
            raise Refused(422, f"No more than {_MOST_PROPERTIES} properties are allowed; {len(payload)} were supplied.")
        await self.world.dispatch(repo, login(call), event, payload)
        return Answer(status=204)

    async def dispatch_workflow(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        ref = str(wanted.get("ref") or "").removeprefix("refs/heads/")
        await self.world.dispatch_workflow(repo, login(call), call.path["workflow"], ref, wanted.get("inputs"))
        return Answer(status=204)
