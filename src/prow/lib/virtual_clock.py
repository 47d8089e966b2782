"""The virtual twin of `SystemClock`: a simulated week is a test of a minute.

Time stands still while anything can still run. It jumps to the next deadline only when no callback of the loop is ready,
over several looks at the selector, and nothing is open that was marked with `busy()` (child processes, long I/O) or counted in
`lib.open_work` (database and storage threads do that by themselves).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta

from prow.lib import open_work

_LOOKS = 8
_START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class VirtualClock:
    """A `Clock` whose time passes only by jumps. Use one per event loop.

    `looks`: how often nothing must be ready in a row before time jumps. What is on its way through a socket is not seen at once; where
    there are none, two are enough.
    """

    def __init__(self, start: datetime = _START, *, looks: int = _LOOKS) -> None:
        self._looks = looks
        self._start = start
        self._elapsed = 0.0
        self._waits: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._driver: asyncio.Task[None] | None = None

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)  # noqa: TID251 - the one place below the clock
            return
        await self._at(self._elapsed + seconds)

    @asynccontextmanager
    async def timeout(self, seconds: float | None) -> AsyncIterator[None]:
        if seconds is None:
            yield
            return
        async with asyncio.timeout(None) as limit:  # noqa: TID251 - the one place below the clock
            loop = asyncio.get_running_loop()
            inside = True

            def strike(reached: asyncio.Future[None]) -> None:
                if inside and not reached.cancelled():
                    limit.reschedule(loop.time())

            reached = self._at(self._elapsed + seconds)
            reached.add_done_callback(strike)
            try:
                yield
            finally:
                inside = False
                reached.cancel()

    @contextmanager
    def busy(self) -> Iterator[None]:
        with open_work.counted():
            yield

    def _at(self, deadline: float) -> asyncio.Future[None]:
        """Done when that time has come."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waits, (deadline, next(self._order), future))
        if self._driver is None or self._driver.done():
            self._driver = asyncio.create_task(self._drive(), name="virtual-clock")
        return future

    async def _drive(self) -> None:
        while self._waits:
            await self._quiet()
            while self._waits and self._waits[0][2].done():
                heapq.heappop(self._waits)
            if not self._waits:
                return
            self._elapsed = max(self._elapsed, self._waits[0][0])
            while self._waits and self._waits[0][0] <= self._elapsed:
                future = heapq.heappop(self._waits)[2]
                if not future.done():
                    future.set_result(None)

    async def _quiet(self) -> None:
        """Return when nothing but the clock is left to run."""
        loop = asyncio.get_running_loop()
        ready: list[object] = loop._ready  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio shows it nowhere else
        looks = 0
        while looks < self._looks:
            await asyncio.sleep(0)  # noqa: TID251 - the one place below the clock
            if open_work.count():
                await open_work.none_left()
                looks = 0
            else:
                looks = 0 if ready else looks + 1
