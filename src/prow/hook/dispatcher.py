"""Takes deliveries from the inbox and runs their consumers: plugins, and external plugins, each with its own progress.

Consumers of one delivery run side by side; deliveries of one lane one after another. A consumer that has to try again later
parks only its own later deliveries of that lane, so a rate-limited `trigger` never blocks a `/hold`; external ones always have
a queue of their own beside the lane. A delivery is finished when
all its consumers are; what is not finished when the process ends is handled again at the next start.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

import msgspec
from prometheus_client import Histogram

from prow.hook import rules
from prow.hook.inbox import Delivery, Inbox
from prow.hook.lanes import Lanes
from prow.hook.settings import Settings
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError, Unauthenticated
from prow.lib.metrics import GoCounter

_log = logs.get("hook")
_HELD = 50_000
_PAGE = 5_000
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
    """Call `run()` as a task, and `offer` for each delivery that arrives."""

    def __init__(self, settings: Settings, inbox: Inbox, consumers: Consumers, *, clock: Clock) -> None:
        self._settings = settings
        self._inbox = inbox
        self._consumers = consumers
        self._clock = clock
        self._lanes = Lanes()
        self._last_held = 0
        self._behind = True
        self._fresh: dict[int, Delivery] = {}
        self._missed: dict[int, str] = {}
        self._missed_too_many = False
        self._read_early: set[int] = set()
        self._finished: list[int] = []
        self._flush = asyncio.Event()
        self._retrying = 0
        self._parked: dict[tuple[str, str], deque[tuple[int, str]]] = {}
        self._left: dict[int, set[str]] = {}
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
        return self._lanes.quiet and not self._left and not self._finished and not self._behind

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
        if seq in self._read_early:
            self._read_early.discard(seq)
        elif not self._behind and self._lanes.waiting < _HELD:
            if len(self._fresh) < _FRESH:
                self._fresh[seq] = delivery
            self._hold(seq, lane)
        else:
            self._behind = True
            if len(self._missed) < _PAGE:
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
            if self._behind and self._lanes.waiting <= _HELD // 2:
                found = await self._inbox.unfinished(after=self._last_held, limit=_PAGE)
                for row in found:
                    offered_later = 0 < self._inbox.first <= row.seq
                    if self._missed.pop(row.seq, None) is None and offered_later:
                        self._read_early.add(row.seq)
                    self._hold(row.seq, row.lane)
                if len(found) == _PAGE:
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
        waiting = [task for task in tasks if task.aside or (lane, task.consumer) in self._parked]
        if waiting:
            # One that waits may get through while others still run: the delivery is finished by whoever is last.
            self._left[seq] = {task.consumer for task in tasks}
        for task in waiting:
            self._park(lane, task.consumer, delivery)
        runnable = [task for task in tasks if task not in waiting]
        pauses = await asyncio.gather(*(self._attempt(delivery, task, attempt=1) for task in runnable))
        done = [task for task, pause in zip(runnable, pauses, strict=True) if pause is None]
        if len(done) == len(tasks):
            self._mark_finished(seq)
            return
        for task, pause in zip(runnable, pauses, strict=True):
            if pause is not None:
                self._park(lane, task.consumer, delivery, after=pause, attempts=1)
        for task in done:
            await self._inbox.consumer_done(seq, task.consumer, guid=delivery.guid)
            self._leave(seq, task.consumer)

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
            await self._inbox.consumer_done(delivery.seq, task.consumer, guid=delivery.guid, error=reason)
        else:
            known = isinstance(error, rules.Unreachable) or (isinstance(error, Unauthenticated) and attempt > 1)
            say = _log.debug if known else _log.warning
            say("A handler is tried again.", **fields, attempts=attempt, after_seconds=round(pause, 1))
        return pause

    def _park(self, lane: str, consumer: str, delivery: Delivery, *, after: float = 0.0, attempts: int = 0) -> None:
        """Keep this consumer's deliveries of the lane until it gets further. `attempts`: made so far."""
        self._left.setdefault(delivery.seq, set()).add(consumer)
        queue = self._parked.get((lane, consumer))
        if queue is not None:
            queue.append((delivery.seq, delivery.guid))
            return
        self._parked[lane, consumer] = deque([(delivery.seq, delivery.guid)])
        assert self._group is not None
        self._group.create_task(self._unpark(lane, consumer, after, attempts), name=f"hook-parked-{consumer}")

    async def _unpark(self, lane: str, consumer: str, pause: float, attempt: int) -> None:
        queue = self._parked[lane, consumer]
        while queue:
            seq, guid = queue[0]
            await self._clock.sleep(pause)
            attempt += 1
            self._retrying += 1
            try:
                again = await self._try_parked(seq, consumer, attempt)
            finally:
                self._retrying -= 1
                self._changed.set()
            if again is not None:
                pause = again
                continue
            queue.popleft()
            await self._inbox.consumer_done(seq, consumer, guid=guid)
            self._leave(seq, consumer)
            pause, attempt = 0.0, 0
        del self._parked[lane, consumer]
        self._changed.set()

    async def _try_parked(self, seq: int, consumer: str, attempt: int) -> float | None:
        delivery = await self._inbox.load(seq)
        if delivery is None:
            return None
        task = next((task for task in self._consumers.tasks(delivery) if task.consumer == consumer), None)
        return None if task is None else await self._attempt(delivery, task, attempt=attempt)

    def _leave(self, seq: int, consumer: str) -> None:
        """The consumer is done with a delivery that others may still have to do with."""
        left = self._left.get(seq, set())
        if consumer in left:
            left.discard(consumer)
            if not left:
                del self._left[seq]
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
