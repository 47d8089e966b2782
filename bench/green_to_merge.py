"""How soon a pull request merges: its last required status turns green → it is merged, GitHub answering in 50 ms.

The status is one of another CI system, required by the config, so that nothing but tide's own way is measured.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

from bench import support, support_world
from prow.github.limiter import UNPACED
from prow.sim.verbs import PullStory

ROUNDS = 40
CONFIG = support.CONFIG + support.TIDE + "  context_options: {required-contexts: [external-ci]}\n"


async def measure(folder: Path) -> list[float]:
    took: list[float] = []
    files = {"run.sh": "exit 0\n", "OWNERS": support.OWNERS}
    async with support_world.prow(
        folder, latency=0.05, config=CONFIG, plugins=support.REVIEWED, files=files, limits=UNPACED
    ) as world:
        for number in range(ROUNDS):
            pr = await world.repo.open_pull_request(
                "katherine", title=f"Change {number}", files={f"file-{number}.txt": "x\n"}, branch=f"change-{number}"
            )
            await pr.label("wernher", "lgtm", "approved")
            await pr.set_status("external-ci", "pending")
            await pr.expect_mergeable()
            await pr.wait_for(lambda p: "external-ci" in _said(p), "tide waits for external-ci")
            await world.sim.world.hooks.settled()
            await world.system.hook.idle()
            await world.system.tide.idle()
            began = time.perf_counter()
            await pr.set_status("external-ci", "success")
            await pr.expect_merged()
            took.append((time.perf_counter() - began) * 1000)
            await world.sim.world.hooks.settled()
    return took


def _said(pr: PullStory) -> str:
    status = pr.statuses.get("tide")
    return status.description if status else ""


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        took = asyncio.run(measure(Path(folder)))
    support.report(
        "green_to_merge",
        work=f"{ROUNDS} pull requests, last required status green → merged, GitHub answering in 50 ms",
        figures={"p50_ms": support.percentile(took, 0.5), "p99_ms": support.percentile(took, 0.99)},
        target={"p50_ms": "< 400", "p99_ms": "< 1,000"},
    )


if __name__ == "__main__":
    main()
