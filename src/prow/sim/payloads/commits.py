"""What is said about commits."""

from __future__ import annotations

from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.repos import Repos
from prow.sim.state import CheckRun, Repo, Status


class Commits(Repos):
    def check_run(self, repo: Repo, run: CheckRun) -> Json:
        return {
            "id": run.id,
            "node_id": node("CR", run.id),
            "url": f"{self.base}/repos/{repo.full_name}/check-runs/{run.id}",
            "html_url": f"{self.base}/{repo.full_name}/runs/{run.id}",
            "name": run.name,
            "head_sha": run.head_sha,
            "status": run.status,
            "conclusion": run.conclusion,
            "details_url": run.details_url or None,
            "external_id": run.external_id,
            "started_at": stamp(run.started_at),
            "completed_at": stamp(run.completed_at) if run.completed_at else None,
            "output": {"title": None, "summary": None, "text": None} | run.output,
            "app": {"id": 1, "slug": "sim", "name": "sim"},
            "pull_requests": [],
        }

    def status(self, repo: Repo, sha: str, status: Status) -> Json:
        return {
            "id": status.id,
            "node_id": node("SC", status.id),
            "url": f"{self.base}/repos/{repo.full_name}/statuses/{sha}",
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url or None,
            "context": status.context,
            "created_at": stamp(status.created_at),
            "updated_at": stamp(status.created_at),
            "creator": self.user(status.creator),
        }
