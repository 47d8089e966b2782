"""What an identity did at GitHub lately, in a file that all processes of a machine share (docs/decisions/0012).

One small file is mapped into the memory of each process: a page for each identity, with what its windows count. To look and to
book takes microseconds and no system call but the lock, so every call to GitHub can afford it; what was counted outlives the process. The
lock is the kernel's, like the leases of places in flight: a process that is killed leaves neither behind. Nothing waits for a
process that was stopped with the lock in its hands. Without a file the same pages are in the memory of this process.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
import platform
import struct
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

from prow.lib import logs

_log = logs.get("github")

NAME = "github-limits-1"
"""With the version of its layout: releases side by side have a file each."""
_FLOATS = 512
_PAGES = 256
_SIZE = _PAGES * _FLOATS * 8
_FORGOTTEN = 3 * 3600.0
"""Seconds after which nothing on a page counts any more: it may be another identity's."""
_TRIES = 200
KEY, USED, TOLD, FIRST = range(4)
"""What the first numbers of a page are: whose it is, when it was used last, until when GitHub wants to hear nothing, the windows."""
_LINUX = "Linux"
_FLOCK = "hhqqi4x"
_LEASES_EACH = 16

Page: TypeAlias = "memoryview[float]"


class Ledger:
    """Of this process, unless it was made by `open`. As a context it keeps other processes from the pages; it is not entered twice."""

    def __init__(self, fd: int | None = None) -> None:
        self._fd = fd
        self._floats = memoryview(mmap.mmap(fd, _SIZE)).cast("d") if fd is not None else None
        self._alone: dict[int, Page] = {}
        self._locked = False

    @classmethod
    def open(cls, folder: Path, *, system: str = platform.system()) -> Ledger:
        """In that folder, which is made. What cannot be shared is said, and counted in this process."""
        path = folder / NAME
        try:
            if system != _LINUX:
                raise OSError(errno.ENOTSUP, f"leases of places are locks that {_LINUX} alone has")
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.ftruncate(fd, _SIZE)
                return cls(fd)
            except BaseException:
                os.close(fd)
                raise
        except OSError as error:
            _log.warning(
                "What is written at GitHub is counted in this process alone.", path=str(path), error=error.strerror
            )
            return cls()

    @property
    def shared(self) -> bool:
        return self._fd is not None

    def close(self) -> None:
        """Give the leases back; what is counted from now on is of this process."""
        fd, self._fd, self._floats = self._fd, None, None
        if fd is not None:
            os.close(fd)

    def __enter__(self) -> None:
        if self._fd is None:
            return
        for _ in range(_TRIES):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.sched_yield()
            else:
                self._locked = True
                return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._locked and self._fd is not None:
            fcntl.flock(self._fd, fcntl.LOCK_UN)
        self._locked = False

    def page(self, key: int, now: float) -> Page:
        """An identity's, from `key_of`. It is the identity's as long as it says so in KEY and USED is kept up to date."""
        if self._floats is not None:
            free = None
            for start in range(0, _PAGES * _FLOATS, _FLOATS):
                if self._floats[start + KEY] == key:
                    return self._floats[start : start + _FLOATS]
                if free is None and not abs(now - self._floats[start + USED]) < _FORGOTTEN:
                    free = start
            if free is not None:
                page = self._floats[free : free + _FLOATS]
                for place in range(_FLOATS):
                    page[place] = 0.0
                page[KEY], page[USED] = key, now
                return page
        page = self._alone.get(key) or memoryview(bytearray(_FLOATS * 8)).cast("d")
        page[KEY] = key
        return self._alone.setdefault(key, page)

    def lease(self, key: int, place: int) -> bool:
        """Whether that place (below 16) of an identity is this process' now: until `give_back`, or its end."""
        assert self._fd is not None
        try:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _lock(fcntl.F_WRLCK, key, place))
        except (BlockingIOError, PermissionError):
            return False
        return True

    def give_back(self, key: int, place: int) -> None:
        if self._fd is not None:
            fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _lock(fcntl.F_UNLCK, key, place))


def key_of(identity: str) -> int:
    """What stands for an identity on its page: a whole number that a float can hold."""
    return int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=6).digest()) or 1


def _lock(kind: int, key: int, place: int) -> bytes:
    return struct.pack(_FLOCK, kind, os.SEEK_SET, key * _LEASES_EACH + place, 1, 0)
