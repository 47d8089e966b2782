"""How soon a command has its effect: `/hold` delivered → the label is there, GitHub answering in 50 ms."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from bench import support

ROUNDS = 40


async def measure(folder: Path) -> list[float]:
    took: list[float] = []
    async with support.prow(folder, latency=0.05) as world:
        pr = await world.repo.open_pull_request("mia", title="A change", files={"run.sh": "exit 1\n"})
        await pr.expect_label("size/XS")
        for number in range(ROUNDS):
            wanted = number % 2 == 0
            began = time.perf_counter()
            await pr.comment("mia", "/hold" if wanted else "/hold cancel")
            await (pr.expect_label if wanted else pr.expect_no_label)("do-not-merge/hold")
            took.append((time.perf_counter() - began) * 1000)
            await world.sim.world.hooks.settled()
            await world.system.hook.idle()
    return took


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        took = asyncio.run(measure(Path(folder)))
    support.report(
        "reaction",
        work=f"{ROUNDS} times /hold or /hold cancel, GitHub answering in 50 ms",
        figures={"p50_ms": support.percentile(took, 0.5), "p99_ms": support.percentile(took, 0.99)},
        target={"p50_ms": "< 150", "p99_ms": "< 400"},
    )


if __name__ == "__main__":
    main()
