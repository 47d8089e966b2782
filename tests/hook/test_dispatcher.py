"""Order, parking, retries and restarts, with consumers that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.hook.inbox import Delivery
from prow.lib.errors import Permanent, Retry
from prow.lib.virtual_clock import VirtualClock
from tests.support.dispatching import Consumers, World, arrival, fine, running


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running(tmp_path / "hook.db", VirtualClock(), Consumers()) as world:
        yield world


async def test_deliveries_of_one_lane_are_handled_in_order(world: World) -> None:
    world.consumers.handlers["hold"] = fine
    for number in range(20):
        await world.deliver(f"d{number}")
    await world.dispatcher.idle()
    assert world.consumers.log == [f"hold:d{n}" for n in range(20)]


async def test_a_consumer_in_backoff_parks_only_itself(world: World) -> None:
    limited = asyncio.Event()

    async def trigger(_: Delivery) -> None:
        if not limited.is_set():
            raise Retry("limited", after=30)

    world.consumers.handlers |= {"trigger": trigger, "hold": fine}
    await world.deliver("one")
    await world.deliver("two")
    await world.consumers.done(2)
    assert world.consumers.log == ["hold:one", "hold:two"]
    limited.set()
    await world.dispatcher.idle()
    assert world.consumers.log[2:] == ["trigger:one", "trigger:two"]


async def test_a_program_of_others_that_is_slow_to_answer_holds_nobody_up_and_keeps_its_order(world: World) -> None:
    answered = asyncio.Event()

    async def cherrypicker(_: Delivery) -> None:
        await answered.wait()

    world.consumers.handlers = {"cherrypicker": cherrypicker, "hold": fine}
    world.consumers.aside.add("cherrypicker")
    for guid in ("d1", "d2"):
        await world.deliver(guid)
    await world.consumers.done(2)
    assert world.consumers.log == ["hold:d1", "hold:d2"]
    answered.set()
    await world.dispatcher.idle()
    assert world.consumers.log[2:] == ["cherrypicker:d1", "cherrypicker:d2"]


async def test_a_delivery_is_not_finished_before_the_last_one_is_done_with_it(world: World) -> None:
    gate = asyncio.Event()

    async def slow(_: Delivery) -> None:
        await gate.wait()

    world.consumers.handlers = {"cherrypicker": fine, "trigger": slow}
    world.consumers.aside.add("cherrypicker")
    await world.deliver("d1")
    await world.consumers.done(1)
    assert world.dispatcher.handled == 0
    assert [row.seq for row in await world.inbox.unfinished(after=0, limit=10)]
    gate.set()
    await world.dispatcher.idle()
    assert world.dispatcher.handled == 1
    assert not await world.inbox.unfinished(after=0, limit=10)


async def test_other_lanes_do_not_wait(world: World) -> None:
    gate = asyncio.Event()

    async def slow(delivery: Delivery) -> None:
        if delivery.lane == "o/r#1":
            await gate.wait()

    world.consumers.handlers["trigger"] = slow
    await world.deliver("stuck")
    await world.deliver("free", "o/r#2")
    await world.consumers.done(1)
    assert world.consumers.log == ["trigger:free"]
    gate.set()
    await world.dispatcher.idle()


async def test_an_error_that_cannot_be_mended_is_recorded_and_not_repeated(world: World) -> None:
    async def broken(_: Delivery) -> None:
        raise Permanent("no such label")

    world.consumers.handlers |= {"size": broken, "hold": fine}
    await world.deliver("one")
    await world.dispatcher.idle()
    assert await world.inbox.failures() == [("one", "size", "no such label")]
    assert world.consumers.log == ["hold:one"]
    assert world.dispatcher.failed == 1


async def test_a_handler_that_hangs_is_ended_and_tried_again(world: World) -> None:
    calls: list[str] = []

    async def hangs_once(delivery: Delivery) -> None:
        calls.append(delivery.guid)
        if len(calls) == 1:
            await world.clock.sleep(3600)

    world.consumers.handlers["trigger"] = hangs_once
    await world.deliver("one")
    await world.dispatcher.idle()
    assert calls == ["one", "one"]
    assert world.clock.monotonic() < 120


async def test_a_bug_in_a_handler_is_given_up_in_the_end(world: World) -> None:
    async def bug(_: Delivery) -> None:
        raise ZeroDivisionError

    world.consumers.handlers["trigger"] = bug
    await world.deliver("one")
    await world.dispatcher.idle()
    assert [(guid, consumer) for guid, consumer, _ in await world.inbox.failures()] == [("one", "trigger")]


async def test_after_a_restart_only_what_is_not_done_runs_again(tmp_path: Path) -> None:
    clock, first = VirtualClock(), Consumers()

    async def later(_: Delivery) -> None:
        raise Retry("later", after=600)

    first.handlers |= {"hold": fine, "trigger": later}
    async with running(tmp_path / "hook.db", clock, first) as world:
        await world.deliver("one")
        await first.done(1)
        await world.dispatcher.drain()
    second = Consumers()
    second.handlers |= {"hold": fine, "trigger": fine}
    async with running(tmp_path / "hook.db", VirtualClock(), second) as world:
        await world.dispatcher.idle()
        assert not await world.inbox.unfinished(after=0, limit=10)
    assert second.log == ["trigger:one"]


async def test_what_is_read_before_it_is_offered_is_handled_once(tmp_path: Path) -> None:
    consumers, early = Consumers(), arrival("early")
    consumers.handlers["hold"] = fine
    async with running(tmp_path / "hook.db", VirtualClock(), consumers, accepted=[early]) as world:
        await world.dispatcher.idle()
        world.dispatcher.offer(1, early.lane, early.delivery(1))
        await world.deliver("later")
        await world.dispatcher.idle()
    assert consumers.log == ["hold:early", "hold:later"]


async def test_what_arrives_while_the_inbox_is_read_is_handled_once(tmp_path: Path) -> None:
    clock, consumers = VirtualClock(), Consumers()
    consumers.handlers["hold"] = fine
    async with running(tmp_path / "hook.db", clock, consumers) as world:
        await asyncio.gather(*(world.deliver(f"d{n}", f"o/r#{n % 7}") for n in range(200)))
        await world.dispatcher.idle()
    assert sorted(consumers.log) == sorted(f"hold:d{n}" for n in range(200))


async def test_more_than_is_held_is_handled_once_and_in_order(tmp_path: Path) -> None:
    consumers, gate = Consumers(), asyncio.Event()

    async def slow(_: Delivery) -> None:
        await gate.wait()

    consumers.handlers["hold"] = slow
    async with running(tmp_path / "hook.db", VirtualClock(), consumers, held=20) as world:
        await world.dispatcher.idle()
        for number in range(200):
            await world.deliver(f"d{number}", f"o/r#{number % 3}")
        assert world.dispatcher.waiting < 30
        gate.set()
        await world.deliver("last", "o/r#0")
        await world.dispatcher.idle()
    for lane in range(3):
        done = [int(done[6:]) for done in consumers.log if done != "hold:last" and int(done[6:]) % 3 == lane]
        assert done == list(range(lane, 200, 3))
    assert len(consumers.log) == 201
