"""Waits for the marker files that the entrypoint leaves when a command is over (`spec/prowjobs-and-pods` §5.3, §5.4).

The folder is watched with inotify where there is one, and looked at every ten seconds in any case.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from prow.lib.clock import Clock
from prow.podutils import files

POLL_SECONDS = 10.0

SUCCESS = 0
INTERNAL_ERROR = 127
ABORTED = 130
PREVIOUS_FAILED = 1130
UNREADABLE = -1

_CREATED_OR_MOVED = 0x100 | 0x80
_NONBLOCKING_CLOEXEC = os.O_NONBLOCK | os.O_CLOEXEC
_LONGEST = 64


async def wait(markers: Sequence[str], clock: Clock) -> None:
    """Return when every marker exists."""
    changed = asyncio.Event()
    with _watched({str(Path(marker).parent) for marker in markers}, changed):
        while not all(os.path.lexists(marker) for marker in markers):
            changed.clear()
            try:
                async with clock.timeout(POLL_SECONDS):
                    await changed.wait()
            except TimeoutError:
                continue


def read(marker: str) -> tuple[int, str]:
    """Exit code of a marker and an error's text; a marker that cannot be read counts as -1."""
    try:
        text = files.read_small(marker, _LONGEST).decode("ascii")
        return int(text), ""
    except (OSError, ValueError, files.NotARegularFile) as error:
        return UNREADABLE, f"{marker}: {error}"


@contextmanager
def _watched(folders: set[str], changed: asyncio.Event) -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        descriptor = libc.inotify_init1(_NONBLOCKING_CLOEXEC)
    except AttributeError:
        descriptor = -1
    if descriptor < 0:
        yield
        return
    loop = asyncio.get_running_loop()

    def seen() -> None:
        os.read(descriptor, 1 << 16)
        changed.set()

    try:
        for folder in folders:
            libc.inotify_add_watch(descriptor, os.fsencode(folder), _CREATED_OR_MOVED)
        loop.add_reader(descriptor, seen)
        try:
            yield
        finally:
            loop.remove_reader(descriptor)
    finally:
        os.close(descriptor)
