"""A day of two busy repositories, with everything that can go wrong at GitHub: a tenth of the week of `make soak`."""

from __future__ import annotations

from pathlib import Path

from tests.support import busy


async def test_a_busy_day_loses_nothing_writes_nothing_twice_and_keeps_all_limits(tmp_path: Path) -> None:
    async with busy.busy(tmp_path, seed=1, days=1) as (people, counted):
        await people.live(pulls=20, comments=200, days=1)
        busy.nothing_was_lost(people)
        await busy.nothing_happened_twice(people)
        busy.limits_were_kept(people, counted)
