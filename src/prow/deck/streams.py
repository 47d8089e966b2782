"""Server-sent events: the streams that keep pages current, and their common end when deck stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import msgspec
from starlette.responses import StreamingResponse

from prow.deck.answers import NO_STORE
from prow.lib.clock import Clock

T = TypeVar("T")
KEEP_ALIVE = 15.0
LOOK_EVERY = 0.5
"""Seconds between two looks at something that does not say when it changes."""
_COALESCE = 0.1
HERE = ": here\n\n"
STILL_HERE = ": still here\n\n"


def event(name: str, data: Mapping[str, object]) -> str:
    return f"event: {name}\ndata: {msgspec.json.encode(data).decode()}\n\n"


def event_stream(events: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(events, media_type="text/event-stream", headers={**NO_STORE, "X-Accel-Buffering": "no"})


class Streams:
    """What all streams of one deck share. After `close()` every stream ends by itself."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._closing = asyncio.Event()

    def close(self) -> None:
        self._closing.set()

    @property
    def closed(self) -> bool:
        return self._closing.is_set()

    async def next_of(self, changes: AsyncIterator[T], *, within: float = KEEP_ALIVE) -> T | None:
        """The next change; None when the time is over or deck stops."""
        closing = asyncio.ensure_future(self._closing.wait())
        change = asyncio.ensure_future(anext(changes))
        pause = asyncio.ensure_future(self._clock.sleep(within))
        tasks: tuple[asyncio.Future[Any], ...] = (closing, change, pause)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            return change.result() if change in done else None
        finally:
            for task in tasks:
                task.cancel()

    async def values(
        self, look: Callable[[], Awaitable[T]], woken: Callable[[float], Awaitable[None]] | None = None
    ) -> AsyncIterator[T | None]:
        """What `look` sees, first now, then whenever it is another value; None: a sign of life is due.

        `woken(seconds)` returns when it is worth looking again, after that time at the latest.
        """
        seen = await look()
        yield seen
        quiet = 0.0
        while not self._closing.is_set():
            before = self._clock.monotonic()
            await (woken or self.pause)(LOOK_EVERY)
            if self._closing.is_set():
                return
            new = await look()
            if new != seen:
                seen, quiet = new, 0.0
                yield new
                await self._clock.sleep(_COALESCE)
                continue
            quiet += self._clock.monotonic() - before
            if quiet >= KEEP_ALIVE:
                quiet = 0.0
                yield None

    async def pause(self, seconds: float) -> None:
        """Wait that long, but not beyond the end of deck."""
        with suppress(TimeoutError):
            async with self._clock.timeout(seconds):
                await self._closing.wait()
