"""What a trivial decorated job costs beyond its clone and its command: ProwJob created → finished.json and status reported."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import support, support_world
from prow.sim.verbs import PullStory

ROUNDS = 10
JOBS = """
presubmits:
  acme/rockets:
  - name: trivial
    decorate: true
    trigger: '(?m)^/test trivial'
    rerun_command: /test trivial
    spec: {containers: [{image: debian, command: ['true']}]}
"""


def passed_after(last: int) -> Callable[[PullStory], bool]:
    def holds(pr: PullStory) -> bool:
        status = pr.statuses.get("trivial")
        return status is not None and status.state == "success" and status.id > last

    return holds


async def measure(folder: Path) -> tuple[list[float], list[float]]:
    whole: list[float] = []
    clone: list[float] = []
    async with support_world.prow(folder, jobs=JOBS) as world:
        pr = await world.repo.open_pull_request("wernher", title="A change", files={"run.sh": "exit 1\n"})
        await pr.expect_label("size/XS")
        last = 0
        for _ in range(ROUNDS):
            async with world.system.index.subscribe() as changes:
                await pr.comment("wernher", "/test trivial")
                await anext(changes)
                began = time.perf_counter()
                await pr.wait_for(passed_after(last), "success")
                whole.append((time.perf_counter() - began) * 1000)
                last = pr.statuses["trivial"].id
            await world.sim.world.hooks.settled()
            await world.system.hook.idle()
        for record in (folder / "buckets").rglob("clone-records.json"):
            clone.append(
                sum(float(c.get("duration", 0)) for r in json.loads(record.read_text()) for c in r.get("commands", []))
                / 1e6
            )
    return whole, clone


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole, clone = asyncio.run(measure(Path(folder)))
    middle, cloning = support.percentile(whole, 0.5), support.percentile(clone, 0.5) if clone else 0.0
    support.report(
        "job_overhead",
        work=f"{ROUNDS} trivial decorated jobs, one after another, in bubblewrap",
        figures={"ms": middle - cloning, "whole_ms": middle, "clone_ms": cloning},
        target={"ms": "< 500"},
    )


if __name__ == "__main__":
    main()
