"""How soon a command has its effect: `/hold` delivered → the label is there, GitHub answering in 50 ms."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from bench import support, support_peer, support_world
from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory

ROUNDS = 40
LATENCY = 0.05


async def play(pr: PullStory, quiet: Callable[[], Awaitable[None]]) -> list[float]:
    """`quiet` returns when nothing of a round is left to be done."""
    took: list[float] = []
    await pr.expect_label("size/XS")
    for number in range(ROUNDS):
        wanted = number % 2 == 0
        began = time.perf_counter()
        await pr.comment("mia", "/hold" if wanted else "/hold cancel")
        await (pr.expect_label if wanted else pr.expect_no_label)("do-not-merge/hold")
        took.append((time.perf_counter() - began) * 1000)
        await pr.sim.world.hooks.settled()
        await quiet()
    return took


async def measure(folder: Path) -> list[float]:
    async with support_world.prow(folder, latency=LATENCY) as world:
        pr = await world.repo.open_pull_request("mia", title="A change", files={"run.sh": "exit 1\n"})
        return await play(pr, world.system.hook.idle)


async def measure_peer(folder: Path) -> list[float]:
    folder.mkdir()
    sim = Sim(folder / "github", latency=LATENCY)
    sim.world.org("acme", members=["wernher", "katherine", support.BOT])
    sim.budgets.secondary = False
    async with sim.serve() as url:
        repo = await RepoStory.create(sim, "acme/rockets", files={"run.sh": "exit 0\n"})
        repo.collaborator(support.BOT, "write")
        original = support_peer.hook(folder / "peer", github=url, token=sim.world.token(support.BOT))
        peer = await asyncio.to_thread(original.__enter__)
        try:
            sim.world.add_hook(repo.repo, url=f"http://127.0.0.1:{peer.port}/hook", secret=support.SECRET)
            pr = await repo.open_pull_request("mia", title="A change", files={"run.sh": "exit 1\n"})
            return await play(pr, lambda: asyncio.sleep(0.5))
        finally:
            original.__exit__(None, None, None)


def figures(took: list[float]) -> dict[str, float]:
    return {"p50_ms": support.percentile(took, 0.5), "p99_ms": support.percentile(took, 0.99)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        took = asyncio.run(measure(Path(folder)))
        peer = asyncio.run(measure_peer(Path(folder) / "original")) if support_peer.program("hook") else None
    support.report(
        "reaction",
        work=f"{ROUNDS} times /hold or /hold cancel, GitHub answering in 50 ms",
        figures=figures(took),
        target={"p50_ms": "< 150", "p99_ms": "< 400"},
        peer=figures(peer) if peer else None,
    )


if __name__ == "__main__":
    main()
