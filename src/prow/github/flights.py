"""Equal questions asked at the same time become one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Flight(Generic[V]):
    def __init__(self, rank: int, task: asyncio.Task[V]) -> None:
        self.rank = rank
        self.task = task
        self.waiting = 0
        self.held = False


class Flights(Generic[K, V]):
    """Work under way by key. When nobody waits for a flight any more it is cancelled."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._flights: dict[K, _Flight[V]] = {}
        self._tasks: set[asyncio.Task[V]] = set()

    async def join(self, key: K, work: Callable[[], Awaitable[V]], *, rank: int = 0) -> tuple[V, bool]:
        """What `work` gives, and whether somebody else's was joined. A flight of a higher `rank` (less urgent) is hurried, but
        not joined while it is held until its turn comes."""
        flight = self._flights.get(key)
        joined = flight is not None and (not flight.held or flight.rank <= rank)
        if flight is None or not joined:
            task: asyncio.Task[V] = asyncio.create_task(_awaited(work), name=self._name)
            self._tasks.add(task)
            flight = self._flights[key] = _Flight(rank, task)
            task.add_done_callback(lambda done, flight=flight: self._landed(key, flight, done))  # type: ignore[misc]
        flight.rank = min(flight.rank, rank)
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task), joined
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                flight.task.cancel()
                self._forget(key, flight)

    def rank(self, key: K, own: int) -> int:
        """In work that flies under this key: how urgent it is to the most urgent of those who wait for it."""
        flight = self._own(key)
        return own if flight is None else min(own, flight.rank)

    @contextmanager
    def held(self, key: K) -> Iterator[None]:
        """In work that flies under this key: its turn comes later."""
        flight = self._own(key)
        if flight is not None:
            flight.held = True
        try:
            yield
        finally:
            if flight is not None:
                flight.held = False

    def _own(self, key: K) -> _Flight[V] | None:
        flight = self._flights.get(key)
        return flight if flight is not None and flight.task is asyncio.current_task() else None

    def leave(self, outdated: Callable[[K], bool]) -> None:
        """Nobody joins these any more; whoever waits for them still gets what they bring."""
        for key in [key for key in self._flights if outdated(key)]:
            del self._flights[key]

    async def aclose(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _landed(self, key: K, flight: _Flight[V], task: asyncio.Task[V]) -> None:
        self._tasks.discard(task)
        self._forget(key, flight)
        if not task.cancelled():
            task.exception()

    def _forget(self, key: K, flight: _Flight[V]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


async def _awaited(work: Callable[[], Awaitable[V]]) -> V:
    return await work()
