"""Statuses and check runs of commits."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from prow.sim import gitrepo
from prow.sim.errors import Refused, unprocessable
from prow.sim.gitlog import Logged
from prow.sim.payloads import Json
from prow.sim.rules import CONCLUSIONS, RUN_STATUSES, states_by_name
from prow.sim.state import MOST_STATUSES, CheckRun, Repo, Status, User
from prow.sim.world.orgs import Orgs

_STATES = frozenset({"error", "failure", "pending", "success"})
_LONGEST_DESCRIPTION = 140


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
        await self._known_commit(repo, sha)
        all_of_commit = repo.statuses.setdefault(sha, [])
        context = context or "default"
        if sum(s.context == context for s in all_of_commit) >= MOST_STATUSES:
            raise Refused(422, "Validation Failed: This SHA and context has reached the maximum number of statuses.")
        status = Status(self.new_id(), context, state, description, target_url, self.user(login), self.clock.now())
        all_of_commit.append(status)
        found = self.json.status(repo, sha, status)
        await self.emit(repo, "status", status.creator, {**found, "sha": sha, "name": repo.full_name, "branches": []})
        return status

    def commit_json(self, repo: Repo, commit: Logged) -> Json:
        """A commit with the users behind its names."""
        author, committer = (self.users.get(who.name.lower()) for who in (commit.author, commit.committer))
        return self.json.commit(repo, commit, author, committer)

    async def _known_commit(self, repo: Repo, sha: str) -> None:
        if await gitrepo.resolve(repo.path, sha) is None:
            raise Refused(422, f"No commit found for SHA: {sha}")

    def combined(self, repo: Repo, sha: str) -> list[Status]:
        """The newest status of each context."""
        return list({status.context: status for status in repo.statuses.get(sha, ())}.values())

    def latest_runs(self, repo: Repo, sha: str) -> list[CheckRun]:
        """The newest check run of each name."""
        return list({run.name: run for run in repo.check_runs.get(sha, ())}.values())

    def states(self, repo: Repo, sha: str) -> dict[str, str]:
        """The word of every status and check run of a commit, by name."""
        return states_by_name(self.combined(repo, sha), self.latest_runs(repo, sha))

    async def create_check_run(self, repo: Repo, login: str, sha: str, fields: dict[str, Any]) -> CheckRun:
        """`fields`: as `POST …/check-runs` takes them. A conclusion alone means that it is completed."""
        if not str(fields.get("name") or ""):
            raise unprocessable("CheckRun", "name", "missing_field")
        await self._known_commit(repo, sha)
        now = self.clock.now()
        run = CheckRun(self.new_id(), str(fields["name"]), sha, "queued", None, "", "", now)
        self._set_run(run, fields, now)
        repo.check_runs.setdefault(sha, []).append(run)
        sender = self.user(login)
        await self._run_event(repo, sender, run, "created")
        if run.status == "completed":
            await self._run_event(repo, sender, run, "completed")
        return run

    async def update_check_run(self, repo: Repo, login: str, run: CheckRun, fields: dict[str, Any]) -> None:
        before = run.status
        self._set_run(run, fields, self.clock.now())
        if run.status == "completed" and (before != "completed" or fields.get("conclusion")):
            await self._run_event(repo, self.user(login), run, "completed")
        await self.changed()

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
        run.output = dict(fields.get("output") or run.output)

    async def _run_event(self, repo: Repo, sender: User, run: CheckRun, action: str) -> None:
        pulls = [
            {"number": i.number, "head": {"sha": i.pull.head_sha, "ref": i.pull.head_ref}, "base": {"ref": i.pull.base_ref}}
            for i in repo.issues.values()
            if i.pull is not None and i.state == "open" and i.pull.head_sha == run.head_sha and i.pull.head_repo is repo
        ]  # fmt: skip
        found = self.json.check_run(repo, run) | {"pull_requests": pulls}
        await self.emit(repo, "check_run", sender, {"action": action, "check_run": found})
