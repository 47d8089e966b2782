"""Two busy repositories, with everything that can go wrong at GitHub and a Prow that is restarted meanwhile: a tenth of a week in the
suite, another tenth and a whole week in `make soak`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import busy


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("seed", "pulls", "comments", "days"),
    [
        (1, 20, 200, 1),
        pytest.param(2, 20, 200, 1, marks=pytest.mark.soak),
        pytest.param(1, 200, 2000, 7, marks=[pytest.mark.soak, pytest.mark.timeout(1200)]),
    ],
)
async def test_nothing_is_lost_nothing_is_written_twice_and_all_limits_are_kept(
    tmp_path: Path, seed: int, pulls: int, comments: int, days: int
) -> None:
    async with busy.busy(tmp_path, seed=seed, days=days, judged=days == 1) as (people, counted):
        with busy.rarely_collecting():
            await people.live(pulls=pulls, comments=comments, days=days)
        busy.nothing_was_lost(people)
        await busy.nothing_happened_twice(people)
        busy.limits_were_kept(people, counted)
        busy.every_night_had_its_run(people, days)
