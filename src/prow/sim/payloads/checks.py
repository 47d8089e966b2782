"""Check runs and suites, and runs of workflows."""

from __future__ import annotations

from collections.abc import Sequence

from prow.sim.gitlog import Logged
from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.protection import Protections
from prow.sim.state import CheckRun, CheckSuite, Issue, Org, Repo, User, WorkflowRun


class Checks(Protections):
    def pull_in_check(self, issue: Issue) -> Json:
        """A pull request as checks and workflow runs name it."""
        pull = issue.pull
        assert pull is not None
        head = pull.head_repo or issue.repo
        return {
            "id": issue.id,
            "number": issue.number,
            "url": f"{self.base}/repos/{issue.repo.full_name}/pulls/{issue.number}",
            "head": {"ref": pull.head_ref, "sha": pull.head_sha, "repo": self._repo_in_check(head)},
            "base": {"ref": pull.base_ref, "sha": pull.base_sha, "repo": self._repo_in_check(issue.repo)},
        }

    def _repo_in_check(self, repo: Repo) -> Json:
        return {"id": repo.id, "url": f"{self.base}/repos/{repo.full_name}", "name": repo.name}

    def check_run(self, repo: Repo, run: CheckRun, *, webhook: bool = False) -> Json:
        url = f"{self.base}/repos/{repo.full_name}/check-runs/{run.id}"
        output = {"title": None, "summary": None, "text": None} | {
            key: run.output.get(key) for key in ("title", "summary", "text") if key in run.output
        }
        return {
            "id": run.id,
            "node_id": node("CR", run.id),
            "head_sha": run.head_sha,
            "external_id": run.external_id,
            "url": url,
            "html_url": f"{self.base}/{repo.full_name}/runs/{run.id}",
            "details_url": run.details_url or self.base,
            "status": run.status,
            "conclusion": run.conclusion,
            "started_at": stamp(run.started_at),
            "completed_at": stamp(run.completed_at) if run.completed_at else None,
            "output": output
            | {"annotations_count": len(run.output.get("annotations", ())), "annotations_url": f"{url}/annotations"},
            "name": run.name,
            "check_suite": {"id": run.suite.id} if run.suite is not None else None,
            "app": self.app(run.app, webhook=webhook) if run.app is not None else None,
            "pull_requests": [],
        }

    def annotation(self, repo: Repo, run: CheckRun, one: Json) -> Json:
        """A remark on lines of a file."""
        optional = dict.fromkeys(("start_column", "end_column", "title", "raw_details"))
        href = f"{self.base}/{repo.full_name}/blob/{run.head_sha}/{one['path']}"
        return optional | one | {"blob_href": href}

    def check_suite(
        self, repo: Repo, suite: CheckSuite, status: str, conclusion: str | None, *, pulls: Sequence[Issue], webhook: bool = False
    ) -> Json:  # fmt: skip
        """Its `head_commit` and `repository` are added where they are told. Webhooks have no word for what was skipped."""
        return {
            "id": suite.id,
            "node_id": node("CS", suite.id),
            "head_branch": suite.head_branch,
            "head_sha": suite.head_sha,
            "status": status,
            "conclusion": "neutral" if webhook and conclusion == "skipped" else conclusion,
            "url": f"{self.base}/repos/{repo.full_name}/check-suites/{suite.id}",
            "before": None,
            "after": suite.head_sha,
            "pull_requests": [self.pull_in_check(issue) for issue in pulls],
            "app": self.app(suite.app, webhook=webhook),
            "created_at": stamp(suite.created_at),
            "updated_at": stamp(suite.created_at),
        }

    def simple_commit(self, commit: Logged) -> Json:
        """The head of a suite or of a workflow run."""
        return {
            "id": commit.sha,
            "tree_id": commit.tree,
            "message": commit.message,
            "timestamp": commit.committer.date,
            "author": {"name": commit.author.name, "email": commit.author.email},
            "committer": {"name": commit.committer.name, "email": commit.committer.email},
        }

    def workflow_run(
        self, repo: Repo, run: WorkflowRun, owner: User | Org, commit: Logged, pulls: Sequence[Issue]
    ) -> Json:
        api, page = f"{self.base}/repos/{repo.full_name}/actions", f"{self.base}/{repo.full_name}/actions"
        url, where = f"{api}/runs/{run.id}", self.short_repo(repo, owner)
        before = f"{url}/attempts/{run.attempt - 1}" if run.attempt > 1 else None
        return {
            "id": run.id,
            "name": run.name,
            "node_id": node("WFR", run.id),
            "check_suite_id": run.id,
            "check_suite_node_id": node("CS", run.id),
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
            "path": run.path,
            "display_title": commit.message.partition("\n")[0],
            "run_number": run.number,
            "run_attempt": run.attempt,
            "event": run.event,
            "status": run.status,
            "conclusion": run.conclusion,
            "workflow_id": run.workflow_id,
            "url": url,
            "html_url": f"{page}/runs/{run.id}",
            "pull_requests": [self.pull_in_check(issue) for issue in pulls],
            "created_at": stamp(run.created_at),
            "updated_at": stamp(run.updated_at),
            "run_started_at": stamp(run.created_at),
            "actor": self.user(run.actor),
            "triggering_actor": self.user(run.actor),
            "referenced_workflows": [],
            "jobs_url": f"{url}/jobs",
            "logs_url": f"{url}/logs",
            "check_suite_url": f"{self.base}/repos/{repo.full_name}/check-suites/{run.id}",
            "artifacts_url": f"{url}/artifacts",
            "cancel_url": f"{url}/cancel",
            "rerun_url": f"{url}/rerun",
            "previous_attempt_url": before,
            "workflow_url": f"{api}/workflows/{run.workflow_id}",
            "head_commit": self.simple_commit(commit),
            "repository": where,
            "head_repository": where,
        }

    def workflow_job(self, repo: Repo, run: WorkflowRun) -> Json:
        """The one job that a run has."""
        api, page = f"{self.base}/repos/{repo.full_name}/actions", f"{self.base}/{repo.full_name}/actions"
        number = job_number(run)
        return {
            "id": number,
            "run_id": run.id,
            "run_url": f"{api}/runs/{run.id}",
            "run_attempt": run.attempt,
            "node_id": node("CR", number),
            "head_sha": run.head_sha,
            "head_branch": run.head_branch,
            "url": f"{api}/jobs/{number}",
            "html_url": f"{page}/runs/{run.id}/job/{number}",
            "status": run.status,
            "conclusion": run.conclusion,
            "created_at": stamp(run.created_at),
            "started_at": stamp(run.created_at),
            "completed_at": stamp(run.updated_at) if run.status == "completed" else None,
            "name": run.name,
            "workflow_name": run.name,
            "steps": [],
            "check_run_url": f"{self.base}/repos/{repo.full_name}/check-runs/{number}",
            "labels": ["ubuntu-latest"],
            "runner_id": None,
            "runner_name": None,
            "runner_group_id": None,
            "runner_group_name": None,
        }


def job_number(run: WorkflowRun) -> int:
    """Each attempt has a job of its own."""
    return run.id * 100 + run.attempt
