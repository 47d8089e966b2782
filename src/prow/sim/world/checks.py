"""Statuses and check runs of commits, and the suites that apps have of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from prow.sim import gitlog, gitrepo
from prow.sim.apps import App
from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.gitlog import Logged
from prow.sim.payloads import Json
from prow.sim.rules import CONCLUSIONS, RUN_STATUSES, states_by_name
from prow.sim.state import MOST_STATUSES, CheckRun, CheckSuite, Issue, Repo, Status, User
from prow.sim.world.orgs import Orgs

_STATES = frozenset({"error", "failure", "pending", "success"})
_LONGEST_DESCRIPTION = 140
_MOST_SUITES = 5_000
_MOST_ANNOTATIONS = 50
"""Of one request."""
_ANNOTATION = ("path", "start_line", "end_line", "annotation_level", "message")
_MOST_COMMITS = 20_000
"""Of a repository, about which something is remembered."""


class Checks(Orgs):
    async def set_status(
        self, repo: Repo, login: str, sha: str, *, context: str, state: str, description: str = "", target_url: str = ""
    ) -> Status:
        if state not in _STATES:
            raise unprocessable("Status", "state", "custom", "State is not included in the list")
        if len(description.encode()) > _LONGEST_DESCRIPTION * 4 or len(description) > _LONGEST_DESCRIPTION:
            raise unprocessable(
                "Status", "description", "custom", "description is too long (maximum is 140 characters)"
            )
        await self.known_commit(repo, sha)
        all_of_commit = repo.statuses.setdefault(sha, [])
        context = context or "default"
        if sum(s.context == context for s in all_of_commit) >= MOST_STATUSES:
            raise Refused(422, "Validation Failed: This SHA and context has reached the maximum number of statuses.")
        status = Status(self.new_id(), context, state, description, target_url, self.user(login), self.clock.now())
        all_of_commit.append(status)
        _forget_oldest(repo.statuses)
        self.journal.note(repo, status.creator.login, "status", context, state, of=status.id, sha=sha, said=description)
        await self.emit(repo, "status", status.creator, await self._status_event(repo, sha, status))
        return status

    async def _status_event(self, repo: Repo, sha: str, status: Status) -> Json:
        """git is asked only when somebody listens."""
        if not self.listeners(repo, "status"):
            return {}
        commit = self.commit_json(repo, await gitlog.one(repo.path, sha))
        heads = await gitrepo.refs(repo.path, "refs/heads/")
        names = [ref.removeprefix("refs/heads/") for ref, at in heads.items() if at == sha]
        branches = [
            self.json.short_branch(repo, name, sha, protected=self.protection_of(repo, name) is not None)
            for name in names
        ]
        return self.json.status_event(repo, commit, branches, status)

    def user_behind(self, name: str) -> User | None:
        """Whose commits bear this name."""
        return self.users.get(name.lower())

    def commit_json(self, repo: Repo, commit: Logged) -> Json:
        """A commit with the users behind its names."""
        author, committer = (self.user_behind(who.name) for who in (commit.author, commit.committer))
        return self.json.commit(repo, commit, author, committer)

    async def known_commit(self, repo: Repo, sha: str) -> None:
        if await gitrepo.resolve(repo.path, sha) is None:
            raise Refused(422, f"No commit found for SHA: {sha}")

    def combined(self, repo: Repo, sha: str) -> list[Status]:
        """The newest status of each context."""
        return list({status.context: status for status in repo.statuses.get(sha, ())}.values())

    def latest_runs(self, repo: Repo, sha: str) -> list[CheckRun]:
        """The newest check run of each name and app."""
        runs = repo.check_runs.get(sha, ())
        return list({(run.name, run.app.id if run.app is not None else 0): run for run in runs}.values())

    def states(self, repo: Repo, sha: str) -> dict[str, str]:
        """The word of every status and check run of a commit, by name."""
        return states_by_name(self.combined(repo, sha), self.latest_runs(repo, sha))

    # Check suites

    def app_of(self, login: str) -> App:
        """The app that acts under this name; in a story anybody may be one."""
        return self.app(login.removesuffix("[bot]").lower())

    def suite(self, repo: Repo, sha: str, app: App, *, branch: str = "") -> CheckSuite:
        """The suite of an app for a commit, made when it is new."""
        found = next((one for one in repo.check_suites if one.head_sha == sha and one.app is app), None)
        if found is None:
            if not branch:
                pulls = (i.pull for i in repo.issues.values() if i.pull is not None and i.pull.head_sha == sha)
                branch = next((pull.head_ref for pull in pulls), repo.default_branch)
            found = CheckSuite(self.new_id(), sha, branch, app, self.clock.now())
            repo.check_suites.append(found)
            del repo.check_suites[:-_MOST_SUITES]
        return found

    def runs_of(self, repo: Repo, suite: CheckSuite) -> list[CheckRun]:
        return [run for run in repo.check_runs.get(suite.head_sha, ()) if run.suite is suite]

    def suite_state(self, repo: Repo, suite: CheckSuite) -> tuple[str, str | None]:
        """Status and conclusion, from those of its newest runs."""
        runs = list({run.name: run for run in self.runs_of(repo, suite)}.values())
        if not runs:
            return "queued", None
        if any(run.status != "completed" for run in runs):
            return "in_progress" if any(run.status != "queued" for run in runs) else "queued", None
        said = {run.conclusion for run in runs}
        worst = (
            "startup_failure",
            "timed_out",
            "failure",
            "action_required",
            "cancelled",
            "stale",
            "success",
            "neutral",
        )
        return "completed", next((word for word in worst if word in said), "skipped")

    # Check runs

    def find_run(self, repo: Repo, number: int) -> CheckRun:
        found = next((run for runs in repo.check_runs.values() for run in runs if run.id == number), None)
        if found is None:
            raise not_found()
        return found

    async def create_check_run(
        self, repo: Repo, login: str, sha: str, fields: dict[str, Any], *, app: App | None = None
    ) -> CheckRun:
        """`fields`: as `POST …/check-runs` takes them. A conclusion alone means that it is completed."""
        if not str(fields.get("name") or ""):
            raise unprocessable("CheckRun", "name", "missing_field")
        await self.known_commit(repo, sha)
        now, app = self.clock.now(), app or self.app_of(login)
        run = CheckRun(self.new_id(), str(fields["name"]), sha, "queued", None, "", "", now)
        run.app, run.suite = app, self.suite(repo, sha, app)
        self._set_run(run, fields, now)
        repo.check_runs.setdefault(sha, []).append(run)
        _forget_oldest(repo.check_runs)
        sender = self.user(login)
        await self._run_event(repo, sender, run, "created")
        if run.status == "completed":
            await self._completed(repo, sender, run)
        return run

    async def update_check_run(self, repo: Repo, login: str, run: CheckRun, fields: dict[str, Any]) -> None:
        before = run.status
        self._set_run(run, fields, self.clock.now())
        if run.status == "completed" and (before != "completed" or fields.get("conclusion")):
            await self._completed(repo, self.user(login), run)
        await self.changed()

    async def rerequest_run(self, repo: Repo, login: str, run: CheckRun) -> None:
        """Its app alone is asked to do it again; that it is new is up to the app."""
        await self._run_event(repo, self.user(login), run, "rerequested", app=run.app)

    async def _completed(self, repo: Repo, sender: User, run: CheckRun) -> None:
        await self._run_event(repo, sender, run, "completed")
        if run.suite is not None and self.suite_state(repo, run.suite)[0] == "completed":
            await self.suite_event(repo, sender, run.suite, "completed")

    async def request_suites(self, repo: Repo, sender: User, sha: str, branch: str) -> None:
        """New commits were pushed: each app that may make checks has a suite for them, and is asked to fill it."""
        for installation in self.installed_at(repo):
            app = installation.app
            if installation.suspended_at is None and installation.grants("checks", "write"):
                known = any(one.head_sha == sha and one.app is app for one in repo.check_suites)
                if not known:
                    await self.suite_event(repo, sender, self.suite(repo, sha, app, branch=branch), "requested")

    async def suite_event(self, repo: Repo, sender: User, suite: CheckSuite, action: str) -> None:
        """That it is over is told to everybody; requests are for its app alone."""
        app = None if action == "completed" else suite.app
        if not self.listeners(repo, "check_suite", app=app):
            await self.changed([])
            return
        found = self._suite_json(repo, suite, webhook=True) | self._runs_json(repo, suite)
        found["head_commit"] = self.json.simple_commit(await gitlog.one(repo.path, suite.head_sha))
        await self.emit(repo, "check_suite", sender, {"action": action, "check_suite": found}, app=app)

    def _suite_json(self, repo: Repo, suite: CheckSuite, *, webhook: bool = False) -> Json:
        status, conclusion = self.suite_state(repo, suite)
        pulls = self._pulls_of(repo, suite.head_sha)
        return self.json.check_suite(repo, suite, status, conclusion, pulls=pulls, webhook=webhook)

    def _runs_json(self, repo: Repo, suite: CheckSuite) -> Json:
        url = f"{self.base}/repos/{repo.full_name}/check-suites/{suite.id}/check-runs"
        return {"latest_check_runs_count": len(self.runs_of(repo, suite)), "check_runs_url": url}

    async def suite_json(self, repo: Repo, suite: CheckSuite) -> Json:
        found = self._suite_json(repo, suite) | self._runs_json(repo, suite)
        commit = self.json.simple_commit(await gitlog.one(repo.path, suite.head_sha))
        return found | {"head_commit": commit, "repository": self.repo_json(repo)}

    def _pulls_of(self, repo: Repo, sha: str) -> list[Issue]:
        """Open pull requests with this head, of branches of the repository itself."""
        return [
            issue
            for issue in repo.issues.values()
            if issue.pull is not None
            and issue.state == "open"
            and issue.pull.head_sha == sha
            and issue.pull.head_repo is repo
        ]

    def run_json(self, repo: Repo, run: CheckRun, *, webhook: bool = False) -> Json:
        pulls = [self.json.pull_in_check(issue) for issue in self._pulls_of(repo, run.head_sha)]
        return self.json.check_run(repo, run, webhook=webhook) | {"pull_requests": pulls}

    def _set_run(self, run: CheckRun, fields: dict[str, Any], now: datetime) -> None:
        conclusion = fields.get("conclusion")
        status = str(fields.get("status") or ("completed" if conclusion else run.status))
        if status not in RUN_STATUSES:
            raise unprocessable("CheckRun", "status", "invalid")
        if conclusion is not None and conclusion not in CONCLUSIONS:
            raise unprocessable("CheckRun", "conclusion", "invalid")
        if status == "completed" and conclusion is None and run.conclusion is None:
            raise unprocessable("CheckRun", "conclusion", "missing_field")
        run.status = status
        run.conclusion = (conclusion or run.conclusion) if status == "completed" else None
        run.completed_at = now if status == "completed" else None
        run.name = str(fields.get("name") or run.name)
        run.details_url = str(fields.get("details_url") or run.details_url)
        run.external_id = str(fields.get("external_id") or run.external_id)
        if fields.get("output"):
            run.output = self._output(run, fields["output"])

    @staticmethod
    def _output(run: CheckRun, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """What is said in place of what was said, but annotations come on top of those that are there, fifty at a time."""
        for name in ("summary",) if run.output else ("title", "summary"):
            if not wanted.get(name):
                raise Refused(422, f'Invalid request.\n\n"{name}" wasn\'t supplied.')
        more = [dict(one) for one in wanted.get("annotations") or () if isinstance(one, Mapping)]
        if len(more) > _MOST_ANNOTATIONS:
            raise Refused(
                422,
                f"Invalid request.\n\nNo more than {_MOST_ANNOTATIONS} items are allowed; {len(more)} were supplied.",
            )
        for one in more:
            missing = [name for name in _ANNOTATION if one.get(name) is None]
            if missing:
                raise Refused(422, f'Invalid request.\n\n"{missing[0]}" wasn\'t supplied.')
        return {**run.output, **wanted, "annotations": [*run.output.get("annotations", ()), *more]}

    async def _run_event(self, repo: Repo, sender: User, run: CheckRun, action: str, *, app: App | None = None) -> None:
        """With what its suite is."""
        found = self.run_json(repo, run, webhook=True)
        if run.suite is not None:
            found["check_suite"] = self._suite_json(repo, run.suite, webhook=True)
        await self.emit(repo, "check_run", sender, {"action": action, "check_run": found}, app=app)


def _forget_oldest(kept: dict[str, Any]) -> None:
    """What was said about the commit that was first spoken of."""
    if len(kept) > _MOST_COMMITS:
        del kept[next(iter(kept))]
