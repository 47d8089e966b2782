"""`kill -9` at random moments of the main job, over and over (`make soak`)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.stories.test_kill import running
from tests.support.metrics import kept_by, loop_lag
from tests.support.prow import BOT

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("seed", range(12))
async def test_nothing_is_lost_whenever_it_is_killed(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    async with running(tmp_path) as (sim, child, pr):
        await pr.expect_label("needs-ok-to-test", within=60)
        await pr.comment("wernher", "/ok-to-test")
        for _ in range(6):
            await sim.clock.sleep(chance.uniform(0.0, 1.2))
            child.kill()
        await pr.expect_status("unit", "failure", within=90)
        await pr.expect_status("lint", "success", within=90)
        await pr.push({"run.sh": "#!/bin/sh\nexit 0\n"})
        for _ in range(6):
            await sim.clock.sleep(chance.uniform(0.0, 1.2))
            child.kill()
        await pr.expect_status("unit", "success", within=90)
        await pr.expect_status("lint", "success", within=90)
        await pr.wait_for(
            lambda p: all("unit |" not in c.body for c in p.comments_by(BOT)), "an edited report", within=60
        )
        await sim.world.hooks.settled()
        looks = await loop_lag(child.metrics_port)
    assert kept_by(looks, 0.9) <= 0.05, looks
    assert child.kills >= 8
    bodies = [c.body for c in pr.comments_by(BOT)]
    assert sum("What happens next" in body for body in bodies) == 1
    assert sum("<!-- test report -->" in body for body in bodies) == 1
