"""Answers of something that may be slow or away: asked by one reader at a time, the last good answer kept."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from prow.lib.clock import Clock
from prow.lib.errors import ProwError

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class Known(msgspec.Struct, Generic[T], frozen=True):
    """`value`: the last good answer, if there was one. `error`: why there is no newer one; `since`: how old `value` is, then."""

    value: T | None = None
    error: str = ""
    since: datetime | None = None


class Fresh(Generic[T]):
    """One question. Readers that come while it is being asked again share the answer that begins after they came."""

    def __init__(self, ask: Callable[[], Awaitable[T]], *, clock: Clock) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = asyncio.Lock()
        self._begun = 0
        self._asked: float | None = None
        self._good_at: datetime | None = None
        self._known: Known[T] = Known()

    async def get(self, *, max_age: float = 0.0) -> Known[T]:
        """What is known, asked for not longer than `max_age` seconds ago."""
        begun = self._begun
        if not self._is_fresh(max_age):
            async with self._lock:
                if self._begun == begun and not self._is_fresh(max_age):
                    self._begun += 1
                    await self._renew()
        return self._known

    def _is_fresh(self, max_age: float) -> bool:
        return bool(max_age) and self._asked is not None and self._clock.monotonic() - self._asked <= max_age

    async def _renew(self) -> None:
        asked = self._clock.monotonic()
        try:
            value = await self._ask()
        except ProwError as error:
            self._known = Known(self._known.value, str(error), self._good_at)
        else:
            self._good_at = self._clock.now()
            self._known = Known(value)
        self._asked = asked


class FreshByKey(Generic[K, T]):
    """A question per key; the longest unasked keys are forgotten beyond `most`."""

    def __init__(self, ask: Callable[[K], Awaitable[T]], *, clock: Clock, most: int = 500) -> None:
        self._ask = ask
        self._clock = clock
        self._most = most
        self._answers: OrderedDict[K, Fresh[T]] = OrderedDict()

    async def get(self, key: K, *, max_age: float = 0.0) -> Known[T]:
        answers = self._answers
        if key not in answers:
            answers[key] = Fresh(lambda: self._ask(key), clock=self._clock)
            if len(answers) > self._most:
                answers.popitem(last=False)
        answers.move_to_end(key)
        return await answers[key].get(max_age=max_age)
