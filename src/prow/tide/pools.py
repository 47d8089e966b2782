"""One worker a pool: two decisions about a pool never overlap, and one that fails never stops the others.

A worker decides at once when its pool is marked, and then lets changes gather for 100 ms. It lives as long as its pool has open
pull requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime, timedelta

from prow.lib.clock import Clock
from prow.lib.errors import ProwError, RateLimited, Retry, Unauthenticated
from prow.tide import metrics
from prow.tide.model import PoolDecision, PoolKey, PoolSnapshot
from prow.tide.troubles import Troubles

_COALESCE = 0.1
_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 600.0


class Pool:
    """What is kept of a pool between its rounds. `again_at`: when it is decided about although nothing happened.

    `awaited`: jobs that were started and may not be in the index yet.
    `base_moves`: merges in a row that failed because the base moved."""

    def __init__(self, key: PoolKey) -> None:
        self.key = key
        self.dirty = asyncio.Event()
        self.busy = False
        self.snapshot: PoolSnapshot | None = None
        self.decision: PoolDecision | None = None
        self.error = ""
        self.again_at: datetime | None = None
        self.failures = 0
        self.awaited: frozenset[str] = frozenset()
        self.awaited_since = 0.0
        self.base_moves = 0


class Pools:
    """`alive`: whether a pool has open pull requests. Call `run()` as a task."""

    def __init__(
        self,
        round_of: Callable[[Pool], Awaitable[None]],
        alive: Callable[[PoolKey], bool],
        *,
        at_once: int,
        clock: Clock,
        troubles: Troubles,
    ) -> None:
        self._round_of = round_of
        self._alive = alive
        self._clock = clock
        self._say = troubles.say
        self._pools: dict[PoolKey, Pool] = {}
        self._slots = asyncio.Semaphore(at_once)
        self._born: asyncio.Queue[Pool] = asyncio.Queue()
        self._changed = asyncio.Event()

    def __iter__(self) -> Iterator[Pool]:
        return iter(tuple(self._pools.values()))

    @property
    def quiet(self) -> bool:
        return not any(pool.busy or pool.dirty.is_set() for pool in self._pools.values())

    async def idle(self) -> None:
        """Return when nothing is left to decide about."""
        while not self.quiet:
            self._changed.clear()
            await self._changed.wait()

    def mark(self, key: PoolKey) -> None:
        """Decide about this pool."""
        pool = self._pools.get(key)
        if pool is None:
            if not self._alive(key):
                return
            pool = self._pools[key] = Pool(key)
            self._born.put_nowait(pool)
        pool.dirty.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                pool = await self._born.get()
                group.create_task(self._work(pool), name=f"tide-{pool.key}")

    async def _work(self, pool: Pool) -> None:
        try:
            while self._alive(pool.key):
                await self._until_due(pool)
                pool.busy = True
                pool.dirty.clear()
                try:
                    async with self._slots:
                        await self._round_of(pool)
                    pool.failures = 0
                except Exception as error:  # noqa: BLE001 - one pool never stops the others
                    self._failed(pool, error)
                    self._say(error, "A pool could not be handled; it is tried again.", pool=str(pool.key))
                finally:
                    pool.busy = False
                    self._changed.set()
                await self._clock.sleep(_COALESCE)
        finally:
            self._pools.pop(pool.key, None)
            _drop_gauges(pool.key)
            self._changed.set()

    async def _until_due(self, pool: Pool) -> None:
        left = None if pool.again_at is None else max(0.0, (pool.again_at - self._clock.now()).total_seconds())
        try:
            async with self._clock.timeout(left):
                await pool.dirty.wait()
        except TimeoutError:
            pass

    def _failed(self, pool: Pool, error: Exception) -> None:
        pool.failures += 1
        now = self._clock.now()
        longest = error.longest if isinstance(error, Unauthenticated) else _LONGEST_PAUSE
        pool.again_at = now + timedelta(seconds=min(_FIRST_PAUSE * 2 ** (pool.failures - 1), longest))
        if isinstance(error, RateLimited):
            pool.again_at = error.until
        elif isinstance(error, Retry) and error.after is not None:
            pool.again_at = now + timedelta(seconds=error.after)
        pool.error = str(error) if isinstance(error, ProwError) else "an unexpected error; the log has it"
        metrics.POOL_ERRORS.labels(*pool.key).inc()


def _drop_gauges(pool: PoolKey) -> None:
    for gauge in metrics.GAUGES:
        try:
            gauge.remove(*pool)
        except KeyError:
            continue
