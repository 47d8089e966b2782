"""What waits for a consumer: order, times, and how little of it is held."""

from __future__ import annotations

import asyncio
import tracemalloc

from prow.hook.parked import Parked
from prow.lib.virtual_clock import VirtualClock


async def test_a_lanes_deliveries_are_taken_in_order_and_each_until_it_is_done() -> None:
    clock = VirtualClock()
    parked = Parked(clock)
    for seq in (3, 5, 4):
        parked.add("a", seq)
    assert await parked.take() == ("a", 3, 1)
    parked.again("a", 10)
    assert await parked.take() == ("a", 3, 2)
    assert clock.monotonic() == 10
    parked.add("a", 2)
    parked.done("a", 3)
    for seq in (2, 4, 5):
        assert parked.holds("a", seq)
        assert await parked.take() == ("a", seq, 1)
        parked.done("a", seq)
    assert not len(parked)
    assert "a" not in parked


async def test_a_lane_that_is_due_does_not_wait_for_one_that_is_not() -> None:
    clock = VirtualClock()
    parked = Parked(clock)
    parked.add("late", 1, after=600, attempts=4)
    taken = asyncio.create_task(parked.take())
    await clock.sleep(5)
    parked.add("new", 2)
    assert await taken == ("new", 2, 1)
    assert clock.monotonic() == 5
    assert await parked.take() == ("late", 1, 5)
    assert clock.monotonic() == 600


async def test_a_hundred_thousand_that_wait_cost_a_few_megabytes() -> None:
    tracemalloc.start()
    try:
        parked = Parked(VirtualClock())
        for seq in range(100_000):
            parked.add(f"acme/rockets#{seq % 5_000}", seq)
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert parked.holds("acme/rockets#4999", 99_999)
    assert used < 6e6
