"""How much work is open outside the event loop (threads, child processes): virtual time stands still meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_lock = threading.Lock()
_open = 0
_waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []


def count() -> int:
    return _open


async def none_left() -> None:
    """Wait until nothing is open. By the time the caller runs something may be open again."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    with _lock:
        if not _open:
            return
        _waiting.append((loop, done))
    await done


def _add(number: int) -> None:
    global _open  # noqa: PLW0603 - one number per process
    with _lock:
        _open += number
        if _open or not _waiting:
            return
        waiting = _waiting[:]
        _waiting.clear()
    for loop, done in waiting:
        with suppress(RuntimeError):  # its loop is closed
            loop.call_soon_threadsafe(_end, done)


def _end(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


@contextmanager
def counted() -> Iterator[None]:
    """Count the block as open work. Cheap enough for every database call."""
    _add(1)
    try:
        yield
    finally:
        _add(-1)


@contextmanager
def held_up() -> Iterator[None]:
    """The reverse, for who holds counted work up on purpose: a server of this process that answers slowly lets time pass."""
    _add(-1)
    try:
        yield
    finally:
        _add(1)


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a thread, counted; what `asyncio.to_thread` is without a clock."""
    with counted():
        return await asyncio.to_thread(work, *args, **kwargs)
