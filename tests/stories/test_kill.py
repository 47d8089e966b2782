"""`kill -9` at any moment: every accepted delivery is handled, nothing happens twice, running jobs are found again.

`prow up` is a child process; GitHub lives in the test. The child is killed at calls that write to GitHub, first before the
write takes effect and then after it (so that its answer is lost), and in between while jobs run.
"""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

from starlette.requests import Request

from prow.jobs.sqlite_store import SQLiteJobStore
from prow.lib.clock import SystemClock
from prow.model.prowjob import ProwJob
from prow.sim import gitrepo
from prow.sim.bots import BotStory
from prow.sim.plan import Error
from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.support.child import ProwProcess
from tests.support.processes import free_port
from tests.support.prow import BOT, CONFIG, OWNERS, REVIEWED, TIDE, github, job
from tests.support.sandbox import FLAGS

FILES = {"run.sh": "#!/bin/sh\nexit 1\n", "OWNERS": OWNERS}
JOBS = (
    "presubmits:\n  acme/rockets:\n"
    + job("unit", "sleep 0.3; sh run.sh")
    + job("lint", "sleep 0.2")
    + "postsubmits:\n  acme/rockets:\n"
    + job("publish", "true", extra="branches: [main]")
)
MAY = ("label size/*", "status tide", "nothing POST */labels")
"""A label is set again when nobody knows whether it was."""
_WRITES = frozenset({"POST", "PATCH", "DELETE", "PUT"})


class Child:
    """`prow up`, started again after every kill. `kills`: how often it was killed; `metrics_port`: of the one that runs now; `up`: it serves."""

    def __init__(self, folder: Path, sim: Sim) -> None:
        self._folder = folder
        self._sim = sim
        self._process: ProwProcess | None = None
        self._again = asyncio.Event()
        self.up = asyncio.Event()
        self.port = free_port()
        self.metrics_port = 0
        self.kills = 0
        self.log = folder / "prow.log"

    def kill(self) -> None:
        if self._process is not None and self._process.running:
            self._process.signal(signal.SIGKILL)
            self._process = None
            self.up.clear()
            self.kills += 1
            self._again.set()

    async def keep_running(self) -> None:
        """Start it, and start it again whenever it was killed; what GitHub could not deliver is redelivered."""
        process: ProwProcess | None = None
        try:
            while True:
                self._again.clear()
                process = await self._start()
                await process.ready()
                self._process = process
                self.up.set()
                await self._redeliver()
                await self._again.wait()
                await process.ended()
        finally:
            if process is not None:
                process.signal(signal.SIGTERM)
                await process.ended()

    async def _start(self) -> ProwProcess:
        folder = self._folder
        self.metrics_port = free_port()
        flags = {
            "config-path": folder / "config.yaml",
            "job-config-path": folder / "jobs.yaml",
            "plugin-config": folder / "plugins.yaml",
            "hmac-secret-file": folder / "hmac",
            "github-token-path": folder / "token",
            "github-endpoint": self._sim.world.base,
            "github-host": self._sim.world.base,
            "github-graphql-endpoint": f"{self._sim.world.base}/graphql",
            "state-dir": folder / "state",
            "bucket-dir": folder / "buckets",
            "port": self.port,
            "deck-port": free_port(),
            "health-port": free_port(),
            "metrics-port": self.metrics_port,
            "pprof-port": free_port(),
            "github-client.initial-delay": "50ms",
            **FLAGS,
        }
        return await ProwProcess.start("up", flags, log=self.log)

    async def _redeliver(self) -> None:
        for repo in tuple(self._sim.world.repos.values()):
            for hook in repo.hooks:
                answered = {d.guid for d in hook.deliveries if d.status == 200}
                lost = {d.guid: d for d in hook.deliveries if d.status != 200 and d.guid not in answered}
                for delivery in lost.values():
                    self._sim.world.hooks.redeliver(hook, delivery)


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Sim, Child, PullStory]]:
    async with github(folder, files=FILES) as (sim, repo):
        for name, text in (
            ("config.yaml", CONFIG + TIDE),
            ("jobs.yaml", JOBS),
            ("plugins.yaml", REVIEWED),
            ("hmac", "s3cret-s3cret"),
        ):
            (folder / name).write_text(text)
        (folder / "token").write_text(sim.world.token(BOT))
        child = Child(folder, sim)
        keeper = asyncio.create_task(child.keep_running())
        await child.up.wait()
        sim.world.add_hook(repo.repo, url=f"http://127.0.0.1:{child.port}/hook", secret="s3cret-s3cret")
        await sim.world.hooks.settled()
        pr = await repo.open_pull_request("mia", title="Change", files={"run.sh": "#!/bin/sh\nexit 2\n"})
        try:
            yield sim, child, pr
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)


class KillAtWrites:
    """The fault: each distinct write kills the child twice, before and after it takes effect. `step`: the chapter of the story.

    `one_in`: of the writes, that many are taken by lot; those that merge or that a merge hangs on, always.
    """

    def __init__(self, child: Child, *, one_in: int) -> None:
        self._child = child
        self._lot = random.Random(one_in)
        self._one_in = one_in
        self._drawn: dict[str, bool] = {}
        self.step = ""
        self.seen: Counter[str] = Counter()

    def __call__(self, request: Request) -> Error | None:
        if request.method not in _WRITES or request.url.path == "/graphql":
            return None
        name = self._name(request)
        self.seen[name] += 1
        if self.seen[name] > 2 or not self._chosen(name, request.url.path):
            return None
        self._child.kill()
        return Error(502, after=self.seen[name] == 2)

    def _chosen(self, name: str, path: str) -> bool:
        if path.endswith("/merge") or (self.step == "merge" and path.endswith("/labels")):
            return True
        return self._drawn.setdefault(name, self._lot.randrange(self._one_in) == 0)

    def _name(self, request: Request) -> str:
        """Chapter, call, and how its content begins."""
        said = request.state.body
        if isinstance(said, dict) and "context" in said:
            return f"{self.step}: {said['context']}={said['state']}"
        return f"{self.step}: {request.method} {request.url.path} {str(said)[:32]}"


async def jobs_in(folder: Path) -> tuple[ProwJob, ...]:
    """All that were ever made."""
    store = await SQLiteJobStore.open(folder / "state" / "jobs.db", clock=SystemClock())
    try:
        return tuple((await store.list()).items)
    finally:
        await store.close()


async def nothing_happened_twice(folder: Path, pr: PullStory, pushes: Sequence[str]) -> None:
    """Merged once, and nothing was said, reported or run a second time. `pushes`: the commits that came to main."""
    repo = pr.issue.repo
    merges = (await gitrepo.git("log", "--merges", "--format=%H", "main", cwd=repo.path)).decode().split()
    assert merges == [pr.merge_commit]
    bodies = [c.body for c in pr.comments_by(BOT)]
    for text in ("What happens next", "<!-- test report -->", "[APPROVALNOTIFIER] This PR is **APPROVED**"):
        assert sum(text in body for body in bodies) == 1, bodies
    assert len(bodies) == 3, bodies
    assert pr.labels == {"ok-to-test", "size/XS", "lgtm", "approved"}
    for statuses in repo.statuses.values():
        by_context: dict[str, list[tuple[str, str, str]]] = {}
        for status in statuses:
            by_context.setdefault(status.context, []).append((status.state, status.description, status.target_url))
        for context, told in by_context.items():
            assert all(before != after for before, after in pairwise(told)), (context, told)
            with_page = Counter(one for one in told if one[2] and context != "tide")
            assert not with_page or max(with_page.values()) == 1, (context, with_page)
    jobs = await jobs_in(folder)
    refs = [(job.spec.job, job.spec.refs) for job in jobs if job.spec.refs is not None]
    runs = Counter((name, r.pulls[0].sha, r.base_sha) for name, r in refs if r.pulls)
    assert max(runs.values()) == 1, runs
    assert Counter(r.base_sha for name, r in refs if name == "publish") == Counter(pushes)


async def reviewed_and_merged(pr: PullStory, *, within: float) -> str:
    """The last chapters, of a pull request that is tested: what came in meanwhile makes it be tested again. Gives the commit that came in."""
    repo = RepoStory(pr.sim, pr.issue.repo)
    base = await repo.push("wernher", {"other.txt": "x\n"}, message="Meanwhile")
    await pr.comment("katherine", "/lgtm")
    await pr.expect_label("lgtm", within=within)
    await pr.comment("wernher", "/approve")
    merge = await pr.expect_merged(within=within)
    for commit in (base, merge):
        await repo.expect_status(commit, "publish", "success", within=within)
    await pr.expect_label("approved", within=within)
    await pr.expect_comment("This PR is **APPROVED**", by=BOT, within=within)
    return base


async def the_whole_path(folder: Path, *, one_in: int) -> int:
    """From opened to merged, killed at every write, or at some. Gives the number of kills."""
    async with running(folder) as (sim, child, pr):
        sim.fault = fault = KillAtWrites(child, one_in=one_in)
        bot = BotStory(sim, BOT, may=MAY)
        await pr.expect_label("needs-ok-to-test", within=60)
        await pr.expect_comment("What happens next", by=BOT, within=60)
        await pr.expect_comment("**NOT APPROVED**", by=BOT, within=60)
        fault.step = "tests"
        await pr.comment("wernher", "/ok-to-test")
        await pr.expect_label("ok-to-test", within=60)
        await pr.expect_no_label("needs-ok-to-test", within=60)
        await pr.expect_statuses({"lint": "success", "unit": "failure"}, within=60)
        await pr.expect_comment("unit |", by=BOT, within=60)
        fault.step = "fix"
        await pr.push({"run.sh": "#!/bin/sh\nexit 0\n"})
        await pr.expect_status("unit", "pending", within=60)
        child.kill()
        await pr.expect_statuses({"lint": "success", "unit": "success"}, within=60)
        await pr.expect_comment("has passed since", by=BOT, within=60)
        fault.step = "hold"
        await pr.comment("wernher", "/hold")
        await pr.expect_label("do-not-merge/hold", within=60)
        await pr.comment("wernher", "/hold cancel")
        await pr.expect_no_label("do-not-merge/hold", within=60)
        fault.step = "merge"
        base = await reviewed_and_merged(pr, within=60)
        sim.fault = None
        await sim.world.hooks.settled()
    await pr.expect_statuses({"lint": "success", "unit": "success"})
    bot.expect_no_more_writes()
    assert [n for name, n in fault.seen.items() if "PUT" in name and "/merge " in name] == [2], fault.seen
    await nothing_happened_twice(folder, pr, (base, pr.merge_commit))
    assert (folder / "state" / "hook.db").exists()
    return child.kills


async def test_killed_at_writes_nothing_is_lost_and_nothing_happens_twice(tmp_path: Path) -> None:
    """At a tenth of them, and at all that a merge hangs on; `make soak` takes every single one."""
    kills = await the_whole_path(tmp_path, one_in=10)
    assert kills >= 8, kills
