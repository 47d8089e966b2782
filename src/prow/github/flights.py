"""Equal questions asked at the same time become one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class _Flight(Generic[V]):
    def __init__(self, rank: int, task: asyncio.Task[V]) -> None:
        self.rank = rank
        self.task = task
        self.waiting = 0


class Flights(Generic[K, V]):
    """Work under way by key. When nobody waits for a flight any more it is cancelled."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._flights: dict[K, _Flight[V]] = {}
        self._tasks: set[asyncio.Task[V]] = set()

    async def join(self, key: K, work: Callable[[], Awaitable[V]], *, rank: int = 0) -> tuple[V, bool]:
        """What `work` gives, and whether somebody else's was joined. A flight of a higher `rank` (less urgent) is not joined."""
        flight = self._flights.get(key)
        joined = flight is not None and flight.rank <= rank
        if flight is None or not joined:
            task: asyncio.Task[V] = asyncio.create_task(_awaited(work), name=self._name)
            self._tasks.add(task)
            flight = self._flights[key] = _Flight(rank, task)
            task.add_done_callback(lambda done, flight=flight: self._landed(key, flight, done))  # type: ignore[misc]
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task), joined
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                flight.task.cancel()
                self._forget(key, flight)

    def clear(self) -> None:
        """Nobody joins what is under way now; whoever waits for it still gets it."""
        self._flights.clear()

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
