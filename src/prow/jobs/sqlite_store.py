"""The job store in SQLite: Kubernetes' contract (`jobs.store`) for one machine, shared by several processes.

A job's row holds its JSON; `changes` is the log that watches read: one row per change with the object as it was after it. The
resourceVersion is the number of the change. Changes older than the horizon are dropped, and a watch that begins
before it is answered `Gone`. A commit of this process wakes its watches at once; commits of other processes are noticed
by `PRAGMA data_version`, looked at every 100 ms.
"""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from prow.jobs import selector as selectors
from prow.jobs import validate
from prow.jobs.store import AlreadyExists, Change, Conflict, Gone, InvalidJob, JobChange, JobList, NotFound
from prow.lib.clock import Clock
from prow.lib.sqlite import Database, Work
from prow.model.base import go_time, to_json
from prow.model.prowjob import ObjectMeta, ProwJob

MIGRATIONS = (
    """
    CREATE TABLE jobs (name TEXT PRIMARY KEY, version INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE changes (version INTEGER PRIMARY KEY AUTOINCREMENT, change TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL);
    """,
)
HORIZON = 20_000
"""Changes that are kept for watches."""
_TRIM_EVERY = 500
_POLL = 0.1
_BATCH = 200
_BOOKMARK_EVERY = 60.0

T = TypeVar("T")

_decoder = msgspec.json.Decoder(ProwJob)


class SQLiteJobStore:
    """Implements `JobStore`. `namespace`: what every job gets, as there is one namespace per store."""

    def __init__(self, database: Database, *, clock: Clock, namespace: str = "default", horizon: int = HORIZON) -> None:
        self._db = database
        self._clock = clock
        self._namespace = namespace
        self._horizon = horizon
        self._changed = asyncio.Event()
        self._waiting = 0
        self._poller: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, path: Path, *, clock: Clock, namespace: str = "default") -> SQLiteJobStore:
        return cls(await Database.open(path, MIGRATIONS), clock=clock, namespace=namespace)

    async def close(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
        await self._db.close()

    async def create(self, job: ProwJob) -> ProwJob:
        """Store a new job; its uid, creation time and resourceVersion are given here."""
        validate.check(job)
        meta = msgspec.structs.replace(
            job.metadata,
            namespace=self._namespace,
            uid=str(uuid.uuid4()),
            creation_timestamp=go_time(self._clock.now()),
            deletion_timestamp=None,
        )

        def work(connection: sqlite3.Connection) -> ProwJob:
            if connection.execute("SELECT 1 FROM jobs WHERE name = ?", (job.name,)).fetchone():
                raise AlreadyExists(f"prowjobs {job.name} already exists")
            return self._log(connection, Change.ADDED, msgspec.structs.replace(job, metadata=meta))

        return await self._write(work)

    async def get(self, name: str) -> ProwJob:
        return await self._db.read(lambda connection: _load(connection, name))

    async def list(self, selector: str = "") -> JobList:
        matches = selectors.parse(selector)

        def work(connection: sqlite3.Connection) -> tuple[list[bytes], int]:
            connection.execute("BEGIN")
            try:
                rows = connection.execute("SELECT body FROM jobs ORDER BY version").fetchall()
                return [row[0] for row in rows], _newest(connection)
            finally:
                connection.execute("COMMIT")

        bodies, version = await self._db.read(work)
        items: list[ProwJob] = []
        for position, body in enumerate(bodies):
            if position % _BATCH == _BATCH - 1:
                await self._clock.sleep(0)
            job = _decoder.decode(body)
            if matches(job.metadata.labels):
                items.append(job)
        return JobList(tuple(items), str(version))

    async def update(self, job: ProwJob) -> ProwJob:
        """Replace the whole object; `Conflict` when its resourceVersion is given and not the newest."""
        validate.check(job)

        def work(connection: sqlite3.Connection) -> ProwJob:
            old = _load(connection, job.name)
            _expect(old, job.metadata.resource_version)
            return self._replace(connection, old, job)

        return await self._write(work)

    async def patch(self, name: str, merge_patch: Mapping[str, Any], *, resource_version: str = "") -> ProwJob:
        def work(connection: sqlite3.Connection) -> ProwJob:
            old = _load(connection, name)
            _expect(old, resource_version)
            try:
                new = msgspec.convert(merged(msgspec.json.decode(to_json(old)), merge_patch), ProwJob, strict=True)
            except msgspec.ValidationError as error:
                raise InvalidJob(f"ProwJob {name}: {error}") from error
            validate.check(new)
            return self._replace(connection, old, new)

        return await self._write(work)

    async def delete(self, name: str, *, resource_version: str = "") -> None:
        """Delete, or mark for deletion while there are finalizers."""

        def work(connection: sqlite3.Connection) -> None:
            old = _load(connection, name)
            _expect(old, resource_version)
            if not old.metadata.finalizers:
                self._remove(connection, old)
            elif old.metadata.deletion_timestamp is None:
                meta = msgspec.structs.replace(old.metadata, deletion_timestamp=go_time(self._clock.now()))
                self._log(connection, Change.MODIFIED, msgspec.structs.replace(old, metadata=meta))

        await self._write(work)

    async def watch(self, since: str, selector: str = "") -> AsyncIterator[JobChange]:
        matches = selectors.parse(selector)
        version = int(since or "0")
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll(), name="job-store-poll")
        self._waiting += 1
        last_sent = self._clock.monotonic()
        try:
            while True:
                changed = self._changed
                rows = await self._db.read(lambda connection, version=version: _since(connection, version))  # type: ignore[misc]
                for number, change, body in rows:
                    version = number
                    job = _decoder.decode(body)
                    if matches(job.metadata.labels):
                        last_sent = self._clock.monotonic()
                        yield JobChange(Change(change), str(number), job)
                if rows:
                    continue
                if self._clock.monotonic() - last_sent >= _BOOKMARK_EVERY:
                    last_sent = self._clock.monotonic()
                    yield JobChange(Change.BOOKMARK, str(version))
                await changed.wait()
        finally:
            self._waiting -= 1

    async def _poll(self) -> None:
        """Wake the watches when another process has committed, and now and then for bookmarks."""
        seen = await self._db.data_version()
        woken = self._clock.monotonic()
        while True:
            await self._clock.sleep(_POLL)
            if not self._waiting:
                continue
            version = await self._db.data_version()
            if version != seen or self._clock.monotonic() - woken >= _BOOKMARK_EVERY:
                seen, woken = version, self._clock.monotonic()
                self._wake()

    async def _write(self, work: Work[T]) -> T:
        answer = await self._db.write(work)
        self._wake()
        return answer

    def _wake(self) -> None:
        """Let every watch look again. Each takes the event before it reads, so none misses a change."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _replace(self, connection: sqlite3.Connection, old: ProwJob, new: ProwJob) -> ProwJob:
        """What a writer may not change stays; the last finalizer's removal ends a job that is being deleted."""
        meta = msgspec.structs.replace(
            new.metadata,
            namespace=self._namespace,
            uid=old.metadata.uid,
            creation_timestamp=old.metadata.creation_timestamp,
            deletion_timestamp=old.metadata.deletion_timestamp,
        )
        new = msgspec.structs.replace(new, metadata=meta)
        if meta.deletion_timestamp is not None and not meta.finalizers:
            self._remove(connection, new)
            return new
        unchanged = msgspec.structs.replace(meta, resource_version=old.metadata.resource_version)
        if msgspec.structs.replace(new, metadata=unchanged) == old:
            return old
        return self._log(connection, Change.MODIFIED, new)

    def _log(self, connection: sqlite3.Connection, change: Change, job: ProwJob) -> ProwJob:
        cursor = connection.execute(
            "INSERT INTO changes (change, name, body) VALUES (?, ?, x'')", (change.value, job.name)
        )
        version = cursor.lastrowid or 0
        job = _with_version(job, version)
        body = to_json(job)
        connection.execute("UPDATE changes SET body = ? WHERE version = ?", (body, version))
        connection.execute(
            "INSERT OR REPLACE INTO jobs (name, version, body) VALUES (?, ?, ?)", (job.name, version, body)
        )
        self._trim(connection, version)
        return job

    def _remove(self, connection: sqlite3.Connection, job: ProwJob) -> None:
        connection.execute("DELETE FROM jobs WHERE name = ?", (job.name,))
        cursor = connection.execute(
            "INSERT INTO changes (change, name, body) VALUES (?, ?, x'')", (Change.DELETED.value, job.name)
        )
        version = cursor.lastrowid or 0
        connection.execute(
            "UPDATE changes SET body = ? WHERE version = ?", (to_json(_with_version(job, version)), version)
        )
        self._trim(connection, version)

    def _trim(self, connection: sqlite3.Connection, version: int) -> None:
        if version % _TRIM_EVERY == 0:
            connection.execute("DELETE FROM changes WHERE version <= ?", (version - self._horizon,))


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, Mapping):
        return patch
    result: dict[str, Any] = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def _with_version(job: ProwJob, version: int) -> ProwJob:
    meta: ObjectMeta = msgspec.structs.replace(job.metadata, resource_version=str(version))
    return msgspec.structs.replace(job, metadata=meta)


def _load(connection: sqlite3.Connection, name: str) -> ProwJob:
    row = connection.execute("SELECT body FROM jobs WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NotFound(f"prowjobs {name[:80]} not found")
    return _decoder.decode(row[0])


def _expect(job: ProwJob, resource_version: str) -> None:
    if resource_version and resource_version != job.metadata.resource_version:
        raise Conflict(f"prowjobs {job.name} was changed meanwhile: read it again")


def _newest(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
    return int(row[0]) if row else 0


def _since(connection: sqlite3.Connection, version: int) -> list[tuple[int, str, bytes]]:
    connection.execute("BEGIN")
    try:
        oldest = connection.execute("SELECT min(version) FROM changes").fetchone()[0]
        if oldest is not None and version < oldest - 1:
            raise Gone(f"changes since {version} are no longer kept")
        if version > _newest(connection):
            raise Gone(f"there is no change {version} in this store")
        rows = connection.execute(
            "SELECT version, change, body FROM changes WHERE version > ? ORDER BY version LIMIT ?", (version, _BATCH)
        ).fetchall()
        return [(row[0], row[1], row[2]) for row in rows]
    finally:
        connection.execute("COMMIT")
