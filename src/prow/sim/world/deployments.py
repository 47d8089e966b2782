"""Deployments of commits to environments, and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prow.sim.accounts import Identity
from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.state import Deployment, DeploymentStatus, Repo
from prow.sim.world.releases import Releases

_STATES = frozenset({"error", "failure", "inactive", "in_progress", "queued", "pending", "success"})


class Deployments(Releases):
    def find_deployment(self, repo: Repo, number: int) -> Deployment:
        found = next((one for one in repo.deployments if one.id == number), None)
        if found is None:
            raise not_found()
        return found

    async def deploy(self, repo: Repo, who: Identity, wanted: Mapping[str, Any]) -> Deployment:
        """A commit that has what it needs, unless told otherwise all that was reported of it, is to be deployed."""
        ref = str(wanted.get("ref") or "")
        sha = await self._commit_at(repo, ref) if ref else None
        if sha is None:
            raise Refused(422, f"No ref found for: {ref}")
        self._check_contexts(repo, sha, wanted.get("required_contexts"))
        environment, now = str(wanted.get("environment") or "production"), self.clock.now()
        deployment = Deployment(
            self.new_id(), sha, ref, str(wanted.get("task") or "deploy"), environment,
            str(wanted.get("description") or ""), self.user(who.login or ""), now, now, wanted.get("payload"),
        )  # fmt: skip
        deployment.transient = bool(wanted.get("transient_environment"))
        named = wanted.get("production_environment")
        deployment.production = bool(named) if named is not None else environment == "production"
        deployment.app = who.app
        repo.deployments.append(deployment)
        told = self.json.deployment(repo, deployment, webhook=True)
        payload = {"action": "created", "deployment": told, "workflow": None, "workflow_run": None}
        await self.emit(repo, "deployment", deployment.creator, payload)
        return deployment

    def _check_contexts(self, repo: Repo, sha: str, needed: Sequence[str] | None) -> None:
        """None: whatever has been reported has to be good."""
        states = self.states(repo, sha)
        names = list(states) if needed is None else [str(name) for name in needed]
        bad = [name for name in names if states.get(name) != "success"]
        if bad:
            known = [{"context": name, "state": states.get(name, "pending")} for name in names]
            about = {"resource": "Deployment", "field": "required_contexts", "code": "invalid", "contexts": known}
            raise Refused(409, "Conflict: Commit status checks failed for the ref.", [about])

    async def set_deployment_status(
        self, repo: Repo, login: str, deployment: Deployment, wanted: Mapping[str, Any]
    ) -> DeploymentStatus:
        """Success in an environment makes earlier deployments there inactive, unless told otherwise or it is a lasting one's."""
        state = str(wanted.get("state") or "")
        if state not in _STATES:
            raise unprocessable("DeploymentStatus", "state", "invalid")
        status = DeploymentStatus(
            self.new_id(), state, self.user(login), str(wanted.get("description") or ""),
            str(wanted.get("environment") or deployment.environment),
            str(wanted.get("log_url") or wanted.get("target_url") or ""), str(wanted.get("environment_url") or ""),
            self.clock.now(),
        )  # fmt: skip
        await self._record(repo, deployment, status)
        if state == "success" and wanted.get("auto_inactive") is not False:
            for other in repo.deployments[: repo.deployments.index(deployment)]:
                same = other.environment == deployment.environment and not other.transient and not other.production
                if same and other.statuses and other.statuses[-1].state == "success":
                    over = DeploymentStatus(
                        self.new_id(), "inactive", status.creator, "", other.environment, "", "", self.clock.now()
                    )
                    await self._record(repo, other, over)
        return status

    async def _record(self, repo: Repo, deployment: Deployment, status: DeploymentStatus) -> None:
        deployment.statuses.append(status)
        deployment.updated_at = status.created_at
        payload = {
            "action": "created",
            "deployment_status": self.json.deployment_status(repo, deployment, status),
            "deployment": self.json.deployment(repo, deployment, webhook=True),
        }
        await self.emit(repo, "deployment_status", status.creator, payload)

    async def delete_deployment(self, repo: Repo, deployment: Deployment) -> None:
        """One that is active stays, unless it is the only one."""
        active = bool(deployment.statuses) and deployment.statuses[-1].state != "inactive"
        if active and len(repo.deployments) > 1:
            raise Refused(422, "We cannot delete an active deployment unless it is the only deployment in a given environment.")  # fmt: skip
        repo.deployments.remove(deployment)
        await self.changed()
