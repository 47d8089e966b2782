"""How much work is open outside the event loop (threads, child processes): virtual time stands still meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

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
