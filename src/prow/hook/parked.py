"""What waits for one consumer: of each lane in order, and when the first of a lane is tried.

Eight bytes are held of a delivery and a small record of its lane; all else stays in the inbox. So an outage of hours costs a few
megabytes.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from array import array
from bisect import bisect_left, insort
from contextlib import suppress

from prow.lib.clock import Clock

_SOON = 0.001
"""Seconds; no clock is more exact."""


class _Waiting:
    """One lane's deliveries. `attempts`: how often the first was tried."""

    __slots__ = ("attempts", "seqs")

    def __init__(self, seq: int, attempts: int) -> None:
        self.seqs = array("q", (seq,))
        self.attempts = attempts


class Parked:
    """Whoever takes a lane's first gives it back with `again` or is `done` with it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lanes: dict[str, _Waiting] = {}
        self._due: list[tuple[float, int, str]] = []
        self._closed_until = 0.0
        self._order = itertools.count()
        self._more = asyncio.Event()

    def __len__(self) -> int:
        """How many lanes."""
        return len(self._lanes)

    def __contains__(self, lane: str) -> bool:
        return lane in self._lanes

    def holds(self, lane: str, seq: int) -> bool:
        waiting = self._lanes.get(lane)
        if waiting is None:
            return False
        place = bisect_left(waiting.seqs, seq)
        return place < len(waiting.seqs) and waiting.seqs[place] == seq

    def add(self, lane: str, seq: int, *, after: float = 0.0, attempts: int = 0) -> None:
        """`after`, `attempts` (made so far) count for the first of a lane."""
        waiting = self._lanes.get(lane)
        if waiting is not None:
            insort(waiting.seqs, seq)
            return
        self._lanes[lane] = _Waiting(seq, attempts)
        self._due_in(lane, after)

    async def take(self) -> tuple[str, int, int]:
        """Of the lane that is due first, when it is due: lane, number, and which attempt this is."""
        while (pause := self._pause()) is None or pause > _SOON:
            self._more.clear()
            with suppress(TimeoutError):
                async with self._clock.timeout(pause):
                    await self._more.wait()
        lane = heapq.heappop(self._due)[2]
        waiting = self._lanes[lane]
        waiting.attempts += 1
        return lane, waiting.seqs[0], waiting.attempts

    def again(self, lane: str, pause: float) -> None:
        """What was taken is tried once more, before all others of its lane."""
        self._due_in(lane, pause)

    def done(self, lane: str, seq: int) -> None:
        """What was taken waits no more; the lane's next is due at once."""
        waiting = self._lanes[lane]
        del waiting.seqs[bisect_left(waiting.seqs, seq)]
        if waiting.seqs:
            waiting.attempts = 0
            self._due_in(lane, 0.0)
        else:
            del self._lanes[lane]

    def close(self, pause: float) -> None:
        """The consumer takes nothing of any lane for so long."""
        self._closed_until = self._clock.monotonic() + pause

    def _pause(self) -> float | None:
        if not self._due:
            return None
        return max(self._due[0][0], self._closed_until) - self._clock.monotonic()

    def _due_in(self, lane: str, pause: float) -> None:
        heapq.heappush(self._due, (self._clock.monotonic() + pause, next(self._order), lane))
        self._more.set()
