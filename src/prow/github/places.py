"""How many requests of one identity are under way at once: the more urgent goes first when there is a queue.

Processes that share a ledger share the places: each leases a block of them when it needs it and gives it back when it does not, so that
one which is busy may have nearly all, and none keeps what it does not use. Between processes the first that asks is the first; but merging and
background work go no further than their share, so that they never keep the more urgent from the rest, in this process or in another.
"""

from __future__ import annotations

import asyncio
import bisect
import heapq
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from prow.github.call import Cost
from prow.github.ledger import Ledger
from prow.github.windows import SHARE
from prow.lib.clock import Clock

_BLOCKS = 9
_LOOK_AGAIN = 0.05
"""Seconds; nobody tells that another process has given a block back."""


class Places:
    """`limit`: places in all. `ledger`: None, or one of this process alone: they are all ours."""

    def __init__(self, limit: int, clock: Clock, ledger: Ledger | None = None, key: int = 0) -> None:
        self._clock = clock
        self._ledger = ledger if ledger is not None and ledger.shared else None
        self._key = key
        self._block = limit if self._ledger is None else max(1, limit // _BLOCKS)
        blocks = 1 if self._ledger is None else min(limit // self._block, _BLOCKS)
        self._blocks = {cost: range(max(1, round(blocks * SHARE[cost]))) for cost in Cost}
        self._most = {cost: max(1, round(blocks * self._block * SHARE[cost])) for cost in Cost}
        self._leased: list[int] = []
        self._taken = 0
        self._queue: list[tuple[Cost, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    @asynccontextmanager
    async def slot(self, cost: Cost) -> AsyncIterator[None]:
        """Hold a place."""
        await self.enter(cost)
        try:
            yield
        finally:
            self.leave()

    async def enter(self, cost: Cost) -> None:
        """Take a place when there is one; `leave` gives it back."""
        if not self._queue and self._room(cost):
            self._taken += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (cost, next(self._order), turn))
        self._hand_out()
        try:
            await self._turn(turn)
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            turn.cancel()
            raise

    async def _turn(self, turn: asyncio.Future[None]) -> None:
        if self._ledger is None:
            await turn
        while not turn.done():
            with suppress(TimeoutError):
                async with self._clock.timeout(_LOOK_AGAIN):
                    await asyncio.shield(turn)
            self._hand_out()

    def _hand_out(self) -> None:
        """Give free places to the first in the queue that still wait."""
        while self._queue:
            cost, _, turn = self._queue[0]
            if not turn.done():
                if not self._room(cost):
                    return
                self._taken += 1
                turn.set_result(None)
            heapq.heappop(self._queue)

    def leave(self) -> None:
        self._taken -= 1
        if self._queue:
            self._hand_out()
        while self._ledger is not None and self._taken <= (len(self._leased) - 1) * self._block:
            self._ledger.give_back(self._key, self._leased.pop())

    def _room(self, cost: Cost) -> bool:
        """Whether one more of this class may be under way; another block is leased for it where there is one."""
        if self._ledger is None:
            return self._taken < self._most[cost]
        blocks = self._blocks[cost]
        if self._taken < sum(block in blocks for block in self._leased) * self._block:
            return True
        for block in blocks:
            if block not in self._leased and self._ledger.lease(self._key, block):
                bisect.insort(self._leased, block)
                return True
        return False
