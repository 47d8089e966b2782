"""What is said about commits: statuses and check runs."""

from __future__ import annotations

from prow.sim import gitlog, gitrepo
from prow.sim.errors import Refused, not_found
from prow.sim.rest.call import REPO, Answer, Area, Call, Table, body, login, number
from prow.sim.rules import combined_state
from prow.sim.state import CheckRun, Repo


class Commits(Area):
    def table(self) -> Table:
        return {
            ("GET", f"{REPO}/git/commits/{{sha}}"): self.get_commit,
            ("GET", f"{REPO}/commits/{{ref}}/status"): self.combined_status,
            ("GET", f"{REPO}/commits/{{ref}}/statuses"): self.list_statuses,
            ("GET", f"{REPO}/commits/{{ref}}/check-runs"): self.list_check_runs,
            ("POST", f"{REPO}/statuses/{{sha}}"): self.create_status,
            ("POST", f"{REPO}/check-runs"): self.create_check_run,
            ("GET", f"{REPO}/check-runs/{{run}}"): self.get_check_run,
            ("PATCH", f"{REPO}/check-runs/{{run}}"): self.update_check_run,
        }

    async def create_status(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        status = await self.world.set_status(
            repo,
            login(call),
            call.path["sha"],
            context=str(wanted.get("context") or ""),
            state=str(wanted.get("state", "")),
            description=str(wanted.get("description") or ""),
            target_url=str(wanted.get("target_url") or ""),
        )
        return Answer(self.world.json.status(repo, call.path["sha"], status), 201)

    async def get_commit(self, call: Call) -> Answer:
        repo, sha = self.repo(call), call.path["sha"]
        return Answer(self.world.json.git_commit(repo, await gitlog.one(repo.path, await self._sha(repo, sha))))

    async def _sha(self, repo: Repo, ref: str) -> str:
        sha = await gitrepo.resolve(repo.path, ref)
        if sha is None:
            raise Refused(422, f"No commit found for SHA: {ref}")
        return sha

    async def combined_status(self, call: Call) -> Answer:
        repo = self.repo(call)
        sha = await self._sha(repo, call.path["ref"])
        statuses = self.world.combined(repo, sha)
        state = combined_state(s.state for s in statuses)
        about = {"state": state, "sha": sha, "total_count": len(statuses), "repository": self.repo_json(repo)}
        api = f"{self.world.base}/repos/{repo.full_name}/commits/{sha}"
        about |= {"commit_url": api, "url": f"{api}/status"}
        items = [self.world.json.short_status(repo, sha, s) for s in statuses]
        return Answer(items=items, wrap=lambda page: about | {"statuses": list(page)})

    async def list_statuses(self, call: Call) -> Answer:
        repo = self.repo(call)
        sha = await self._sha(repo, call.path["ref"])
        return Answer(items=[self.world.json.status(repo, sha, s) for s in reversed(repo.statuses.get(sha, []))])

    # Check runs

    async def list_check_runs(self, call: Call) -> Answer:
        """The newest of each name, unless `filter=all` asks for every one."""
        repo = self.repo(call)
        sha = await self._sha(repo, call.path["ref"])
        every = call.query.get("filter", "latest") == "all"
        runs = list(repo.check_runs.get(sha, ())) if every else self.world.latest_runs(repo, sha)
        wanted = call.query.get("check_name", "")
        items = [self.world.json.check_run(repo, run) for run in runs if wanted in {"", run.name}]
        return Answer(items=items, wrap=lambda page: {"total_count": len(items), "check_runs": list(page)})

    def _run(self, call: Call, needed: str) -> tuple[Repo, CheckRun]:
        repo, wanted = self.repo(call, needed), number(call, "run")
        found = next((run for runs in repo.check_runs.values() for run in runs if run.id == wanted), None)
        if found is None:
            raise not_found()
        return repo, found

    async def get_check_run(self, call: Call) -> Answer:
        return Answer(self.world.json.check_run(*self._run(call, "read")))

    async def create_check_run(self, call: Call) -> Answer:
        repo, wanted = self.repo(call, "write"), body(call)
        run = await self.world.create_check_run(repo, login(call), str(wanted.get("head_sha") or ""), wanted)
        return Answer(self.world.json.check_run(repo, run), 201)

    async def update_check_run(self, call: Call) -> Answer:
        repo, run = self._run(call, "write")
        await self.world.update_check_run(repo, login(call), run, body(call))
        return Answer(self.world.json.check_run(repo, run))
