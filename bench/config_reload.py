"""One job file of Kubernetes' instance edited in a running process: from the look that sees it to the new config in force."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from bench import support, support_config
from prow.config.agent import ConfigAgent

EDITS = 7
STEP = 0.001


async def lag(worst: list[float]) -> None:
    """How late the loop is with what it has to do each millisecond."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(STEP)
        worst.append(time.perf_counter() - began - STEP)


async def edited(agent: ConfigAgent, file: Path, number: int) -> tuple[float, float]:
    text = file.read_text()
    before = agent.hash
    file.write_text(f"{text}\n# edit {number}\n" if number % 2 else text.replace("memory: ", "memory:  ", 1))
    late: list[float] = []
    watcher = asyncio.create_task(lag(late))
    await asyncio.sleep(0.02)
    late.clear()
    began = time.perf_counter()
    if not await agent.reload() or agent.hash == before:
        raise SystemExit("the edit is not in force")
    took = time.perf_counter() - began
    watcher.cancel()
    return took * 1000, max(late, default=0.0) * 1000


async def measure(instance: support_config.Instance) -> tuple[float, float]:
    agent = ConfigAgent(instance.config, instance.jobs, instance.plugins)
    await agent.load()
    files = sorted(instance.jobs.rglob("*.yaml"), key=lambda file: file.stat().st_size)
    chosen = files[len(files) // 2 :: len(files) // (2 * EDITS)][:EDITS]
    runs = [await edited(agent, file, number) for number, file in enumerate(chosen)]
    return support.percentile([run[0] for run in runs], 0.5), max(run[1] for run in runs)


def main() -> None:
    with support_config.kubernetes() as instance:
        took, late = asyncio.run(measure(instance))
    support.report(
        "config_reload",
        work=f"{support_config.WORK}, {EDITS} job files edited one after the other; from detection to the new config",
        figures={"ms": took, "lag_ms": late},
        target={"ms": "< 150", "lag_ms": "< 20"},
    )


if __name__ == "__main__":
    main()
