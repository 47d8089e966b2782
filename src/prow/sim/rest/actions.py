"""Check suites and runs, and runs of workflows."""

from __future__ import annotations

from prow.sim import gitrepo
from prow.sim.apps import App
from prow.sim.errors import Refused, not_found
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login, number
from prow.sim.state import CheckRun, CheckSuite, Repo, WorkflowRun

_RUN = f"{REPO}/actions/runs/{{run}}"
_JOB = f"{REPO}/actions/jobs/{{job}}"


class Actions(Area):
    def table(self) -> Table:
        return {
            ("GET", f"{REPO}/commits/{{ref:path}}/check-runs"): self.list_check_runs,
            ("GET", f"{REPO}/commits/{{ref:path}}/check-suites"): self.list_check_suites,
            ("POST", f"{REPO}/check-runs"): self.create_check_run,
            ("GET", f"{REPO}/check-runs/{{run}}"): self.get_check_run,
            ("PATCH", f"{REPO}/check-runs/{{run}}"): self.update_check_run,
            ("GET", f"{REPO}/check-runs/{{run}}/annotations"): self.list_annotations,
            ("POST", f"{REPO}/check-runs/{{run}}/rerequest"): self.rerequest_check_run,
            ("POST", f"{REPO}/check-suites"): self.create_check_suite,
            ("PATCH", f"{REPO}/check-suites/preferences"): self.set_preferences,
            ("GET", f"{REPO}/check-suites/{{suite}}"): self.get_check_suite,
            ("GET", f"{REPO}/check-suites/{{suite}}/check-runs"): self.list_of_suite,
            ("POST", f"{REPO}/check-suites/{{suite}}/rerequest"): self.rerequest_suite,
            ("GET", f"{REPO}/actions/workflows"): self.list_workflows,
            ("GET", f"{REPO}/actions/workflows/{{workflow}}"): self.get_workflow,
            ("GET", f"{REPO}/actions/workflows/{{workflow}}/runs"): self.list_workflow_runs,
            ("GET", f"{REPO}/actions/runs"): self.list_workflow_runs,
            ("GET", _RUN): self.get_workflow_run,
            ("GET", f"{_RUN}/attempts/{{attempt}}"): self.get_workflow_run,
            ("GET", f"{_RUN}/jobs"): self.list_jobs,
            ("GET", f"{_RUN}/attempts/{{attempt}}/jobs"): self.list_jobs,
            ("GET", _JOB): self.get_job,
            ("POST", f"{_JOB}/rerun"): self.rerun_job,
            ("POST", f"{_RUN}/rerun"): self.rerun,
            ("POST", f"{_RUN}/rerun-failed-jobs"): self.rerun_failed,
            ("POST", f"{_RUN}/approve"): self.approve,
            ("POST", f"{_RUN}/cancel"): self.cancel,
        }

    def _app(self, call: Call) -> App:
        """Only apps make checks."""
        if call.who.app is None or call.who.installation is None:
            raise Refused(403, "You must authenticate via a GitHub App.")
        return call.who.app

    async def _sha(self, repo: Repo, ref: str) -> str:
        sha = await gitrepo.resolve(repo.path, ref)
        if sha is None:
            raise Refused(422, f"No commit found for SHA: {ref}")
        return sha

    def _listed(self, call: Call, repo: Repo, runs: list[CheckRun]) -> Answer:
        """The newest of each name, unless `filter=all` asks for every one."""
        query = call.query
        if query.get("filter", "latest") != "all":
            runs = list({(run.name, run.app.id if run.app else 0): run for run in runs}.values())
        runs = [run for run in runs if query.get("check_name", "") in {"", run.name}]
        runs = [run for run in runs if query.get("status", "") in {"", run.status}]
        runs = [run for run in runs if query.get("app_id", "") in {"", str(run.app.id if run.app else "")}]
        items = [self.world.run_json(repo, run) for run in reversed(runs)]
        return Answer(items=items, wrap=lambda page: {"total_count": len(items), "check_runs": list(page)})

    async def list_check_runs(self, call: Call) -> Answer:
        repo = self.repo(call)
        sha = await self._sha(repo, call.path["ref"])
        return self._listed(call, repo, list(repo.check_runs.get(sha, ())))

    def _run(self, call: Call, needed: str) -> tuple[Repo, CheckRun]:
        repo = self.repo(call, needed)
        return repo, self.world.find_run(repo, number(call, "run"))

    async def get_check_run(self, call: Call) -> Answer:
        repo, run = self._run(call, "read")
        return Answer(self.world.run_json(repo, run))

    async def list_annotations(self, call: Call) -> Answer:
        repo, run = self._run(call, "read")
        found = run.output.get("annotations", [])
        return Answer(items=found, each=lambda one: self.world.json.annotation(repo, run, one))

    async def create_check_run(self, call: Call) -> Answer:
        repo, app, wanted = self.repo(call, "write"), self._app(call), body(call)
        sha = str(wanted.get("head_sha") or "")
        run = await self.world.create_check_run(repo, login(call), sha, wanted, app=app)
        return Answer(self.world.run_json(repo, run), 201)

    async def update_check_run(self, call: Call) -> Answer:
        repo, run = self._run(call, "write")
        if self._app(call) is not run.app:
            raise Refused(
                403,
                "Invalid app_id `"
                + str(self._app(call).id)
                + "` - check run can only be modified by the GitHub App that created it.",
            )
        await self.world.update_check_run(repo, login(call), run, body(call))
        return Answer(self.world.run_json(repo, run))

    async def rerequest_check_run(self, call: Call) -> Answer:
        repo, run = self._run(call, "write")
        await self.world.rerequest_run(repo, login(call), run)
        return Answer({}, 201)

    # Suites

    def _suite(self, call: Call, needed: str = "read") -> tuple[Repo, CheckSuite]:
        repo, wanted = self.repo(call, needed), number(call, "suite")
        found = next((suite for suite in repo.check_suites if suite.id == wanted), None)
        if found is None:
            raise not_found()
        return repo, found

    async def list_check_suites(self, call: Call) -> Answer:
        repo = self.repo(call)
        sha = await self._sha(repo, call.path["ref"])
        wanted = call.query.get("app_id", "")
        found = [s for s in repo.check_suites if s.head_sha == sha and wanted in {"", str(s.app.id)}]
        items = [await self.world.suite_json(repo, suite) for suite in found]
        return Answer(items=items, wrap=lambda page: {"total_count": len(items), "check_suites": list(page)})

    async def create_check_suite(self, call: Call) -> Answer:
        repo, app = self.repo(call, "write"), self._app(call)
        sha = await self._sha(repo, str(body(call).get("head_sha") or ""))
        known = any(suite.head_sha == sha and suite.app is app for suite in repo.check_suites)
        return Answer(await self.world.suite_json(repo, self.world.suite(repo, sha, app)), 200 if known else 201)

    async def set_preferences(self, call: Call) -> Answer:
        """What is asked for is told back; suites are asked for by push all the same."""
        repo, wanted = self.repo(call, "admin"), body(call).get("auto_trigger_checks") or []
        short = self.world.json.short_repo(repo, self.world.owner(repo.owner))
        return Answer({"preferences": {"auto_trigger_checks": wanted}, "repository": short})

    async def get_check_suite(self, call: Call) -> Answer:
        return Answer(await self.world.suite_json(*self._suite(call)))

    async def list_of_suite(self, call: Call) -> Answer:
        repo, suite = self._suite(call)
        return self._listed(call, repo, self.world.runs_of(repo, suite))

    async def rerequest_suite(self, call: Call) -> Answer:
        repo, suite = self._suite(call, "write")
        await self.world.suite_event(repo, self.world.user(login(call)), suite, "rerequested")
        return Answer({}, 201)

    # Workflows

    async def list_workflows(self, call: Call) -> Answer:
        found = self.world.workflows(self.repo(call))
        return Answer(items=found, wrap=lambda page: {"total_count": len(found), "workflows": list(page)})

    async def get_workflow(self, call: Call) -> Answer:
        """By its number, or by the name of its file."""
        wanted = call.path["workflow"]
        for one in self.world.workflows(self.repo(call)):
            if wanted in {str(one["id"]), one["path"].rpartition("/")[2]}:
                return Answer(one)
        raise not_found()

    async def list_workflow_runs(self, call: Call) -> Answer:
        """The newest first, of one workflow where the path names it. `status` takes conclusions, too; `event` takes several, between `OR`s."""
        repo, query = self.repo(call), call.query
        found = [
            run
            for run in reversed(repo.workflow_runs)
            if call.path.get("workflow", "") in {"", str(run.workflow_id), run.path.rpartition("/")[2]}
            and query.get("head_sha", "") in {"", run.head_sha}
            and query.get("branch", "") in {"", run.head_branch}
            and query.get("actor", "").lower() in {"", run.actor.login.lower()}
            and query.get("status", "") in {"", run.status, run.conclusion}
            and (not query.get("event") or run.event in query["event"].split(" OR "))
        ]
        total, size = len(found), 1000
        items = [await self.world.workflow_json(repo, run) for run in found[:size]]
        return Answer(items=items, wrap=lambda page: {"total_count": total, "workflow_runs": list(page)})

    def _workflow(self, call: Call, needed: str = "read") -> tuple[Repo, WorkflowRun]:
        """Of earlier attempts nothing is kept."""
        repo = self.repo(call, needed)
        run = self.world.find_workflow_run(repo, number(call, "run"))
        if call.path.get("attempt", str(run.attempt)) != str(run.attempt):
            raise not_found()
        return repo, run

    async def get_workflow_run(self, call: Call) -> Answer:
        return Answer(await self.world.workflow_json(*self._workflow(call)))

    # Jobs

    async def list_jobs(self, call: Call) -> Answer:
        """Each run has one; a run that must be approved first has none yet."""
        repo, run = self._workflow(call)
        found = [] if run.conclusion == "action_required" else [self.world.json.workflow_job(repo, run)]
        return Answer(items=found, wrap=lambda page: {"total_count": len(found), "jobs": list(page)})

    async def get_job(self, call: Call) -> Answer:
        repo = self.repo(call)
        return Answer(self.world.json.workflow_job(repo, self.world.find_job(repo, number(call, "job"))))

    async def rerun_job(self, call: Call) -> Answer:
        repo = self.repo(call, "write")
        await self.world.rerun(repo, login(call), self.world.find_job(repo, number(call, "job")))
        return Answer({}, 201)

    # What becomes of a run

    async def rerun(self, call: Call) -> Answer:
        repo, run = self._workflow(call, "write")
        await self.world.rerun(repo, login(call), run)
        return Answer({}, 201)

    async def rerun_failed(self, call: Call) -> Answer:
        repo, run = self._workflow(call, "write")
        await self.world.rerun(repo, login(call), run, failed=True)
        return Answer({}, 201)

    async def approve(self, call: Call) -> Answer:
        repo, run = self._workflow(call, "write")
        await self.world.approve_workflow(repo, login(call), run)
        return Answer({}, 201)

    async def cancel(self, call: Call) -> Answer:
        repo, run = self._workflow(call, "write")
        await self.world.cancel_workflow(repo, login(call), run)
        return Answer({}, 202)
