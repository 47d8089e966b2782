from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from prow.lib import open_work
from prow.lib.sqlite import Database
from prow.lib.virtual_clock import VirtualClock


async def test_a_week_of_sleeping_takes_no_time() -> None:
    clock = VirtualClock()
    start = clock.now()
    await clock.sleep(7 * 24 * 3600)
    assert (clock.now() - start).days == 7


async def test_sleepers_wake_in_the_order_of_their_deadlines() -> None:
    clock = VirtualClock()
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((name, clock.monotonic()))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(sleeper("late", 20))
        tasks.create_task(sleeper("early", 5))
    assert woken == [("early", 5), ("late", 20)]


async def test_a_timeout_strikes_in_virtual_time() -> None:
    clock = VirtualClock()
    with pytest.raises(TimeoutError):
        async with clock.timeout(60):
            await clock.sleep(3600)
    assert clock.monotonic() == 60


async def test_a_block_within_its_timeout_is_left_alone() -> None:
    clock = VirtualClock()
    async with clock.timeout(60):
        await clock.sleep(59)
    assert clock.monotonic() == 59


async def test_time_stands_still_while_a_database_writes(tmp_path: Path) -> None:
    clock = VirtualClock()
    database = await Database.open(tmp_path / "a.db", ["CREATE TABLE t (n INTEGER)"])
    sleeping = asyncio.create_task(clock.sleep(1000))
    for _ in range(20):
        await database.write(lambda c: c.execute("INSERT INTO t VALUES (1)").rowcount)
        assert clock.monotonic() == 0
    await sleeping
    assert clock.monotonic() == 1000
    await database.close()


async def test_time_goes_on_when_the_last_open_work_ends_and_not_before() -> None:
    clock = VirtualClock(looks=2)
    began, may_end = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        may_end.wait()

    sleeping = asyncio.create_task(clock.sleep(1000))
    works = [asyncio.create_task(open_work.in_thread(work)) for _ in range(2)]
    await asyncio.to_thread(began.wait)
    assert clock.monotonic() == 0
    may_end.set()
    await asyncio.gather(*works)
    await sleeping
    assert clock.monotonic() == 1000
