"""Waiting for what somebody says: this process in its logs, or any process in a file."""

from __future__ import annotations

import asyncio
import ctypes
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prow.lib.clock import SystemClock

_PATIENCE = 20.0
_WATCHED = 4
"""Folders above a file that may be made later."""
_GROWN = 0x2 | 0x100 | 0x80
"""inotify: modified, created, moved to."""


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


async def file_says(file: Path, text: str) -> None:
    """Return when the file has this text; it and its folders may be made later. inotify tells when to look again."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    changed = asyncio.Event()

    def seen() -> None:
        os.read(descriptor, 1 << 16)
        changed.set()

    def look() -> str:
        for folder in reversed(file.parents[:_WATCHED]):
            libc.inotify_add_watch(descriptor, os.fsencode(folder), _GROWN)
        return file.read_text() if file.exists() else ""

    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, seen)
    try:
        async with SystemClock().timeout(_PATIENCE):
            while text not in await asyncio.to_thread(look):
                await changed.wait()
                changed.clear()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
