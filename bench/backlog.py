"""After an outage: 20,000 deliveries wait in the inbox, GitHub answers in 50 ms; how soon is a new `/hold` seen, and how much memory."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from bench import support
from prow.hook.inbox import MIGRATIONS, Arrival, Inbox
from prow.lib.clock import SystemClock
from prow.lib.http_client import http_client
from prow.lib.sqlite import Database
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory

QUEUED = 20_000
PULLS = 400


async def fill(folder: Path) -> None:
    """What an outage leaves: comments on many pull requests, a tenth of them with a command."""
    database = await Database.open(folder / "hook.db", MIGRATIONS, synchronous="OFF")
    inbox = Inbox(database, clock=SystemClock(), window=600)
    for start in range(0, QUEUED, 500):
        await asyncio.gather(*(inbox.accept(arrival(n)) for n in range(start, start + 500)))
    await database.close()


def arrival(number: int) -> Arrival:
    pull = 2 + number % PULLS
    body = support.comment_payload(pull, "/hold" if number % 10 == 0 else "thanks")
    return Arrival(
        guid=str(uuid.uuid4()),
        event="issue_comment",
        org="acme",
        repo="rockets",
        lane=f"acme/rockets#{pull}",
        headers=b"[]",
        body=body,
    )


async def measure(folder: Path) -> tuple[float, float, float]:
    await fill(folder)
    sim = Sim(folder / "github", latency=0.05)
    sim.world.org("acme", members=["wernher", support.BOT])
    sim.budgets.limit, sim.budgets.secondary = 1_000_000, False
    async with sim.serve() as url:
        repo = await RepoStory.create(sim, "acme/rockets", files={"run.sh": "exit 0\n"})
        repo.collaborator(support.BOT, "write")
        pr = await repo.open_pull_request("mia", title="A change", files={"run.sh": "exit 1\n"})
        for _ in range(PULLS):
            await repo.open_issue("mia", title="Another")
        token = folder / "token"
        token.write_text(sim.world.token(support.BOT))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.support_hook", str(folder), url, str(token), stdout=subprocess.PIPE
        )
        try:
            assert process.stdout is not None
            port = int(await process.stdout.readline())
            await asyncio.sleep(1.0)
            body = support.comment_payload(pr.number, "/hold")
            signature = hmac.new(support.SECRET.encode(), body, hashlib.sha256).hexdigest()
            headers = {
                "Content-Type": "application/json", "X-GitHub-Event": "issue_comment", "X-GitHub-Delivery": str(uuid.uuid4()),
                "X-Hub-Signature-256": f"sha256={signature}",
            }  # fmt: skip
            began = time.perf_counter()
            async with http_client() as client:
                await client.post(f"http://127.0.0.1:{port}/hook", content=body, headers=headers)
            await pr.expect_label("do-not-merge/hold", within=30)
            hold = (time.perf_counter() - began) * 1000
            waiting = int((folder / "counts").read_text().split()[2])
            await asyncio.sleep(5)
            peak = support.peak_mb(process.pid)
        finally:
            process.terminate()
            await process.wait()
    return hold, peak, float(waiting)


def main() -> None:
    with tempfile.TemporaryDirectory(dir=Path.cwd() / "build") as folder:
        hold, peak, waiting = asyncio.run(measure(Path(folder)))
    support.report(
        "backlog",
        work=f"{QUEUED} deliveries queued on {PULLS} pull requests; {waiting:.0f} still waiting when the new /hold was seen",
        figures={"hold_ms": hold, "rss_mb": peak},
        target={"hold_ms": "< 1,000", "rss_mb": "< 150"},
    )


if __name__ == "__main__":
    main()
