"""Which delivery is handled next: the head of each lane, half of the places for the oldest lanes, half for the newest.

While a backlog drains oldest first, a new command on a quiet pull request is still seen at once. A lane gives one delivery at a
time. Only numbers and names are held; bodies stay in the inbox until they are handled.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Lanes:
    """`waiting`: how many deliveries are held and not taken."""

    def __init__(self) -> None:
        self._pending: dict[str, deque[int]] = {}
        self._ready: deque[str] = deque()
        self._active: set[str] = set()
        self._idle: deque[asyncio.Future[None]] = deque()
        self.waiting = 0

    @property
    def quiet(self) -> bool:
        return not self.waiting and not self._active

    def add(self, lane: str, seq: int) -> None:
        queue = self._pending.get(lane)
        if queue is None:
            queue = self._pending[lane] = deque()
            if lane not in self._active:
                self._make_ready(lane)
        queue.append(seq)
        self.waiting += 1

    async def take(self, *, newest: bool) -> tuple[str, int]:
        """The next delivery; its lane is closed until `release`."""
        while not self._ready:
            idle = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            await idle
        lane = self._ready.pop() if newest else self._ready.popleft()
        self._active.add(lane)
        self.waiting -= 1
        return lane, self._pending[lane].popleft()

    def release(self, lane: str) -> None:
        """The delivery was handled (or parked): the lane may go on."""
        self._active.discard(lane)
        if self._pending[lane]:
            self._make_ready(lane)
        else:
            del self._pending[lane]

    def _make_ready(self, lane: str) -> None:
        """Put the lane up, and wake one worker that waits."""
        self._ready.append(lane)
        while self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                return
