"""The simulated GitHub that `sim_throughput` asks: a process with a hundred pull requests and no limits. Prints its port, a token and a head."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import uvloop

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory

PULLS = 100


async def main(root: Path) -> None:
    sim = Sim(root)
    sim.budgets.limit, sim.budgets.secondary = 10**9, False
    sim.world.org("acme", members=["wernher"])
    async with sim.serve() as url:
        repo = await RepoStory.create(sim, "acme/rockets", files={f"dir{i}/file": f"{i}\n" for i in range(50)})
        repo.collaborator("prow-bot", "write")
        for number in range(PULLS):
            pr = await repo.open_pull_request(
                "mia", title=f"Change {number}", files={f"new{number}": "x\n"}, body="Why. " * 40, from_fork=False
            )
            await pr.label("wernher", "lgtm", "approved", "size/XS")
            await pr.set_status("unit", "success", "Fine.")
            await pr.check_run("lint", "success")
            for _ in range(5):
                await pr.comment("wernher", "/lgtm and some more words about it. " * 10)
            await pr.approve("wernher")
            await sim.world.files(pr.issue)
        print(url.rpartition(":")[2], sim.world.token("prow-bot"), pr.head_sha, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(main(Path(folder)))
