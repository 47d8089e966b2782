"""Does memory grow with the number of events? 100,000 deliveries through everything: inbox, plugins, tide, deck's index.

`prow up` is a process of its own with 50 open pull requests; the deliveries are GitHub's own of those pull requests (comments, labels,
statuses, check runs), sent again under new ids. Memory is compared after the first tenth and at the end, when nothing waits: what the pull
requests made Prow write at first keeps to GitHub's limits and takes two minutes.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import itertools
import os
import sqlite3
import sys
import tempfile
import uuid
from pathlib import Path

import httpx2

from bench import support
from prow.lib import http
from prow.lib.http_client import http_client
from prow.sim.server import Sim
from prow.sim.state import Delivery
from prow.sim.verbs import RepoStory

SLOW = True
PULLS = 50
CONNECTIONS = 16
EVENTS = int(os.environ.get("EVENTS", "100000"))
_REPLAYED = frozenset({"issue_comment", "status", "check_run"})


async def measure(folder: Path, events: int) -> tuple[float, float, float]:
    """Growth and peak in MB, events a second."""
    sim = Sim(folder / "github")
    sim.budgets.limit, sim.budgets.secondary = 10_000_000, False
    sim.world.org("acme", members=["wernher", "katherine", support.BOT])
    async with sim.serve():
        files = {"run.sh": "exit 0\n", "OWNERS": support.OWNERS}
        repo = await RepoStory.create(sim, "acme/rockets", files=files)
        repo.collaborator(support.BOT, "write")
        port = _free_port()
        process = await _start(folder, sim, port)
        try:
            await _answers(port)
            hook = sim.world.add_hook(repo.repo, url=f"http://127.0.0.1:{port}/hook", secret=support.SECRET)
            await _populate(repo)
            await sim.world.hooks.settled()
            deliveries = [d for d in hook.deliveries if d.event in _REPLAYED or d.action in {"labeled", "unlabeled"}]
            hook.active = False
            bodies = itertools.cycle(deliveries)
            await _send(bodies, events // 10, port)
            await _handled(folder)
            before = support.memory_mb(process.pid)
            began = asyncio.get_running_loop().time()
            await _send(bodies, events - events // 10, port)
            await _handled(folder)
            took = asyncio.get_running_loop().time() - began
            return (
                support.memory_mb(process.pid) - before,
                support.peak_mb(process.pid),
                (events - events // 10) / took,
            )
        finally:
            process.terminate()
            await process.wait()


async def _populate(repo: RepoStory) -> None:
    for number in range(PULLS):
        pr = await repo.open_pull_request(
            "katherine", title=f"Change {number}", files={f"file-{number}.txt": "x\n"}, branch=f"change-{number}"
        )
        await pr.comment("katherine", "What do you think?\n\nI am not sure about this.")
        await pr.label("wernher", "lgtm")
        await pr.unlabel("wernher", "lgtm")
        await pr.set_status("external-ci", "pending")
        await pr.set_status("external-ci", "failure")
        await pr.check_run("lint", "success")


async def _send(bodies: itertools.cycle[Delivery], count: int, port: int) -> None:
    """Deliver so many: each is answered when the inbox has it."""
    left = itertools.repeat(None, count)
    async with http_client(timeout=60) as client:

        async def worker() -> None:
            for _ in left:
                delivery = next(bodies)
                signature = hmac.new(support.SECRET.encode(), delivery.body, hashlib.sha256).hexdigest()
                headers = {
                    "Content-Type": "application/json",
                    "X-GitHub-Event": delivery.event,
                    "X-GitHub-Delivery": str(uuid.uuid4()),
                    "X-Hub-Signature-256": f"sha256={signature}",
                }
                answer = await client.post(f"http://127.0.0.1:{port}/hook", content=delivery.body, headers=headers)
                answer.raise_for_status()

        async with asyncio.TaskGroup() as workers:
            for _ in range(CONNECTIONS):
                workers.create_task(worker())


async def _handled(folder: Path) -> None:
    """Return when the inbox has nothing that is unfinished."""
    inbox = sqlite3.connect(f"file:{folder}/state/hook.db?mode=ro", uri=True)
    for _ in range(6_000):
        if inbox.execute("SELECT 1 FROM deliveries WHERE finished IS NULL LIMIT 1").fetchone() is None:
            return inbox.close()
        await asyncio.sleep(0.05)
    raise RuntimeError("some deliveries were not handled within five minutes")


async def _start(folder: Path, sim: Sim, port: int) -> asyncio.subprocess.Process:
    texts = {
        "config.yaml": support.CONFIG + support.TIDE,
        "plugins.yaml": support.REVIEWED,
        "hmac": support.SECRET,
        "token": sim.world.token(support.BOT),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    flags = {
        "config-path": folder / "config.yaml",
        "plugin-config": folder / "plugins.yaml",
        "hmac-secret-file": folder / "hmac",
        "github-token-path": folder / "token",
        "github-endpoint": sim.world.base,
        "github-host": sim.world.base,
        "github-graphql-endpoint": f"{sim.world.base}/graphql",
        "state-dir": folder / "state",
        "bucket-dir": folder / "buckets",
        "port": port,
        **{name: _free_port() for name in ("deck-port", "health-port", "metrics-port", "pprof-port")},
    }
    with (folder / "prow.log").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "prow", "up", *(f"--{n}={v}" for n, v in flags.items()), stdout=log, stderr=log
        )


async def _answers(port: int) -> None:
    async with http_client() as client:
        for _ in range(2_000):
            try:
                await client.get(f"http://127.0.0.1:{port}/")
            except httpx2.TransportError:
                await asyncio.sleep(0.01)
            else:
                return
    raise RuntimeError("prow up did not start")


def _free_port() -> int:
    listener = http.bind("127.0.0.1", 0)
    port = int(listener.getsockname()[1])
    listener.close()
    return port


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        growth, peak, rate = asyncio.run(measure(Path(folder), EVENTS))
    support.report(
        "leak",
        work=f"{EVENTS} deliveries of {PULLS} pull requests through prow up; growth after the first tenth",
        figures={"growth_mb": growth, "peak_mb": peak, "events_per_s": rate},
        target={"growth_mb": "< 20"},
    )


if __name__ == "__main__":
    main()
