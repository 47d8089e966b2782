"""Blocking work of the pod utilities, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from prow.lib import open_work

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """`asyncio.to_thread`, counted as open work so that virtual time waits for it."""
    with open_work.counted():
        return await asyncio.to_thread(work, *args, **kwargs)
