"""Order, parking, retries and restarts, with consumers that do as they are told."""

from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from prow.hook.dispatcher import Dispatcher, Task
from prow.hook.inbox import MIGRATIONS, Arrival, Delivery, Inbox
from prow.hook.rules import Unreachable
from prow.hook.settings import Settings
from prow.lib.errors import Permanent, Retry
from prow.lib.sqlite import Database
from prow.lib.virtual_clock import VirtualClock

Handler = Callable[[Delivery], Awaitable[None]]


class Consumers:
    """Named handlers; `log` has what each did, in order."""

    def __init__(self) -> None:
        self.handlers: dict[str, Handler] = {}
        self.aside: set[str] = set()
        self.log: list[str] = []
        self._logged = asyncio.Condition()

    async def done(self, count: int) -> None:
        """Return when so much was done."""
        async with self._logged:
            await self._logged.wait_for(lambda: len(self.log) >= count)

    def tasks(self, delivery: Delivery) -> tuple[Task, ...]:
        return tuple(self._task(name, handler, delivery) for name, handler in self.handlers.items())

    def _task(self, name: str, handler: Handler, delivery: Delivery) -> Task:
        async def run() -> None:
            await handler(delivery)
            self.log.append(f"{name}:{delivery.guid}")
            async with self._logged:
                self._logged.notify_all()

        return Task(name, run, aside=name in self.aside)


class World:
    def __init__(self, inbox: Inbox, dispatcher: Dispatcher, consumers: Consumers, clock: VirtualClock) -> None:
        self.inbox = inbox
        self.dispatcher = dispatcher
        self.consumers = consumers
        self.clock = clock

    async def deliver(self, guid: str, lane: str = "o/r#1") -> None:
        made = arrival(guid, lane)
        seq = await self.inbox.accept(made)
        self.dispatcher.offer(seq, lane, made.delivery(seq))


def arrival(guid: str, lane: str = "o/r#1") -> Arrival:
    return Arrival(guid=guid, event="issue_comment", org="o", repo="r", lane=lane, headers=b"[]", body=b"{}")


async def fine(_: Delivery) -> None:
    """Does its work."""


class Outage:
    """A handler that fails until `over` is set. `tried`: how often."""

    def __init__(self, error: Retry) -> None:
        self._error = error
        self.over = asyncio.Event()
        self.tried = 0

    async def __call__(self, _: Delivery) -> None:
        self.tried += 1
        if not self.over.is_set():
            raise self._error


@asynccontextmanager
async def running(
    path: Path, clock: VirtualClock, consumers: Consumers, *, accepted: Sequence[Arrival] = (), held: int = 1000
) -> AsyncIterator[World]:
    """`accepted`: before it runs, and not offered. `held`: in memory."""
    database = await Database.open(path, MIGRATIONS)
    inbox = Inbox(database, clock=clock, window=600)
    for each in accepted:
        await inbox.accept(each)
    dispatcher = Dispatcher(Settings(workers=4, handler_deadline=60), inbox, consumers, clock=clock, held=held)
    task = asyncio.create_task(dispatcher.run())
    try:
        yield World(inbox, dispatcher, consumers, clock)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await database.close()


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
