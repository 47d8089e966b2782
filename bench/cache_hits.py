"""How many of hook's and tide's reads cost nothing: what people did to 50 pull requests, delivered once more, 1,000 deliveries in all.

A pull request is opened, gets comments, a review, `/hold` and `/lgtm`. A hit is a read that another one in flight answered, or that GitHub answered
with 304: neither counts against the hour's budget. Reads of what was never read, or has changed since, are misses. Nothing that is delivered
once more is under its old name, which hook would know.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path

from bench import support, support_world
from prow.github.limiter import UNPACED

PULLS = 50
EVENTS = 1_000


async def lives(world: support_world.Bench) -> None:
    for number in range(PULLS):
        pr = await world.repo.open_pull_request(
            "katherine", title=f"Change {number}", files={f"docs/{number}.md": "a\n"}
        )
        await pr.comment("mia", "Looks like it works. I will have another look tomorrow.")
        await pr.comment("wernher", "/hold")
        await pr.comment("wernher", "/lgtm")
        await pr.review("mia", "COMMENTED", "Only one question, but it can wait.")
    await _quiet(world)


async def replay(world: support_world.Bench) -> None:
    """Each delivery under a new name, 50 at a time."""
    hook = world.repo.repo.hooks[0]
    once = {"ping", "pull_request"}  # nobody can open it twice
    seen = [delivery for delivery in hook.deliveries if delivery.event not in once and not _of_bot(delivery.body)]
    for number in range(EVENTS):
        delivery = seen[number % len(seen)]
        world.sim.world.hooks.send(hook, delivery.event, json.loads(delivery.body))
        if number % PULLS == PULLS - 1:
            await _quiet(world)


def _of_bot(body: bytes) -> bool:
    return bool(json.loads(body).get("sender", {}).get("login") == support.BOT)


async def _quiet(world: support_world.Bench) -> None:
    await world.sim.world.hooks.settled()
    await world.system.hook.idle()
    await world.system.tide.idle()


def _reads(world: support_world.Bench) -> tuple[Counter[str], Counter[str], int]:
    """Reads by path, those of them that were free, and how many joined another."""
    spent = world.system.github.spent()
    asked: Counter[str] = Counter()
    free: Counter[str] = Counter()
    for row in spent.rows:
        if row.method == "GET":
            asked[row.path] += row.count
            free[row.path] += row.count if row.free else 0
    return asked, free, spent.coalesced


async def measure(folder: Path) -> tuple[Counter[str], Counter[str], int]:
    files = {"OWNERS": support.OWNERS, "run.sh": "exit 0\n"}
    async with support_world.prow(
        folder, config=support.CONFIG + support.TIDE, plugins=support.REVIEWED, files=files, limits=UNPACED
    ) as world:
        world.sim.budgets.limit = 1_000_000
        await lives(world)
        before = _reads(world)
        await replay(world)
        await _quiet(world)
        after = _reads(world)
        return after[0] - before[0], after[1] - before[1], after[2] - before[2]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asked, free, joined = asyncio.run(measure(Path(folder)))
    for path, count in asked.most_common():
        print(f"{count:6} {free[path]:6} free  {path}", file=sys.stderr)
    total = asked.total() + joined
    support.report(
        "cache_hits",
        work=f"{EVENTS} deliveries replayed on {PULLS} pull requests: {total} reads, {free.total()} answered 304, {joined} joined another",
        figures={
            "hit_percent": 100 * (free.total() + joined) / max(1, total),
            "charged_reads": asked.total() - free.total(),
        },
        target={"hit_percent": ">= 80"},
    )


if __name__ == "__main__":
    main()
