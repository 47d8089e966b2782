"""Hours in which a consumer gets nowhere: nothing is lost, order is kept, and what waits costs little."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.hook.inbox import Delivery
from prow.hook.rules import Unreachable
from prow.lib.errors import Retry
from prow.lib.virtual_clock import VirtualClock
from tests.support.dispatching import Consumers, Outage, World, fine, running


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running(tmp_path / "hook.db", VirtualClock(), Consumers()) as world:
        yield world


async def test_an_outage_of_hours_loses_nothing_and_keeps_the_order_of_each_lane(world: World) -> None:
    github = Outage(Retry("GitHub is down", after=600))
    world.consumers.handlers = {"trigger": github, "hold": fine}
    for hour in range(5):
        for number in range(60):
            await world.deliver(f"{number % 6}-{hour}-{number}", f"o/r#{number % 6}")
        await world.consumers.done((hour + 1) * 60)
        await world.clock.sleep(3600)
    assert not [done for done in world.consumers.log if done.startswith("trigger:")]
    assert world.dispatcher.handled == 0
    github.over.set()
    for lane in range(6):
        await world.deliver(f"{lane}-late", f"o/r#{lane}")
    await world.dispatcher.idle()
    assert world.dispatcher.handled == 306
    assert not await world.inbox.unfinished(after=0, limit=10)
    for lane in range(6):
        triggered = [done for done in world.consumers.log if done.startswith(f"trigger:{lane}-")]
        before = [f"trigger:{lane}-{h}-{n}" for h in range(5) for n in range(60) if n % 6 == lane]
        assert triggered == [*before, f"trigger:{lane}-late"]


async def test_a_restart_in_an_outage_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    before, github, soon = Consumers(), Outage(Retry("GitHub is down", after=600)), Outage(Retry("later", after=5))
    before.handlers = {"trigger": github, "lgtm": soon, "hold": fine}
    async with running(tmp_path / "hook.db", VirtualClock(), before) as world:
        for number in range(40):
            await world.deliver(f"d{number}", f"o/r#{number % 4}")
        await before.done(40)
        soon.over.set()
        await before.done(80)
        await world.dispatcher.drain()
    after = Consumers()
    after.handlers = {"trigger": fine, "lgtm": fine, "hold": fine}
    async with running(tmp_path / "hook.db", VirtualClock(), after) as world:
        await world.deliver("new", "o/r#0")
        await world.dispatcher.idle()
    assert sorted(after.log) == sorted(["hold:new", "lgtm:new", "trigger:new", *(f"trigger:d{n}" for n in range(40))])
    for lane in range(4):
        numbers = [int(done[9:]) for done in after.log if done.startswith("trigger:d") and int(done[9:]) % 4 == lane]
        assert numbers == sorted(numbers)


async def test_what_waits_in_an_outage_waits_on_disk(world: World) -> None:
    world.consumers.handlers["trigger"] = Outage(Retry("GitHub is down", after=36_000))

    async def held_after(first: int, last: int) -> int:
        for number in range(first, last):
            await world.deliver(f"a GUID of the usual length, {number:08}", f"o/r#{number % 10}")
        await world.dispatcher.drain()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        grown = -await held_after(0, 300) + await held_after(300, 1300)
    finally:
        tracemalloc.stop()
    assert len(await world.inbox.unfinished(after=0, limit=2000)) == 1300
    assert grown / 1000 < 100, "bytes of each"


async def test_after_an_outage_no_more_is_tried_at_once_than_there_are_workers(world: World) -> None:
    github, at_once, most = Outage(Retry("GitHub is down", after=600)), 0, 0

    async def trigger(delivery: Delivery) -> None:
        nonlocal at_once, most
        await github(delivery)
        at_once += 1
        most = max(most, at_once)
        await world.clock.sleep(1)
        at_once -= 1

    world.consumers.handlers["trigger"] = trigger
    for number in range(30):
        await world.deliver(f"d{number}", f"o/r#{number}")
    await world.dispatcher.drain()
    github.over.set()
    await world.dispatcher.idle()
    assert len(world.consumers.log) == 30
    assert most == 4


async def test_while_nobody_is_there_one_delivery_looks_and_not_those_of_all_lanes(world: World) -> None:
    tide = Outage(Unreachable("nobody is there", after=3))
    world.consumers.handlers["tide"] = tide
    world.consumers.aside.add("tide")
    for number in range(100):
        await world.deliver(f"d{number}", f"o/r#{number}")
    await world.clock.sleep(600)
    assert 200 <= tide.tried <= 1000
    tide.over.set()
    await world.dispatcher.idle()
    assert len(world.consumers.log) == 100


async def test_who_is_enabled_or_disabled_meanwhile_keeps_no_delivery_open(world: World) -> None:
    github = Outage(Retry("GitHub is down", after=30))
    world.consumers.handlers = {"trigger": github, "lgtm": github, "hold": fine}
    await world.deliver("one")
    await world.consumers.done(1)
    del world.consumers.handlers["lgtm"]
    world.consumers.handlers["size"] = fine
    github.over.set()
    await world.dispatcher.idle()
    assert world.consumers.log == ["hold:one", "trigger:one"]
    assert not await world.inbox.unfinished(after=0, limit=10)


async def test_consumers_that_get_through_at_the_same_time_finish_a_delivery_once(world: World) -> None:
    github = Outage(Retry("GitHub is down", after=30))
    world.consumers.handlers = dict.fromkeys(("trigger", "lgtm", "approve", "size"), github)
    for number in range(10):
        await world.deliver(f"d{number}")
    await world.dispatcher.drain()
    github.over.set()
    await world.dispatcher.idle()
    assert len(world.consumers.log) == 40
    assert world.dispatcher.handled == 10


async def test_what_was_more_than_is_held_leaves_nothing_in_memory(tmp_path: Path) -> None:
    consumers, gate = Consumers(), asyncio.Event()

    async def slow(_: Delivery) -> None:
        await gate.wait()

    async def held_after(world: World, count: int) -> int:
        gate.clear()
        for number in range(count):
            await world.deliver(f"{world.dispatcher.handled}-{number}", f"o/r#{number % 3}")
        gate.set()
        await world.dispatcher.idle()
        await world.clock.sleep(120)  # it keeps deadlines till then
        consumers.log.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    consumers.handlers["hold"] = slow
    async with running(tmp_path / "hook.db", VirtualClock(), consumers, held=20) as world:
        tracemalloc.start()
        try:
            grown = -await held_after(world, 1000) + await held_after(world, 1000)
        finally:
            tracemalloc.stop()
    assert grown / 1000 < 50, "bytes of each"
