"""What the life of one pull request costs: opened, tested, /lgtm, /approve, merged; every call to GitHub's API is counted.

One presubmit that always runs; a trusted author; a reviewer and an approver from OWNERS. Answers with 304 cost nothing at GitHub
and do not count. Statuses, labels, comments and the merge are content writes. GraphQL has a budget of its own; its calls count here,
too, and their points are told beside. What a process asks once in its life (who it is) is asked before.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench import support, support_world

JOBS = """
presubmits:
  acme/rockets:
  - name: unit
    always_run: true
    decorate: true
    spec: {containers: [{image: debian, command: [sh, run.sh]}]}
"""
Calls = Counter[tuple[str, str]]
KINDS = {
    "statuses": "/statuses/{sha}",
    "labels": "/labels",
    "comments": "/comments",
    "merges": "/merge",
}
"""Content writes by how their paths end."""


async def measure(folder: Path) -> tuple[Calls, int, int]:
    """Calls, content writes, points of GraphQL."""
    files = {"run.sh": "exit 0\n", "OWNERS": support.OWNERS}
    async with support_world.prow(
        folder, jobs=JOBS, config=support.CONFIG + support.TIDE, plugins=support.REVIEWED, files=files
    ) as world:
        github = world.sim.world
        await world.system.tide.ready()
        await asyncio.sleep(1)  # of jobs of its first second crier asks what an earlier process told
        before = await world.repo.open_pull_request(
            "katherine", title="Before", files={"a.txt": "a\n"}, branch="before"
        )
        await before.expect_status("unit", "success")
        await before.close("katherine")
        await _quiet(world)
        github.calls.clear()
        github.content_writes, before_points = 0, _points(world)
        pr = await world.repo.open_pull_request("katherine", title="A change", files={"run.sh": "exit  0\n"})
        await pr.expect_status("unit", "success")
        await _quiet(world)
        await pr.comment("wernher", "/lgtm")
        await pr.expect_label("lgtm")
        await _quiet(world)
        await pr.comment("wernher", "/approve")
        await pr.expect_merged()
        await _quiet(world)
        points = _points(world) - before_points
        return Counter(github.calls), github.content_writes, points


def _points(world: support_world.Bench) -> int:
    return sum(line.points for line in world.system.github.account().lines)


def _kind(method: str, path: str) -> str:
    if path == "/graphql":
        return "graphql"
    if method == "GET":
        return "reads"
    return next((kind for kind, end in KINDS.items() if end in path), "other")


async def _quiet(world: support_world.Bench) -> None:
    """Until nothing is under way any more: webhooks, handlers, tide."""
    for _ in range(3):
        await world.sim.world.hooks.settled()
        await world.system.hook.idle()
        await world.system.tide.idle()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        calls, writes, points = asyncio.run(measure(Path(folder)))
    kinds: Counter[str] = Counter()
    for (method, path), count in sorted(calls.items(), key=lambda item: (-item[1], item[0])):
        kinds[_kind(method, path)] += count
        print(f"{count:4} {method:6} {path}", file=sys.stderr)
    paths = ", ".join(f"{count} {method} {path}" for (method, path), count in sorted(calls.items()))
    by_kind = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    support.report(
        "pr_lifecycle",
        work=f"open, test, /lgtm, /approve, merge; {by_kind}: {paths}",
        figures={"calls": sum(calls.values()), "content_writes": writes, "graphql_points": points},
        target={"calls": "<= 20", "content_writes": "<= 12"},
    )


if __name__ == "__main__":
    main()
