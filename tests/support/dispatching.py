"""A dispatcher with consumers that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from prow.hook.dispatcher import Dispatcher, Task
from prow.hook.inbox import MIGRATIONS, Arrival, Delivery, Inbox
from prow.hook.settings import Settings
from prow.lib.errors import Retry
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
