"""The cache of answers in a file: one SQLite database that all processes of a machine may share (docs/decisions/0011).

What is kept can always be had again, so nothing waits for the disk (`synchronous=OFF`), a damaged file is put aside and made
anew, and trouble with the file is said and then means "not in the cache". The bound is on the pages that SQLite uses; the
least recently used go first, and what they leave is given back to the disk little by little. The file's name has the version of its layout: another release has a file of its own.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import zlib
from pathlib import Path
from typing import Self

import msgspec

from prow.github.cache import Kept, Key
from prow.lib import logs, open_work
from prow.lib.clock import Clock
from prow.lib.errors import UsageError
from prow.lib.sqlite import Database, DatabaseClosed

_log = logs.get("github")

NAME = "github-cache-1.db"
_MIGRATIONS = (
    """
    CREATE TABLE answers (
      id INTEGER PRIMARY KEY,
      key BLOB NOT NULL UNIQUE,
      used INTEGER NOT NULL,
      stored REAL NOT NULL,
      token TEXT NOT NULL,
      headers BLOB NOT NULL
    );
    CREATE INDEX answers_used ON answers (used);
    CREATE TABLE bodies (
      id INTEGER PRIMARY KEY REFERENCES answers (id) ON DELETE CASCADE,
      packed INTEGER NOT NULL,
      body BLOB NOT NULL
    );
    """,
)
_GET = "SELECT id, used, stored, token, headers, packed, body FROM answers JOIN bodies USING (id) WHERE key = ?"
_WORTH_PACKING = 2048
_BATCH = 16
_MOST_AT_ONCE = 256
"""Entries that one write may evict: it bounds how long it holds the file."""
_SPARE = 1 << 20
"""Bytes that the file keeps for what comes next; more it gives back to the disk."""
_GIVEN_BACK = 512
"""Pages that one write may give back: it bounds how long it holds the file."""
_USED_EVERY = 300
"""Seconds; use is noted no more often, so that reading seldom writes."""
_MOST_NOTES = 64
_SAY_AGAIN = 60.0
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_headers = msgspec.json.Decoder(dict[str, str])


class DiskCache:
    """Made by `open`. `max_bytes`: of the file."""

    def __init__(self, path: Path, database: Database, *, max_bytes: int, clock: Clock, used_every: int) -> None:
        self._path = path
        self._database = database
        self._inode = _inode(path)
        self._max = max_bytes
        self._clock = clock
        self._used_every = used_every
        self._mending = asyncio.Lock()
        self._said: float | None = None
        self._notes: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, folder: Path, *, max_bytes: int, clock: Clock, used_every: int = _USED_EVERY) -> Self:
        """In that folder, which is made. `UsageError` when it cannot be written."""
        path = folder / NAME
        return cls(path, await _opened(path), max_bytes=max_bytes, clock=clock, used_every=used_every)

    @property
    def path(self) -> Path:
        return self._path

    @property
    def largest(self) -> int:
        return min(self._max // 8, 16 << 20)

    async def get(self, key: Key) -> Kept | None:
        digest, database = key.digest, self._database
        try:
            found = await database.read(lambda connection: _read(connection, digest))
            if found is None:
                return None
            kept, row, used = found
            now = int(self._clock.now().timestamp())
            if now - used >= self._used_every and len(self._notes) < _MOST_NOTES:
                note = asyncio.create_task(self._note_use(database, row, now), name="cache-use")
                self._notes.add(note)
                note.add_done_callback(self._notes.discard)
            return kept
        except (sqlite3.Error, zlib.error, msgspec.DecodeError, DatabaseClosed) as error:
            await self._failed(database, error)
            return None

    async def _note_use(self, database: Database, row: int, now: int) -> None:
        """Nobody waits for it."""
        try:
            await database.write(
                lambda connection: connection.execute("UPDATE answers SET used = ? WHERE id = ?", (now, row))
            )
        except (sqlite3.Error, DatabaseClosed) as error:
            await self._failed(database, error)

    async def put(self, key: Key, kept: Kept) -> None:
        digest, database = key.digest, self._database
        now = int(self._clock.now().timestamp())
        try:
            await database.write(lambda connection: self._write(connection, digest, kept, now))
        except (sqlite3.Error, DatabaseClosed) as error:
            await self._failed(database, error)

    async def drop(self, key: Key) -> None:
        digest, database = key.digest, self._database
        try:
            await database.write(lambda connection: connection.execute("DELETE FROM answers WHERE key = ?", (digest,)))
        except (sqlite3.Error, DatabaseClosed) as error:
            await self._failed(database, error)

    async def count(self) -> int:
        """Entries, for whoever looks inside."""
        return await self._database.read(
            lambda connection: int(connection.execute("SELECT count(*) FROM answers").fetchone()[0])
        )

    async def aclose(self) -> None:
        await asyncio.gather(*self._notes, return_exceptions=True)
        await self._database.close()

    def _write(self, connection: sqlite3.Connection, digest: bytes, kept: Kept, now: int) -> None:
        """In the writer thread."""
        body, packed = kept.body, False
        if len(body) >= _WORTH_PACKING and "content-encoding" not in kept.headers:
            body = min(body, zlib.compress(body, 1), key=len)
            packed = body is not kept.body
        connection.execute("DELETE FROM answers WHERE key = ?", (digest,))
        cursor = connection.execute(
            "INSERT INTO answers (key, used, stored, token, headers) VALUES (?, ?, ?, ?, ?)",
            (digest, now, kept.stored, kept.token, msgspec.json.encode(kept.headers)),
        )
        connection.execute("INSERT INTO bodies (id, packed, body) VALUES (?, ?, ?)", (cursor.lastrowid, packed, body))
        for _ in range(_MOST_AT_ONCE // _BATCH):
            used, free = _bytes(connection)
            if used <= self._max:
                break
            connection.execute(
                "DELETE FROM answers WHERE id IN (SELECT id FROM answers ORDER BY used, id LIMIT ?)", (_BATCH,)
            )
        if free > max(_SPARE, used // 8):
            for _ in range(_GIVEN_BACK):  # whatever number it is told, it gives back a page each time it is asked
                connection.execute("PRAGMA incremental_vacuum(1)")

    async def _failed(self, database: Database, error: Exception) -> None:
        """Say it, and begin afresh when the file is damaged."""
        now = self._clock.monotonic()
        if self._said is None or now - self._said >= _SAY_AGAIN:
            self._said = now
            _log.warning("The cache of GitHub's answers cannot be used.", path=str(self._path), error=str(error))
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            return
        async with self._mending:
            if self._database is not database:
                return
            await database.close()
            await open_work.in_thread(_put_aside, self._path, self._inode)
            try:
                self._database = await _opened(self._path)
            except UsageError as failed:
                _log.warning("The cache of GitHub's answers is off.", path=str(self._path), error=str(failed))
                return
            self._inode = _inode(self._path)


async def _opened(path: Path) -> Database:
    try:
        return await Database.open(path, _MIGRATIONS, synchronous="OFF", shrinks=True)
    except UsageError as error:
        if getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            raise
        _log.warning("The cache of GitHub's answers is damaged; it is put aside and made anew.", path=str(path))
    await open_work.in_thread(_put_aside, path, _inode(path))
    return await Database.open(path, _MIGRATIONS, synchronous="OFF", shrinks=True)


def _read(connection: sqlite3.Connection, digest: bytes) -> tuple[Kept, int, int] | None:
    row = connection.execute(_GET, (digest,)).fetchone()
    if row is None:
        return None
    body = zlib.decompress(row["body"]) if row["packed"] else row["body"]
    kept = Kept(body=body, headers=_headers.decode(row["headers"]), token=row["token"], stored=row["stored"])
    return kept, row["id"], row["used"]


def _bytes(connection: sqlite3.Connection) -> tuple[int, int]:
    """Used, and free for what comes next."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size, free * size


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _put_aside(path: Path, inode: int) -> None:
    """Unless another process did so already and made a new file."""
    if _inode(path) != inode:
        return
    for tail in ("-wal", "-shm"):
        path.with_name(path.name + tail).unlink(missing_ok=True)
    os.replace(path, path.with_name(path.name + ".damaged"))  # noqa: PTH105 - one call that cannot half happen
