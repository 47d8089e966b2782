"""Waiting for what this process says in its logs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from prow.lib.clock import SystemClock

_PATIENCE = 20.0


class Listener(logging.Handler):
    """`count`: how often it was said, by whatever thread."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.count = 0
        self._text = text
        self._loop = asyncio.get_running_loop()
        self._said = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._text in record.getMessage():
            self._loop.call_soon_threadsafe(self._note)

    def _note(self) -> None:
        self.count += 1
        self._said.set()

    async def times(self, count: int) -> None:
        """Return when it was said so often."""
        async with SystemClock().timeout(_PATIENCE):
            while self.count < count:
                self._said.clear()
                await self._said.wait()


@contextmanager
def listening(text: str) -> Iterator[Listener]:
    """Hear in the block who says this."""
    listener = Listener(text)
    root = logging.getLogger("prow")
    level = root.level
    root.setLevel(min(root.getEffectiveLevel(), logging.INFO))
    root.addHandler(listener)
    try:
        yield listener
    finally:
        root.removeHandler(listener)
        root.setLevel(level)
