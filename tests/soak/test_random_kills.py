"""`kill -9` at random moments of the main job, over and over, and at every single write of it (`make soak`)."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from prow.sim.server import Sim
from tests.stories.test_kill import Child, nothing_happened_twice, reviewed_and_merged, running, the_whole_path
from tests.support.metrics import kept_by, loop_lag
from tests.support.prow import BOT

pytestmark = pytest.mark.soak


async def kill_now_and_then(sim: Sim, child: Child, chance: random.Random, *, times: int) -> None:
    for _ in range(times):
        await sim.clock.sleep(chance.uniform(0.0, 1.2))
        child.kill()


@pytest.mark.parametrize("seed", range(12))
async def test_nothing_is_lost_whenever_it_is_killed(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    async with running(tmp_path) as (sim, child, pr):
        await pr.expect_label("needs-ok-to-test", within=60)
        await pr.comment("wernher", "/ok-to-test")
        await kill_now_and_then(sim, child, chance, times=6)
        await pr.expect_status("unit", "failure", within=90)
        await pr.expect_status("lint", "success", within=90)
        await pr.expect_comment("unit |", by=BOT, within=90)
        await pr.push({"run.sh": "#!/bin/sh\nexit 0\n"})
        await kill_now_and_then(sim, child, chance, times=6)
        await pr.expect_status("unit", "success", within=90)
        await pr.expect_status("lint", "success", within=90)
        await pr.expect_comment("has passed since", by=BOT, within=60)
        base, _ = await asyncio.gather(
            reviewed_and_merged(pr, within=90), kill_now_and_then(sim, child, chance, times=12)
        )
        await sim.world.hooks.settled()
        await child.up.wait()
        looks = await loop_lag(child.metrics_port)
    assert kept_by(looks, 0.9) <= 0.05, looks
    assert child.kills >= 6
    await nothing_happened_twice(tmp_path, pr, (base, pr.merge_commit))


async def test_nothing_is_lost_when_it_is_killed_at_every_single_write(tmp_path: Path) -> None:
    assert await the_whole_path(tmp_path, one_in=1) >= 50
