"""Takes deliveries from the inbox and runs their consumers: plugins, and external plugins, each with its own progress.

Consumers of one delivery run side by side; deliveries of one lane one after another. A consumer that has to try again later
parks only its own later deliveries of that lane, so a rate-limited `trigger` never blocks a `/hold`; external ones always have
a queue of their own beside the lane. A delivery is finished when all its consumers are; what is not finished when the process ends
is handled again at the next start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from prometheus_client import Histogram

from prow.hook import rules
from prow.hook.inbox import Delivery, Inbox
from prow.hook.lanes import Lanes
from prow.hook.parked import Parked
from prow.hook.settings import Settings
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError, Unauthenticated
from prow.lib.metrics import GoCounter

_log = logs.get("hook")
_HELD = 50_000
_AFTER_FAULT = 60.0
_FRESH = 128
"""Deliveries whose bodies are kept in memory until they are handled, which saves reading them back."""

DURATION = Histogram(
    "prow_plugin_handle_duration_seconds",
    "How long handlers take.",
    ["event_type", "action", "plugin", "took_action"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640),
)
ERRORS = GoCounter(
    "prow_plugin_handle_errors", "Handlers that failed.", ["event_type", "action", "plugin", "took_action"]
)

Run = Callable[[], Awaitable[None]]


class Task(msgspec.Struct, frozen=True):
    """What one consumer has to do for one delivery. `action`: for metrics.

    `aside`: its lane does not wait for it, since nobody knows how long others' programs take to answer.
    """

    consumer: str
    run: Run
    action: str = "none"
    aside: bool = False


class Consumers(Protocol):
    """Who has something to do for a delivery."""

    def tasks(self, delivery: Delivery) -> tuple[Task, ...]:
        """In any order; each consumer once."""
        ...


class Dispatcher:
    """Call `run()` as a task, and `offer` for each delivery that arrives, in order. `held`: numbers kept in memory; the rest is read back."""

    def __init__(
        self, settings: Settings, inbox: Inbox, consumers: Consumers, *, clock: Clock, held: int = _HELD
    ) -> None:
        self._settings = settings
        self._inbox = inbox
        self._consumers = consumers
        self._clock = clock
        self._lanes = Lanes()
        self._most_held = held
        self._page = held // 10
        self._last_held = 0
        self._last_offered = 0
        self._behind = True
        self._fresh: dict[int, Delivery] = {}
        self._missed: dict[int, str] = {}
        self._missed_too_many = False
        self._read_early: set[int] = set()
        self._finished: list[int] = []
        self._flush = asyncio.Event()
        self._retrying = 0
        self._parked: dict[str, Parked] = {}
        self._unsettled: set[int] = set()
        self._changed = asyncio.Event()
        self._wake = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self.handled = 0
        self.failed = 0

    @property
    def waiting(self) -> int:
        return self._lanes.waiting

    @property
    def quiet(self) -> bool:
        """Nothing is held, running, parked or about to be marked finished."""
        parked = any(map(len, self._parked.values()))
        return self._lanes.quiet and not parked and not self._finished and not self._behind

    async def idle(self) -> None:
        """Return when everything that arrived was handled."""
        while not self.quiet:
            self._changed.clear()
            await self._changed.wait()

    async def drain(self) -> None:
        """Return when nothing runs and nothing waits but what is tried again later; that is kept."""
        while not self._lanes.quiet or self._retrying or self._finished:
            self._changed.clear()
            await self._changed.wait()

    def offer(self, seq: int, lane: str, delivery: Delivery) -> None:
        """A delivery that was just kept. While the inbox is being read, or too many are held, it is only noted."""
        self._last_offered = seq
        if seq in self._read_early:
            self._read_early.discard(seq)
        elif not self._behind and self._lanes.waiting < self._most_held:
            if len(self._fresh) < _FRESH:
                self._fresh[seq] = delivery
            self._hold(seq, lane)
        else:
            self._behind = True
            if len(self._missed) < self._page:
                self._missed[seq] = lane
            else:
                self._missed_too_many = True
            self._wake.set()

    def _hold(self, seq: int, lane: str) -> None:
        self._last_held = max(self._last_held, seq)
        self._lanes.add(lane, seq)

    async def run(self) -> None:
        """Handle deliveries until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._finish(), name="hook-finish")
            group.create_task(self._catch_up(), name="hook-catch-up")
            for number in range(self._settings.workers):
                group.create_task(self._work(newest=number % 2 == 1), name=f"hook-{number}")

    async def _catch_up(self) -> None:
        """Read what is unfinished: at the start, and whenever more had arrived than is held.

        A delivery may be read here before it is offered, or offered before it is read; it is held once either way.
        """
        while True:
            if self._behind and self._lanes.waiting <= self._most_held // 2:
                found = await self._inbox.unfinished(after=self._last_held, limit=self._page)
                for row in found:
                    self._missed.pop(row.seq, None)
                    if 0 < self._inbox.first <= row.seq and self._last_offered < row.seq:
                        self._read_early.add(row.seq)
                    self._hold(row.seq, row.lane)
                if len(found) == self._page:
                    continue
                if self._missed_too_many:
                    self._missed.clear()
                    self._missed_too_many = False
                    continue
                for seq, lane in sorted(self._missed.items()):
                    self._hold(seq, lane)
                self._missed.clear()
                self._behind = False
                self._changed.set()
            self._wake.clear()
            await self._wake.wait()

    async def _work(self, *, newest: bool) -> None:
        while True:
            lane, seq = await self._lanes.take(newest=newest)
            try:
                await self._handle(lane, seq)
            except Exception:  # noqa: BLE001 - one bad delivery never stops the others
                _log.exception("A delivery could not be handled; it is tried again at the next start.", seq=seq)
            finally:
                self._lanes.release(lane)
                self._changed.set()
                if self._behind:
                    self._wake.set()

    async def _handle(self, lane: str, seq: int) -> None:
        delivery = self._fresh.pop(seq, None) or await self._inbox.load(seq)
        if delivery is None:
            return
        tasks = [task for task in self._consumers.tasks(delivery) if task.consumer not in delivery.done]
        waiting = [task for task in tasks if task.aside or self._waits(lane, task.consumer)]
        runnable = [task for task in tasks if task not in waiting]
        self._unsettled.add(seq)  # one that waits may get through while others still run: whoever is last finishes it
        for task in waiting:
            self._park(lane, seq, task.consumer)
        pauses = await asyncio.gather(*(self._attempt(delivery, task, attempt=1) for task in runnable))
        for task, pause in zip(runnable, pauses, strict=True):
            if pause is not None:
                self._park(lane, seq, task.consumer, after=pause, attempts=1)
        done = [task.consumer for task, pause in zip(runnable, pauses, strict=True) if pause is None]
        if done and self._waited_for(lane, seq):
            await self._inbox.consumers_done(seq, done)
        self._unsettled.discard(seq)
        self._finish_if_last(lane, seq)

    async def _attempt(self, delivery: Delivery, task: Task, *, attempt: int) -> float | None:
        """Run one consumer once. None: it is done with it; else the seconds until the next attempt."""
        began = self._clock.monotonic()
        labels = (delivery.event if delivery.event in rules.KINDS else "other", task.action, task.consumer, "true")
        try:
            async with self._clock.timeout(self._settings.handler_deadline):
                await task.run()
        except TimeoutError:
            error: BaseException = TimeoutError(f"it took longer than {self._settings.handler_deadline:g} s")
        except ProwError as failed:
            error = failed
        except Exception as failed:  # noqa: BLE001 - a handler's bug belongs to that handler alone
            _log.exception("A handler failed.", **_fields(delivery), plugin=task.consumer)
            error = failed
        else:
            DURATION.labels(*labels).observe(self._clock.monotonic() - began)
            return None
        ERRORS.labels(*labels).inc()
        pause = rules.pause_after(error, attempt, now=self._clock.now().timestamp())
        reason = str(error) or type(error).__name__
        fields = {**_fields(delivery), "plugin": task.consumer, "error": reason}
        if pause is None:
            _log.error("A handler gave up.", **fields, attempts=attempt)
            self.failed += 1
            await self._inbox.gave_up(delivery.seq, task.consumer, guid=delivery.guid, error=reason)
        else:
            away = isinstance(error, rules.Unreachable)
            if away and task.consumer in self._parked:
                self._parked[task.consumer].close(pause)
            say = _log.debug if away or (isinstance(error, Unauthenticated) and attempt > 1) else _log.warning
            say("A handler is tried again.", **fields, attempts=attempt, after_seconds=round(pause, 1))
        return pause

    def _waits(self, lane: str, consumer: str) -> bool:
        parked = self._parked.get(consumer)
        return parked is not None and lane in parked

    def _waited_for(self, lane: str, seq: int) -> bool:
        return any(parked.holds(lane, seq) for parked in self._parked.values())

    def _park(self, lane: str, seq: int, consumer: str, *, after: float = 0.0, attempts: int = 0) -> None:
        """Keep this consumer's deliveries of the lane until it gets further. `attempts`: made so far."""
        parked = self._parked.get(consumer)
        if parked is None:
            parked = self._parked[consumer] = Parked(self._clock)
            assert self._group is not None
            self._group.create_task(self._retry(self._group, consumer, parked), name=f"hook-parked-{consumer}")
        parked.add(lane, seq, after=after, attempts=attempts)

    async def _retry(self, group: asyncio.TaskGroup, consumer: str, parked: Parked) -> None:
        """Try what is due, of as many lanes at once as there are workers."""
        places = asyncio.Semaphore(self._settings.workers)
        while True:
            await places.acquire()
            lane, seq, attempt = await parked.take()
            self._retrying += 1
            trying = group.create_task(self._try_parked(parked, lane, seq, consumer, attempt))
            trying.add_done_callback(lambda _: places.release())

    async def _try_parked(self, parked: Parked, lane: str, seq: int, consumer: str, attempt: int) -> None:
        try:
            pause = await self._attempt_parked(seq, consumer, attempt)
        except Exception:  # noqa: BLE001 - one bad delivery never stops the others
            _log.exception("A delivery could not be handled; it is tried again.", seq=seq, plugin=consumer)
            pause = _AFTER_FAULT
        finally:
            self._retrying -= 1
            self._changed.set()
        if pause is not None:
            parked.again(lane, pause)
            return
        parked.done(lane, seq)
        self._finish_if_last(lane, seq)

    async def _attempt_parked(self, seq: int, consumer: str, attempt: int) -> float | None:
        delivery = await self._inbox.load(seq)
        if delivery is None or consumer in delivery.done:
            return None
        task = next((task for task in self._consumers.tasks(delivery) if task.consumer == consumer), None)
        pause = None if task is None else await self._attempt(delivery, task, attempt=attempt)
        if pause is None:
            await self._inbox.consumers_done(seq, [consumer])
        return pause

    def _finish_if_last(self, lane: str, seq: int) -> None:
        """A consumer is done with a delivery that others may still have to do with."""
        if seq not in self._unsettled and not self._waited_for(lane, seq):
            self._mark_finished(seq)

    def _mark_finished(self, seq: int) -> None:
        self.handled += 1
        self._finished.append(seq)
        self._flush.set()

    async def _finish(self) -> None:
        """Mark finished deliveries, many in one transaction."""
        while True:
            await self._flush.wait()
            self._flush.clear()
            batch = self._finished[:]
            await self._inbox.finish(batch)
            del self._finished[: len(batch)]
            self._changed.set()


def _fields(delivery: Delivery) -> dict[str, str]:
    return {"event-GUID": delivery.guid, "event-type": delivery.event, "org": delivery.org, "repo": delivery.repo}
