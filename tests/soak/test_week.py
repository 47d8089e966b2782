"""A week of two busy repositories, with everything that can go wrong at GitHub (`make soak`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import busy

pytestmark = pytest.mark.soak


async def test_a_week_loses_nothing_writes_nothing_twice_and_keeps_all_limits(tmp_path: Path) -> None:
    async with busy.busy(tmp_path, seed=1, days=7) as (people, counted):
        await people.live(pulls=200, comments=2000, days=7)
        assert people.comments >= 2000
        busy.nothing_was_lost(people)
        await busy.nothing_happened_twice(people)
        busy.limits_were_kept(people, counted)
