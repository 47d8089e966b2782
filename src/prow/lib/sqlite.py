"""One SQLite file per room: WAL, one writer thread with group commit, reads on a second connection.

`Database.write(work)` queues `work(connection)` for the writer thread. Whatever is queued while a commit is under way goes
into the next transaction together, so many writers share one fsync; each returns only after its commit. Each work runs in
a savepoint of its own: an exception undoes that work alone and is raised to its caller. The file has mode 0600 and
`user_version` = number of migrations; a file of a newer program is refused.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

from prow.lib import open_work
from prow.lib.errors import ProwError, UsageError

T = TypeVar("T")

Work = Callable[[sqlite3.Connection], T]
_Item = tuple[Work[Any], asyncio.Future[Any]]
_Answer = tuple[asyncio.Future[Any], Any, BaseException | None]

_BATCH = 512
"""Works in one transaction at most: bounds how long the first of them waits for its commit."""


class DatabaseClosed(ProwError):
    """The database was closed while, or before, something was asked of it."""


class Database:
    """Made by `Database.open`. All methods may be called from any task of the loop that opened it."""

    def __init__(self, path: Path, synchronous: str, *, shrinks: bool = False) -> None:
        self.path = path
        self._synchronous = synchronous
        self._shrinks = shrinks
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_loop, name=f"sqlite-{path.name}", daemon=True)
        self._reads: sqlite3.Connection | None = None
        self._read_lock = threading.Lock()
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path,
        migrations: Sequence[str],
        *,
        synchronous: Literal["FULL", "NORMAL", "OFF"] = "FULL",
        shrinks: bool = False,
    ) -> Database:
        """Create or open `path` and bring it to the newest version. `UsageError` when that cannot be.

        `shrinks`: a file that is made can give free pages back to the disk (`PRAGMA incremental_vacuum`).
        """
        database = cls(path, synchronous, shrinks=shrinks)
        await open_work.in_thread(database._prepare_alone, tuple(migrations))
        database._writer.start()
        return database

    async def write(self, work: Work[T]) -> T:
        """Run `work` in the writer thread; returns after it is on disk (as `synchronous` promises)."""
        if self._closed:
            raise DatabaseClosed(f"{self.path.name} is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        with open_work.counted():
            self._queue.put((work, future))
            return await future

    async def read(self, work: Work[T]) -> T:
        """Run `work` in a thread on a connection that only reads."""
        return await open_work.in_thread(self._read, work)

    async def data_version(self) -> int:
        """A number that changes when another connection, also of another process, has committed."""
        return await self.read(lambda connection: int(connection.execute("PRAGMA data_version").fetchone()[0]))

    async def close(self) -> None:
        """Finish what is queued, fold the WAL back and close. Closing twice is fine."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            await open_work.in_thread(self._writer.join)
            await open_work.in_thread(self._close_reads)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
        connection.row_factory = sqlite3.Row
        if self._shrinks:  # has to come first: it is settled when the file gets its first page
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={self._synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
        # 16 MB of log: what is deleted before that is full, as most deliveries are, is never copied into the file.
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute("PRAGMA journal_size_limit=16777216")
        return connection

    def _prepare_alone(self, migrations: tuple[str, ...]) -> None:
        """Several processes that make one file at the same time take turns: SQLite does not wait when a file becomes WAL."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise UsageError(f"cannot open {self.path}: {error}; use another folder or mend its rights") from error
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            self._prepare(migrations)
        finally:
            os.close(folder)

    def _prepare(self, migrations: tuple[str, ...]) -> None:
        try:
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            connection = self._connect()
        except (OSError, sqlite3.Error) as error:
            raise UsageError(f"cannot open {self.path}: {error}; use another folder or mend its rights") from error
        try:
            connection.execute("BEGIN IMMEDIATE")
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            if version > len(migrations):
                connection.execute("ROLLBACK")
                raise UsageError(
                    f"{self.path} was written by a newer release (version {version}, this one knows {len(migrations)}): "
                    "run that release, or use another folder"
                )
            for number, script in enumerate(migrations[version:], start=version + 1):
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version={number}")
            connection.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{self.path} cannot be used: {error}; move it away to start afresh") from error
        finally:
            connection.close()

    def _read(self, work: Work[T]) -> T:
        with self._read_lock:
            if self._reads is None:
                if self._closed:
                    raise DatabaseClosed(f"{self.path.name} is closed")
                self._reads = self._connect()
                self._reads.execute("PRAGMA query_only=ON")
            return work(self._reads)

    def _close_reads(self) -> None:
        with self._read_lock:
            if self._reads is not None:
                self._reads.close()
                self._reads = None

    def _write_loop(self) -> None:
        connection = self._connect()
        stopping = False
        while not stopping:
            item = self._queue.get()
            batch: list[_Item] = []
            while True:
                if item is None:
                    stopping = True
                    break
                batch.append(item)
                if len(batch) >= _BATCH:
                    break
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            if batch:
                answers = _commit(connection, batch)
                with suppress(RuntimeError):  # the loop is closed: nobody waits
                    batch[0][1].get_loop().call_soon_threadsafe(_tell, answers)
        connection.close()


def _commit(connection: sqlite3.Connection, batch: list[_Item]) -> list[_Answer]:
    """Do all of it in one transaction; what came of each."""
    answers: list[_Answer] = []
    alone = len(batch) == 1  # then the transaction is its savepoint: each statement costs two changes of threads
    try:
        connection.execute("BEGIN IMMEDIATE")
        for work, future in batch:
            if not alone:
                connection.execute("SAVEPOINT work")
            try:
                answers.append((future, work(connection), None))
            except BaseException as error:  # noqa: BLE001 - it belongs to the caller of this work
                answers.append((future, None, error))
                connection.execute("ROLLBACK" if alone else "ROLLBACK TO work")
                if alone:
                    return answers
            if not alone:
                connection.execute("RELEASE work")
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return [(future, None, error) for _, future in batch]
    return answers


def _tell(answers: list[_Answer]) -> None:
    """In the loop, in the order of the writes."""
    for future, answer, error in answers:
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(answer)


def _statements(script: str) -> list[str]:
    """Split a migration at semicolons that end a statement; `executescript` would commit in between."""
    statements: list[str] = []
    current = ""
    for piece in script.split(";"):
        current = f"{current};{piece}" if current else piece
        if sqlite3.complete_statement(f"{current};"):
            if current.strip():
                statements.append(current)
            current = ""
    return statements
