"""Runs of GitHub Actions' workflows, as far as others see them: begun, waiting for approval, finished, run again."""

from __future__ import annotations

from prow.sim import gitlog
from prow.sim.errors import Refused, not_found
from prow.sim.payloads import Json, stamp
from prow.sim.payloads.checks import job_number
from prow.sim.state import Repo, User, WorkflowRun
from prow.sim.world.checks import Checks

_MOST_RUNS = 5_000
_JOB_CONCLUSIONS = frozenset({"success", "failure", "cancelled", "skipped"})
_NO_RERUN_AFTER = 30 * 24 * 3600


class Actions(Checks):
    async def start_workflow(
        self, repo: Repo, login: str, sha: str, *, name: str = "CI", event: str = "pull_request", branch: str = "",
        status: str = "in_progress", conclusion: str | None = None, path: str = "",
    ) -> WorkflowRun:  # fmt: skip
        """One run of a workflow for a commit. With `status` completed and `conclusion` action_required somebody must approve it first."""
        await self.known_commit(repo, sha)
        same = [run for run in repo.workflow_runs if run.name == name]
        workflow = same[0].workflow_id if same else self.new_id()
        now, path = self.clock.now(), path or f".github/workflows/{name.lower().replace(' ', '-')}.yml"
        number = max((run.number for run in same), default=0) + 1
        run = WorkflowRun(
            self.new_id(), number, name, path, event, branch or repo.default_branch, sha, self.user(login), now, now
        )
        run.workflow_id, run.status, run.conclusion = workflow, status, conclusion
        repo.workflow_runs.append(run)
        del repo.workflow_runs[:-_MOST_RUNS]
        await self._workflow_event(repo, run, run.actor, "requested")
        if status == "completed":
            await self._workflow_event(repo, run, run.actor, "completed")
        return run

    async def finish_workflow(self, repo: Repo, run: WorkflowRun, conclusion: str) -> None:
        run.status, run.conclusion, run.updated_at = "completed", conclusion, self.clock.now()
        await self._workflow_event(repo, run, run.actor, "completed")

    def find_workflow_run(self, repo: Repo, number: int) -> WorkflowRun:
        found = next((run for run in repo.workflow_runs if run.id == number), None)
        if found is None:
            raise not_found()
        return found

    def find_job(self, repo: Repo, number: int) -> WorkflowRun:
        """The run that has this job."""
        found = (run for run in repo.workflow_runs if job_number(run) == number and run.conclusion != "action_required")
        run = next(found, None)
        if run is None:
            raise not_found()
        return run

    async def rerun(self, repo: Repo, login: str, run: WorkflowRun, *, failed: bool = False) -> None:
        """`failed`: only its failed jobs, of which there must be some. It must be over, and not a month old."""
        if run.status != "completed" or run.conclusion == "action_required":
            raise Refused(403, "This workflow is already running")
        if failed and run.conclusion in {"success", "skipped", "neutral"}:
            raise Refused(403, "This workflow run cannot be retried: it has no failed jobs")
        if (self.clock.now() - run.created_at).total_seconds() > _NO_RERUN_AFTER:
            raise Refused(403, "Unable to retry this workflow run because it was created over a month ago")
        run.attempt += 1
        run.status, run.conclusion, run.updated_at = "queued", None, self.clock.now()
        await self._workflow_event(repo, run, self.user(login), "requested")

    async def approve_workflow(self, repo: Repo, login: str, run: WorkflowRun) -> None:
        """A run for somebody new waits until it is approved."""
        if run.conclusion != "action_required":
            raise Refused(403, "This run is not from a fork pull request")
        run.status, run.conclusion, run.updated_at = "queued", None, self.clock.now()
        await self._workflow_event(repo, run, self.user(login), "requested")

    async def cancel_workflow(self, repo: Repo, login: str, run: WorkflowRun) -> None:
        if run.status == "completed":
            raise Refused(409, "Cannot cancel a workflow run that is completed.")
        run.status, run.conclusion, run.updated_at = "completed", "cancelled", self.clock.now()
        await self._workflow_event(repo, run, self.user(login), "completed")

    async def workflow_json(self, repo: Repo, run: WorkflowRun) -> Json:
        commit = await gitlog.one(repo.path, run.head_sha)
        return self.json.workflow_run(repo, run, self.owner(repo.owner), commit, self._pulls_of(repo, run.head_sha))

    def workflows(self, repo: Repo) -> list[Json]:
        """Those that have run, by the newest run of each."""
        found = {run.workflow_id: run for run in repo.workflow_runs}
        return [self._workflow(repo, run) for run in found.values()]

    def _workflow(self, repo: Repo, run: WorkflowRun) -> Json:
        first = next(one for one in repo.workflow_runs if one.workflow_id == run.workflow_id)
        return {
            "id": run.workflow_id,
            "node_id": f"W_sim{run.workflow_id}",
            "name": run.name,
            "path": run.path,
            "state": "active",
            "created_at": stamp(first.created_at),
            "updated_at": stamp(first.created_at),
            "url": f"{self.base}/repos/{repo.full_name}/actions/workflows/{run.workflow_id}",
            "html_url": f"{self.base}/{repo.full_name}/blob/{repo.default_branch}/{run.path}",
            "badge_url": f"{self.base}/{repo.full_name}/workflows/{run.name}/badge.svg",
        }

    async def _workflow_event(self, repo: Repo, run: WorkflowRun, sender: User, action: str) -> None:
        workflow = self._workflow(repo, run)
        payload = {"action": action, "workflow_run": await self.workflow_json(repo, run), "workflow": workflow}
        await self.emit(repo, "workflow_run", sender, payload)
        await self._job_events(repo, run, sender)

    async def _job_events(self, repo: Repo, run: WorkflowRun, sender: User) -> None:
        """A run that must be approved first has no job yet."""
        if run.conclusion == "action_required":
            return
        job, action = self.json.workflow_job(repo, run), run.status
        if action == "completed":
            job["conclusion"] = run.conclusion if run.conclusion in _JOB_CONCLUSIONS else "failure"
        elif action == "in_progress":
            queued = {"action": "queued", "workflow_job": job | {"status": "queued"}}
            await self.emit(repo, "workflow_job", sender, queued)
        await self.emit(repo, "workflow_job", sender, {"action": action, "workflow_job": job})
