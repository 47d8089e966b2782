"""GitHub Actions: which workflow runs failed or wait for leave, started again, allowed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from prow.github.area import Area, repo_at
from prow.model.base import Noun

_FAILED = "pull_request OR pull_request_target OR workflow_call"
_WAITING = "pull_request OR pull_request_target"
_NO_FAILURE = frozenset({"success", "skipped", "action_required"})
_MOST = 100


class WorkflowRun(Noun, frozen=True):
    id: int = 0
    name: str | None = None
    event: str = ""
    head_sha: str = ""
    head_branch: str | None = None
    status: str | None = None
    conclusion: str | None = None
    html_url: str = ""


class _Runs(msgspec.Struct):
    workflow_runs: list[WorkflowRun] = []


class Actions(Area):
    async def failed_workflow_runs(self, org: str, repo: str, branch: str, sha: str) -> tuple[WorkflowRun, ...]:
        """Runs for a pull request's head that ended badly; the newest hundred are looked at.

        One that waits for leave counts as completed at GitHub, too: it is none of these, since it cannot be run again.
        """
        found = await self._runs(org, repo, {"head_sha": sha, "event": _FAILED, "branch": branch})
        return tuple(run for run in found if run.status == "completed" and (run.conclusion or "") not in _NO_FAILURE)

    async def workflow_runs_to_approve(self, org: str, repo: str, branch: str, sha: str) -> tuple[WorkflowRun, ...]:
        """Runs of a newcomer's pull request that GitHub starts only when somebody allows it."""
        query = {"head_sha": sha, "event": _WAITING, "branch": branch, "status": "action_required"}
        return await self._runs(org, repo, query)

    async def rerun_workflow(self, org: str, repo: str, run: int) -> None:
        await self._ask("POST", repo_at("/actions/runs/:runId/rerun", org, repo, runId=run), once=True)

    async def rerun_failed_jobs(self, org: str, repo: str, run: int) -> None:
        await self._ask("POST", repo_at("/actions/runs/:runId/rerun-failed-jobs", org, repo, runId=run), once=True)

    async def approve_workflow_run(self, org: str, repo: str, run: int) -> None:
        await self._ask("POST", repo_at("/actions/runs/:runId/approve", org, repo, runId=run), once=True)

    async def _runs(self, org: str, repo: str, query: Mapping[str, str | int]) -> tuple[WorkflowRun, ...]:
        place = repo_at("/actions/runs", org, repo, query={**query, "per_page": _MOST})
        return tuple((await self._read(_Runs, place)).workflow_runs)
