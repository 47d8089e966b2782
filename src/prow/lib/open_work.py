"""How much work is open outside the event loop (threads, child processes): virtual time stands still meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_lock = threading.Lock()
_open = 0


def count() -> int:
    return _open


@contextmanager
def counted() -> Iterator[None]:
    """Count the block as open work. Cheap enough for every database call."""
    global _open  # noqa: PLW0603 - one number per process
    with _lock:
        _open += 1
    try:
        yield
    finally:
        with _lock:
            _open -= 1


@contextmanager
def held_up() -> Iterator[None]:
    """The reverse, for who holds counted work up on purpose: a server of this process that answers slowly lets time pass."""
    global _open  # noqa: PLW0603 - one number per process
    with _lock:
        _open -= 1
    try:
        yield
    finally:
        with _lock:
            _open += 1


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a thread, counted; what `asyncio.to_thread` is without a clock."""
    with counted():
        return await asyncio.to_thread(work, *args, **kwargs)
