"""Time as a parameter.

Everything that waits or asks for the time gets a `Clock`; `asyncio.sleep`, `asyncio.timeout`, `loop.time` and `time.time`
are banned elsewhere by lint. `SystemClock` is the real one. `VirtualClock` (in `lib.virtual_clock`) is its twin for tests.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time, and waiting for it. All durations are seconds."""

    def now(self) -> datetime:
        """The wall clock, in UTC, with microseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds since an arbitrary point; never goes backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long; 0 lets other tasks run once."""
        ...

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        """Raise `TimeoutError` from the block when it takes longer; None: no limit."""
        ...

    def busy(self) -> AbstractContextManager[None]:
        """Mark I/O, a thread or a child process as open: virtual time stands still meanwhile. Free on the real clock."""
        ...


class SystemClock:
    """The clock of the machine and of the running event loop."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def timeout(self, seconds: float | None) -> AbstractAsyncContextManager[object]:
        return asyncio.timeout(seconds)

    def busy(self) -> AbstractContextManager[None]:
        return nullcontext()
