"""Nothing holds the event loop: 99 % of its timers are less than 50 ms late while a busy organisation keeps it at work (`make soak`)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from prow.sim.verbs import PullStory, RepoStory
from tests.stories.test_kill import running
from tests.support.metrics import kept_by, loop_lag

pytestmark = pytest.mark.soak

MINUTES = 3
WRITERS = 8


async def _another(repo: RepoStory, number: int) -> PullStory:
    files = {"run.sh": f"#!/bin/sh\nexit {number}\n"}
    return await repo.open_pull_request("wernher", title=f"Change {number}", files=files, branch=f"change-{number}")


async def test_the_event_loop_is_never_held_for_long(tmp_path: Path) -> None:
    async with running(tmp_path) as (sim, child, pr):
        await pr.comment("wernher", "/ok-to-test")
        await pr.expect_status("unit", "failure", within=60)
        before = await loop_lag(child.metrics_port)
        until = sim.clock.monotonic() + MINUTES * 60

        async def talk(pull: PullStory, number: int) -> None:
            """One person's day: chat, commands, and pushes that start jobs."""
            turn = 0
            while sim.clock.monotonic() < until:
                turn += 1
                await pull.comment("mia", "Thank you, I will have another look." * 40)
                await pull.comment("wernher", "/hold" if turn % 2 else "/hold cancel")
                if turn % 10 == 0:
                    await pull.push({"run.sh": f"#!/bin/sh\nexit {turn % 3}\n# {number}.{turn}\n"})
                await sim.clock.sleep(0.5)

        repo = RepoStory(sim, pr.issue.repo)
        pulls = [pr, *[await _another(repo, number) for number in range(1, WRITERS)]]
        await asyncio.gather(*(talk(pull, number) for number, pull in enumerate(pulls)))
        await sim.world.hooks.settled()
        after = await loop_lag(child.metrics_port)
    assert child.kills == 0
    looks = {bound: count - before[bound] for bound, count in after.items()}
    assert looks[float("inf")] >= MINUTES * 60
    assert kept_by(looks) <= 0.05, looks
