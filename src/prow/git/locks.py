"""Locks between the processes of a machine, as files beside what they guard. They are never removed, so nobody locks a file that is gone.

A mirror has three. The fetch lock: held by the one who gets commits and writes refs. The contents lock: held by the one who gets file contents.
The use lock: shared by everybody who reads or fetches, held alone by who takes the whole mirror away. A lock ends with the process that holds it, however that ends.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from prow.git.errors import GitFailed
from prow.lib.clock import Clock

_POLL = 0.05
_TOUCHED = 60.0


@asynccontextmanager
async def held(path: Path, clock: Clock, *, shared: bool = False) -> AsyncIterator[None]:
    """Hold the lock; waits for others without holding a thread. Raises GitFailed where the file cannot be made."""
    handle = _opened(path)
    try:
        while not _taken(handle, shared=shared):
            await clock.sleep(_POLL)
        yield
    finally:
        os.close(handle)


@contextmanager
def held_if_free(path: Path) -> Iterator[bool]:
    """Hold the lock alone when nobody else has it; whether that is so."""
    handle = _opened(path)
    try:
        yield _taken(handle, shared=False)
    finally:
        os.close(handle)


class Alone:
    """One at a time, of this process and of all."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        async with self._lock, held(self._path, self._clock):
            yield


class UseLock:
    """Of one mirror. Who wants it alone goes before those readers of this process that come later."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._open = asyncio.Event()
        self._open.set()
        self._told = float("-inf")

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[None]:
        await self._open.wait()
        async with held(self._path, self._clock, shared=True):
            self._tell()
            yield

    @asynccontextmanager
    async def joined(self) -> AsyncIterator[None]:
        """Share it on behalf of somebody who does: who wants it alone waits for both."""
        async with held(self._path, self._clock, shared=True):
            yield

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[None]:
        self._open.clear()
        try:
            async with held(self._path, self._clock):
                yield
        finally:
            self._open.set()

    def _tell(self) -> None:
        """The file's time says when the mirror was used last, for all processes."""
        now = self._clock.monotonic()
        if now - self._told >= _TOUCHED:
            self._told = now
            at = self._clock.now().timestamp()
            try:
                os.utime(self._path, (at, at))
            except OSError as error:
                raise GitFailed(f"{self._path} cannot be marked: {error.strerror}") from None


def fetch_lock(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def contents_lock(folder: Path) -> Path:
    return folder.with_suffix(".files")


def use_lock(folder: Path) -> Path:
    return folder.with_suffix(".use")


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        try:
            return os.open(path, flags, 0o600)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            return os.open(path, flags, 0o600)
    except OSError as error:
        raise GitFailed(f"{path} cannot be opened: {error.strerror}") from None


def _taken(handle: int, *, shared: bool) -> bool:
    try:
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
