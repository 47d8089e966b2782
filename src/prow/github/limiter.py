"""Who may talk to GitHub now: a bounded number in flight, content writes paced, an hourly budget if one is set.

The queue is ordered by cost class, then by arrival. Content writes are counted in sliding windows, so a write at a low rate
never waits; the last part of each window is kept for the more urgent classes. Pacing follows GitHub's published limits:
100 requests at once, 80 content writes a minute, 500 an hour.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import msgspec

from prow.github.call import Call, Cost
from prow.lib.clock import Clock

_SHARE = {Cost.INTERACTIVE: 1.0, Cost.MERGE: 0.9, Cost.BACKGROUND: 0.75}
"""How much of a window each class may fill."""
_MINUTE = 60.0
_HOUR = 3600.0


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """`hourly_tokens`, `allowed_burst`: upstream's throttle, both 0: off. `orgs`: organisations with an own one, by lower-case name."""

    in_flight: int = 100
    content_per_minute: int = 80
    content_per_hour: int = 500
    hourly_tokens: int = 0
    allowed_burst: int = 0
    orgs: Mapping[str, tuple[int, int]] = {}


class Window:
    """At most `limit` events in any `seconds`."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit = limit
        self._seconds = seconds
        self._events: deque[float] = deque()

    def wait(self, now: float, share: float) -> float:
        """Seconds until an event would be within `share` of the limit; 0: now."""
        while self._events and self._events[0] <= now - self._seconds:
            self._events.popleft()
        allowed = max(1, int(self._limit * share))
        surplus = len(self._events) - allowed
        if surplus < 0:
            return 0.0
        return max(0.0, self._events[surplus] + self._seconds - now)

    def book(self, now: float) -> None:
        self._events.append(now)


class Bucket:
    """`burst` tokens, refilled at `hourly` an hour. A free answer gives its token back."""

    def __init__(self, hourly: int, burst: int) -> None:
        self._per_second = hourly / _HOUR
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at = 0.0

    def wait(self, now: float) -> float:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        return 0.0 if self._tokens >= 1 else (1 - self._tokens) / self._per_second

    def take(self) -> None:
        self._tokens -= 1

    def give_back(self) -> None:
        self._tokens = min(self._burst, self._tokens + 1)


class Limiter:
    """One per process and endpoint, shared by all callers."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._windows = (
            Window(limits.content_per_minute, _MINUTE),
            Window(limits.content_per_hour, _HOUR),
        )
        self._bucket = Bucket(limits.hourly_tokens, limits.allowed_burst) if limits.hourly_tokens > 0 else None
        self._of_org = {org: Bucket(hourly, burst) for org, (hourly, burst) in limits.orgs.items()}
        self._in_flight = 0
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def reserve(self, call: Call) -> float:
        """Book the call and answer 0, or say how many seconds to wait before asking again. Places in flight are apart."""
        now = self._clock.monotonic()
        windows = self._windows if call.content else ()
        waits = [window.wait(now, _SHARE[call.cost]) for window in windows]
        bucket = self._of_org.get(call.org.lower(), self._bucket)
        if bucket is not None:
            waits.append(bucket.wait(now))
        longest = max(waits, default=0.0)
        if longest <= 0:
            for window in windows:
                window.book(now)
            if bucket is not None:
                bucket.take()
        return longest

    def refund(self, call: Call) -> None:
        """The answer cost nothing: the throttle's token is given back."""
        bucket = self._of_org.get(call.org.lower(), self._bucket)
        if bucket is not None:
            bucket.give_back()

    @asynccontextmanager
    async def slot(self, cost: Cost) -> AsyncIterator[None]:
        """Hold a place in flight."""
        await self._enter(cost)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, cost: Cost) -> None:
        if self._in_flight < self._limits.in_flight and not self._queue:
            self._in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (cost.value, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        """Hand the place to the next in the queue that still waits, or give it up."""
        while self._queue:
            turn = heapq.heappop(self._queue)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._in_flight -= 1
