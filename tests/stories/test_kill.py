"""`kill -9` at any moment: every accepted delivery is handled, nothing happens twice, running jobs are found again.

`prow up` is a child process; GitHub lives in the test. The child is killed at every call that writes to GitHub, first before the
write takes effect and then after it (so that its answer is lost), and in between while jobs run.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
from starlette.requests import Request

from prow.lib import http
from prow.sim.accounts import FaultAnswer
from prow.sim.server import Sim
from prow.sim.verbs import PullStory
from tests.support.prow import BOT, CONFIG, PLUGINS, github, job

FILES = {"run.sh": "#!/bin/sh\nexit 1\n"}
JOBS = "presubmits:\n  acme/rockets:\n" + job("unit", "sleep 0.5; sh run.sh") + job("lint", "sleep 0.3")
_WRITES = frozenset({"POST", "PATCH", "DELETE", "PUT"})


class Child:
    """`prow up`, started again after every kill. `kills`: how often it was killed."""

    def __init__(self, folder: Path, sim: Sim) -> None:
        self._folder = folder
        self._sim = sim
        self._process: asyncio.subprocess.Process | None = None
        self._again = asyncio.Event()
        self.port = _free_port()
        self.kills = 0
        self.log = folder / "prow.log"

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
            self._process = None
            self.kills += 1
            self._again.set()

    async def keep_running(self) -> None:
        """Start it, and start it again whenever it was killed; what GitHub could not deliver is redelivered."""
        process: asyncio.subprocess.Process | None = None
        try:
            while True:
                self._again.clear()
                process = await self._start()
                await self._ready()
                self._process = process
                await self._redeliver()
                await self._again.wait()
                await process.wait()
        finally:
            if process is not None and process.returncode is None:
                process.terminate()
                await process.wait()

    async def _start(self) -> asyncio.subprocess.Process:
        folder = self._folder
        flags = {
            "config-path": folder / "config.yaml",
            "job-config-path": folder / "jobs.yaml",
            "plugin-config": folder / "plugins.yaml",
            "hmac-secret-file": folder / "hmac",
            "github-token-path": folder / "token",
            "github-endpoint": self._sim.world.base,
            "state-dir": folder / "state",
            "bucket-dir": folder / "buckets",
            "port": self.port,
            "deck-port": _free_port(),
            "health-port": _free_port(),
            "metrics-port": _free_port(),
            "pprof-port": _free_port(),
            "github-client.initial-delay": "50ms",
        }
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "prow",
                "up",
                *(f"--{name}={value}" for name, value in flags.items()),
                stdout=log,
                stderr=log,
            )

    async def _ready(self) -> None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            for _ in range(2_000):
                try:
                    await client.get(f"http://127.0.0.1:{self.port}/")
                except httpx2.TransportError:
                    await self._sim.clock.sleep(0.01)
                else:
                    return
        raise AssertionError(f"prow up did not start: {self.log.read_text()[-2000:]}")

    async def _redeliver(self) -> None:
        for repo in tuple(self._sim.world.repos.values()):
            for hook in repo.hooks:
                answered = {d.guid for d in hook.deliveries if d.status == 200}
                lost = {d.guid: d for d in hook.deliveries if d.status != 200 and d.guid not in answered}
                for delivery in lost.values():
                    self._sim.world.hooks.redeliver(hook, delivery)


def _free_port() -> int:
    listener = http.bind("127.0.0.1", 0)
    port = int(listener.getsockname()[1])
    listener.close()
    return port


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[Sim, Child, PullStory]]:
    async with github(folder, files=FILES) as (sim, repo):
        for name, text in (
            ("config.yaml", CONFIG),
            ("jobs.yaml", JOBS),
            ("plugins.yaml", PLUGINS),
            ("hmac", "s3cret-s3cret"),
        ):
            (folder / name).write_text(text)
        (folder / "token").write_text(sim.world.token(BOT))
        child = Child(folder, sim)
        keeper = asyncio.create_task(child.keep_running())
        await child._ready()
        sim.world.add_hook(repo.repo, url=f"http://127.0.0.1:{child.port}/hook", secret="s3cret-s3cret")
        await sim.world.hooks.settled()
        pr = await repo.open_pull_request("mia", title="Change", files={"run.sh": "#!/bin/sh\nexit 2\n"})
        try:
            yield sim, child, pr
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)


class KillAtEveryWrite:
    """The fault: each distinct write kills the child twice, before and after it takes effect."""

    def __init__(self, child: Child, writes: dict[str, int]) -> None:
        self._child = child
        self._seen = writes

    def __call__(self, request: Request) -> FaultAnswer | None:
        if request.method not in _WRITES:
            return None
        name = f"{request.method} {request.url.path} #{self._seen.get('step', 0)}"
        count = self._seen[name] = self._seen.get(name, 0) + 1
        if count > 2:
            return None
        self._child.kill()
        return FaultAnswer(502, {}, {}, after=count == 2)


async def test_killed_at_every_write_nothing_is_lost_and_nothing_happens_twice(tmp_path: Path) -> None:
    seen: dict[str, int] = {}
    async with running(tmp_path) as (sim, child, pr):
        sim.fault = KillAtEveryWrite(child, seen)
        await pr.expect_label("needs-ok-to-test", within=60)
        await pr.expect_comment("What happens next", by=BOT, within=60)
        seen["step"] = 1
        await pr.comment("wernher", "/ok-to-test")
        await pr.expect_label("ok-to-test", within=60)
        await pr.expect_no_label("needs-ok-to-test", within=60)
        await pr.expect_status("lint", "success", within=60)
        await pr.expect_status("unit", "failure", within=60)
        await pr.expect_comment("unit |", by=BOT, within=60)
        seen["step"] = 2
        await pr.push({"run.sh": "#!/bin/sh\nexit 0\n"})
        await pr.expect_status("unit", "pending", within=60)
        child.kill()
        await pr.expect_status("unit", "success", within=60)
        await pr.expect_status("lint", "success", within=60)
        await pr.wait_for(
            lambda p: all("unit |" not in c.body for c in p.comments_by(BOT)), "an edited report", within=60
        )
        seen["step"] = 3
        await pr.comment("wernher", "/hold")
        await pr.expect_label("do-not-merge/hold", within=60)
        await pr.comment("wernher", "/hold cancel")
        await pr.expect_no_label("do-not-merge/hold", within=60)
        sim.fault = None
        await sim.world.hooks.settled()
    assert child.kills >= 20, seen
    bodies = [c.body for c in pr.comments_by(BOT)]
    assert sum("What happens next" in body for body in bodies) == 1, bodies
    assert sum("<!-- test report -->" in body for body in bodies) == 1, bodies
    assert len(bodies) == 2, bodies
    for statuses in pr.issue.repo.statuses.values():
        told = Counter((s.context, s.state, s.target_url, s.description) for s in statuses)
        assert max(told.values()) == 1, told
    assert pr.labels == {"ok-to-test", "size/XS"}
    assert (tmp_path / "state" / "hook.db").exists()
