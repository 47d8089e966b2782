"""Deployments and their statuses."""

from __future__ import annotations

from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.releases import Releases
from prow.sim.state import Deployment, DeploymentStatus, Repo


class Deployments(Releases):
    def deployment(self, repo: Repo, deployment: Deployment, *, webhook: bool = False) -> Json:
        api = f"{self.base}/repos/{repo.full_name}"
        url = f"{api}/deployments/{deployment.id}"
        found: Json = {
            "url": url,
            "id": deployment.id,
            "node_id": node("DE", deployment.id),
            "sha": deployment.sha,
            "ref": deployment.ref,
            "task": deployment.task,
            "payload": deployment.payload if deployment.payload is not None else {},
            "original_environment": deployment.environment,
            "environment": deployment.environment,
            "description": deployment.description or None,
            "creator": self.user(deployment.creator),
            "created_at": stamp(deployment.created_at),
            "updated_at": stamp(deployment.updated_at),
            "statuses_url": f"{url}/statuses",
            "repository_url": api,
            "transient_environment": deployment.transient,
            "production_environment": deployment.production,
        }
        if deployment.app is not None:
            found["performed_via_github_app"] = self.app(deployment.app, webhook=webhook)
        return found

    def deployment_status(self, repo: Repo, deployment: Deployment, status: DeploymentStatus) -> Json:
        api = f"{self.base}/repos/{repo.full_name}"
        url = f"{api}/deployments/{deployment.id}"
        found: Json = {
            "url": f"{url}/statuses/{status.id}",
            "id": status.id,
            "node_id": node("DES", status.id),
            "state": status.state,
            "creator": self.user(status.creator),
            "description": status.description,
            "environment": status.environment,
            "target_url": status.target_url,
            "created_at": stamp(status.created_at),
            "updated_at": stamp(status.created_at),
            "deployment_url": url,
            "repository_url": api,
        }
        places = {"log_url": status.target_url, "environment_url": status.environment_url}
        return found | {name: place for name, place in places.items() if place}
