"""Labels that handlers of one delivery add at about the same time, in one call.

An addition waits until every handler that still runs waits for one, too, or has ended; at most a moment, so that a slow handler
holds nobody up. All that waited share the call and its outcome.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

from prow.lib.clock import Clock

MOMENT = 0.25
"""Seconds that an addition waits for others at most."""

Write = Callable[[Sequence[str]], Awaitable[object]]


class _Batch:
    def __init__(self, write: Write) -> None:
        self.labels: list[str] = []
        self.calls = 0
        self.write = write
        self.full = asyncio.Event()
        self.task: asyncio.Task[None] | None = None


class LabelWrites:
    """Of one delivery. `handlers`: how many will run; without a clock nothing waits."""

    def __init__(self, clock: Clock | None = None, *, joined: Callable[[int], None] = lambda _calls: None) -> None:
        """`joined` is told how many calls were saved."""
        self._clock = clock
        self._joined = joined
        self._handlers = 0
        self._batch: _Batch | None = None

    def expect(self, handlers: int) -> None:
        """So many handlers are about to run."""
        self._handlers += handlers

    @contextmanager
    def handling(self) -> Iterator[None]:
        """One of the expected handlers runs in this block."""
        try:
            yield
        finally:
            self._handlers -= 1
            self._look()

    async def add(self, labels: Sequence[str], write: Write) -> None:
        """Return when they are added. One who is cancelled does not stop the call of the others."""
        batch = self._batch
        if batch is None:
            batch = self._batch = _Batch(write)
            batch.task = asyncio.create_task(self._run(batch), name="labels")
            batch.task.add_done_callback(_seen)
        batch.labels += [label for label in labels if label not in batch.labels]
        batch.calls += 1
        self._look()
        assert batch.task is not None
        await asyncio.shield(batch.task)

    def _look(self) -> None:
        if self._batch is not None and self._batch.calls >= self._handlers:
            self._batch.full.set()

    async def _run(self, batch: _Batch) -> None:
        if self._clock is not None:
            try:
                async with self._clock.timeout(MOMENT):
                    await batch.full.wait()
            except TimeoutError:
                pass
        self._batch = None
        if batch.calls > 1:
            self._joined(batch.calls - 1)
        await batch.write(tuple(batch.labels))


def _seen(task: asyncio.Task[None]) -> None:
    """Its error belongs to those who waited; when all of them gave up, to nobody."""
    if not task.cancelled():
        task.exception()
