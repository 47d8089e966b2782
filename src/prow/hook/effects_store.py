"""The effect ledger on disk: `plugin.effects.Effects` for one delivery and one consumer.

An intent is a row without an answer. It is on disk before the write, and its answer after it.
"""

from __future__ import annotations

import asyncio
import sqlite3

from prow.lib.clock import Clock
from prow.lib.sqlite import Database
from prow.plugin.effects import Act, Find, small, undone


class Ledger:
    """All effects of one inbox. `cause`: what they are for (`Context.cause`), in the column `guid`."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._db = database
        self._clock = clock
        self._locks: dict[tuple[str, str, str], asyncio.Lock] = {}

    def of(self, cause: str, consumer: str) -> DeliveryEffects:
        return DeliveryEffects(self, cause, consumer)

    async def once(self, cause: str, consumer: str, key: str, *, act: Act, find: Find | None) -> str:
        name = (cause, consumer, key)
        lock = self._locks.setdefault(name, asyncio.Lock())
        try:
            async with lock:
                return await self._once(name, act=act, find=find)
        finally:
            if not lock.locked():
                self._locks.pop(name, None)

    async def begun(self, cause: str, consumer: str, key: str) -> bool:
        name = (cause, consumer, key)
        found = await self._db.read(
            lambda connection: connection.execute(
                "SELECT 1 FROM effects WHERE guid = ? AND consumer = ? AND key = ?", name
            ).fetchone()
        )
        return found is not None

    async def _once(self, name: tuple[str, str, str], *, act: Act, find: Find | None) -> str:
        now = self._clock.now().timestamp()

        def intend(connection: sqlite3.Connection) -> tuple[bool, str | None]:
            row = connection.execute(
                "SELECT answer FROM effects WHERE guid = ? AND consumer = ? AND key = ?", name
            ).fetchone()
            if row is not None:
                return True, row[0]
            connection.execute("INSERT INTO effects (guid, consumer, key, at) VALUES (?, ?, ?, ?)", (*name, now))
            return False, None

        intended, answer = await self._db.write(intend)
        if answer is not None:
            return answer
        if intended and find is not None:
            answer = await find()
        if answer is None:
            try:
                answer = await act()
            except BaseException as error:
                if undone(error):
                    await self._db.write(lambda connection: _forget(connection, name))
                raise
        kept = small(answer)
        await self._db.write(lambda connection: _answer(connection, name, kept))
        return kept


class DeliveryEffects:
    """Implements `Effects`."""

    def __init__(self, ledger: Ledger, cause: str, consumer: str) -> None:
        self._ledger = ledger
        self._cause = cause
        self._consumer = consumer

    async def once(self, key: str, *, act: Act, find: Find | None = None) -> str:
        return await self._ledger.once(self._cause, self._consumer, key, act=act, find=find)

    async def begun(self, key: str) -> bool:
        return await self._ledger.begun(self._cause, self._consumer, key)


def _forget(connection: sqlite3.Connection, name: tuple[str, str, str]) -> None:
    connection.execute("DELETE FROM effects WHERE guid = ? AND consumer = ? AND key = ? AND answer IS NULL", name)


def _answer(connection: sqlite3.Connection, name: tuple[str, str, str], answer: str) -> None:
    connection.execute("UPDATE effects SET answer = ? WHERE guid = ? AND consumer = ? AND key = ?", (answer, *name))
