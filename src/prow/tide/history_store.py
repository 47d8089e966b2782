"""Keeps tide's history between runs: one JSON object, in a bucket or a file (`--history-uri`, `spec/tide` §6.1)."""

from __future__ import annotations

from typing import Protocol

import msgspec

from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError
from prow.storage.ports import ObjectNotFound
from prow.tide.history import History, Record

_log = logs.get("tide")
_WRITE_DEADLINE = 30.0


class Objects(Protocol):
    async def get(self, path: str) -> bytes: ...

    async def put(self, path: str, data: bytes, *, content_type: str = "") -> None: ...


class HistoryStore:
    """`uri` empty: the history lives in memory alone."""

    def __init__(self, uri: str, objects: Objects | None, *, longest: int = 1000, clock: Clock) -> None:
        self._uri = uri if objects is not None else ""
        self._objects = objects
        self._longest = longest
        self._clock = clock
        self._unwritten = False
        self.history = History(longest=longest)

    async def load(self) -> None:
        """Read what was kept. An object that is no history is put aside, loudly, and the history begins anew."""
        if not self._uri or self._objects is None:
            return
        try:
            data = await self._objects.get(self._uri)
        except ObjectNotFound:
            return
        try:
            self.history = History.read(data, longest=self._longest)
        except (msgspec.DecodeError, ValueError) as error:
            aside = f"{self._uri}.unreadable"
            _log.error(
                "The kept history cannot be read; it is put aside.", uri=self._uri, aside=aside, error=str(error)
            )
            await self._objects.put(aside, data)

    def add(self, pool: str, record: Record) -> None:
        self.history.add(pool, record)
        self._unwritten = True

    async def write(self) -> None:
        """Write what was added since the last time; a failure is logged, and the next write has it all."""
        if not self._unwritten or not self._uri or self._objects is None:
            return
        self._unwritten = False
        try:
            async with self._clock.timeout(_WRITE_DEADLINE):
                await self._objects.put(self._uri, self.history.json(), content_type="application/json")
        except (ProwError, TimeoutError) as error:
            self._unwritten = True
            _log.warning("The history could not be written.", uri=self._uri, error=str(error))
