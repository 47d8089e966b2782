"""The job store in SQLite: Kubernetes' contract (`jobs.store`) for one machine, shared by several processes.

A job's row holds its JSON; `changes` is the log that watches read: one row per change with the object as it was after it. The
resourceVersion is the number of the change. A change that touches labels keeps those of before, so that a watch with a
selector can tell who leaves the selection. Changes older than the horizon are dropped, and a watch that begins
before it is answered `Gone`. The number of the pull request stands in a column of its own, because reports about one pull
request list its jobs all the time. A commit of this process reaches its watches at once and from memory; commits of other
processes are noticed by `PRAGMA data_version`, looked at every 100 ms, and read.
"""

from __future__ import annotations

import asyncio
import functools
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from prow.jobs import changelog, validate
from prow.jobs import selector as selectors
from prow.jobs.store import (
    AlreadyExists,
    Change,
    Conflict,
    InvalidJob,
    JobChange,
    JobList,
    NotFound,
    Unavailable,
)
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import UsageError
from prow.lib.sqlite import Database, DatabaseClosed, Work
from prow.model.base import go_time, to_json
from prow.model.prowjob import Label, ProwJob

MIGRATIONS = (
    """
    CREATE TABLE jobs (name TEXT PRIMARY KEY, version INTEGER NOT NULL, body BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE changes (version INTEGER PRIMARY KEY AUTOINCREMENT, change TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL);
    """,
    """
    ALTER TABLE changes ADD COLUMN labels_before BLOB;
    ALTER TABLE jobs ADD COLUMN pull TEXT NOT NULL DEFAULT '';
    UPDATE jobs SET pull = coalesce(json_extract(CAST(body AS TEXT), '$.metadata.labels."prow.k8s.io/refs.pull"'), '');
    CREATE INDEX jobs_pull ON jobs (pull);
    """,
)
_PAGE = "SELECT name, body FROM jobs WHERE name > :after ORDER BY name LIMIT :limit"
_PAGE_OF_PULL = "SELECT name, body FROM jobs WHERE pull = :pull AND name > :after ORDER BY name LIMIT :limit"
HORIZON = 20_000
"""Changes that are kept for watches."""
_TRIM_EVERY = 500
POLL = 0.1
_BATCH = 200
_BOOKMARK_EVERY = 60.0

T = TypeVar("T")

_log = logs.get("jobs")


class SQLiteJobStore:
    """Implements `JobStore`. `namespace`: what every job gets, as there is one namespace per store.

    poll: seconds between looks for what other processes wrote; what this one writes is seen at once.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        namespace: str = "default",
        horizon: int = HORIZON,
        poll: float = POLL,
    ) -> None:
        self._db = database
        self._clock = clock
        self._namespace = namespace
        self._horizon = horizon
        self._poll_every = poll
        self._changed = asyncio.Event()
        self._recent = changelog.Recent()
        self._polled = 0
        self._waiting = 0
        self._poller: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, path: Path, *, clock: Clock, namespace: str = "default", poll: float = POLL) -> SQLiteJobStore:
        return cls(await Database.open(path, MIGRATIONS), clock=clock, namespace=namespace, poll=poll)

    @property
    def folder(self) -> Path:
        """Where the file is."""
        return self._db.path.parent

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

        def work(transaction: changelog.Transaction) -> ProwJob:
            if transaction.execute("SELECT 1 FROM jobs WHERE name = ?", (job.name,)).fetchone():
                raise AlreadyExists(f"prowjobs {job.name} already exists")
            return self._log(transaction, Change.ADDED, msgspec.structs.replace(job, metadata=meta))

        return await self._write(work)

    async def get(self, name: str) -> ProwJob:
        return await self._read(lambda connection: _load(connection, name))

    async def list(self, selector: str = "", *, limit: int = 0, continue_from: str = "") -> JobList:
        matches = selectors.parse(selector)
        pull = selectors.equal(selector).get(Label.PULL, "")
        first_version, after = _place(continue_from)

        def work(connection: sqlite3.Connection) -> tuple[list[tuple[str, bytes]], int]:
            connection.execute("BEGIN")
            try:
                if first_version is not None:
                    changelog.expect_kept(connection, first_version)
                rows = connection.execute(
                    _PAGE_OF_PULL if pull else _PAGE, {"after": after, "pull": pull, "limit": limit or -1}
                ).fetchall()
                return [(row[0], row[1]) for row in rows], changelog.newest(connection)
            finally:
                connection.execute("COMMIT")

        rows, newest = await self._read(work)
        version = str(newest if first_version is None else first_version)
        items: list[ProwJob] = []
        for position, (_, body) in enumerate(rows):
            if position % _BATCH == _BATCH - 1:
                await self._clock.sleep(0)
            job = changelog.decoder.decode(body)
            if matches(job.metadata.labels):
                items.append(job)
        more = f"{version}:{rows[-1][0]}" if limit and len(rows) == limit else ""
        return JobList(tuple(items), version, more)

    async def update(self, job: ProwJob) -> ProwJob:
        """Replace the whole object; `Conflict` when its resourceVersion is given and not the newest."""
        validate.check(job)

        def work(transaction: changelog.Transaction) -> ProwJob:
            old = _load(transaction, job.name)
            _expect(old, job.metadata.resource_version)
            return self._replace(transaction, old, job)

        return await self._write(work)

    async def patch(self, name: str, merge_patch: Mapping[str, Any], *, resource_version: str = "") -> ProwJob:
        def work(transaction: changelog.Transaction) -> ProwJob:
            old = _load(transaction, name)
            _expect(old, resource_version)
            try:
                new = msgspec.convert(merged(msgspec.json.decode(to_json(old)), merge_patch), ProwJob, strict=True)
            except msgspec.ValidationError as error:
                raise InvalidJob(f"ProwJob {name}: {error}") from error
            validate.check(new)
            return self._replace(transaction, old, new)

        return await self._write(work)

    async def delete(self, name: str, *, resource_version: str = "") -> None:
        """Delete, or mark for deletion while there are finalizers."""

        def work(transaction: changelog.Transaction) -> None:
            old = _load(transaction, name)
            _expect(old, resource_version)
            if not old.metadata.finalizers:
                self._remove(transaction, old, before=old)
            elif old.metadata.deletion_timestamp is None:
                meta = msgspec.structs.replace(old.metadata, deletion_timestamp=go_time(self._clock.now()))
                self._log(transaction, Change.MODIFIED, msgspec.structs.replace(old, metadata=meta), before=old)

        await self._write(work)

    async def watch(self, since: str, selector: str = "") -> AsyncIterator[JobChange]:
        matches = selectors.parse(selector)
        version = int(since or "0")
        if self._poller is None:
            self._poller = asyncio.create_task(self._poll(), name="job-store-poll")
        self._waiting += 1
        polled = -1
        last_sent = self._clock.monotonic()
        try:
            while True:
                changed = self._changed
                rows = self._recent.after(version) if polled == self._polled else []
                if not rows:
                    polled = self._polled
                    rows = await self._read(functools.partial(changelog.since, version=version))
                for row in rows:
                    version = row.version
                    change = changelog.as_selected(row, matches)
                    if change is not None:
                        last_sent = self._clock.monotonic()
                        yield JobChange(change, str(version), row.job)
                if len(rows) == changelog.BATCH:
                    continue
                if self._clock.monotonic() - last_sent >= _BOOKMARK_EVERY:
                    last_sent = self._clock.monotonic()
                    yield JobChange(Change.BOOKMARK, str(version))
                await changed.wait()
        finally:
            self._waiting -= 1

    async def _poll(self) -> None:
        """Wake the watches when another process has committed, and now and then for bookmarks."""
        seen = -1  # so that the first look wakes: a watch may have read before a commit that we see only after it
        woken = self._clock.monotonic()
        while True:
            await self._clock.sleep(self._poll_every)
            if not self._waiting:
                continue
            try:
                version = await self._db.data_version()
            except DatabaseClosed:
                return
            except sqlite3.Error as error:
                _log.warning("The jobs' database did not answer; it is asked again.", error=str(error))
                continue
            if version != seen or self._clock.monotonic() - woken >= _BOOKMARK_EVERY:
                seen, woken = version, self._clock.monotonic()
                self._polled += 1
                self._wake()

    async def _write(self, work: Callable[[changelog.Transaction], T]) -> T:
        def transact(connection: sqlite3.Connection) -> tuple[T, list[changelog.Logged]]:
            transaction = changelog.Transaction(connection)
            return work(transaction), transaction.logged

        try:
            answer, logged = await self._db.write(transact)
        except sqlite3.Error as error:
            raise Unavailable(f"the jobs' database cannot be written: {error}") from error
        if logged:
            self._recent.add(logged)
            self._wake()
        return answer

    async def _read(self, work: Work[T]) -> T:
        try:
            return await self._db.read(work)
        except sqlite3.Error as error:
            raise Unavailable(f"the jobs' database cannot be read: {error}") from error

    def _wake(self) -> None:
        """Let every watch look again. Each takes the event before it reads, so none misses a change."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _replace(self, transaction: changelog.Transaction, old: ProwJob, new: ProwJob) -> ProwJob:
        """What a writer may not change stays; the last finalizer's removal ends a job that is being deleted."""
        if new.name != old.name:
            raise InvalidJob(f"ProwJob {old.name}: metadata.name: cannot be changed")
        meta = msgspec.structs.replace(
            new.metadata,
            namespace=self._namespace,
            uid=old.metadata.uid,
            creation_timestamp=old.metadata.creation_timestamp,
            deletion_timestamp=old.metadata.deletion_timestamp,
        )
        new = msgspec.structs.replace(new, metadata=meta)
        if meta.deletion_timestamp is not None and not meta.finalizers:
            self._remove(transaction, new, before=old)
            return new
        unchanged = msgspec.structs.replace(meta, resource_version=old.metadata.resource_version)
        if msgspec.structs.replace(new, metadata=unchanged) == old:
            return old
        return self._log(transaction, Change.MODIFIED, new, before=old)

    def _log(
        self, transaction: changelog.Transaction, change: Change, job: ProwJob, *, before: ProwJob | None = None
    ) -> ProwJob:
        job = transaction.append(change, job, before)
        version = int(job.metadata.resource_version)
        transaction.execute(
            "INSERT OR REPLACE INTO jobs (name, version, body, pull) VALUES (?, ?, ?, ?)",
            (job.name, version, to_json(job), job.metadata.labels.get(Label.PULL, "")),
        )
        self._trim(transaction, version)
        return job

    def _remove(self, transaction: changelog.Transaction, job: ProwJob, *, before: ProwJob) -> None:
        transaction.execute("DELETE FROM jobs WHERE name = ?", (job.name,))
        job = transaction.append(Change.DELETED, job, before)
        self._trim(transaction, int(job.metadata.resource_version))

    def _trim(self, transaction: changelog.Transaction, version: int) -> None:
        if version % _TRIM_EVERY == 0:
            transaction.execute("DELETE FROM changes WHERE version <= ?", (version - self._horizon,))


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


def _load(connection: sqlite3.Connection | changelog.Transaction, name: str) -> ProwJob:
    row = connection.execute("SELECT body FROM jobs WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise NotFound(f"prowjobs {name[:80]} not found")
    return changelog.decoder.decode(row[0])


def _expect(job: ProwJob, resource_version: str) -> None:
    if resource_version and resource_version != job.metadata.resource_version:
        raise Conflict(f"prowjobs {job.name} was changed meanwhile: read it again")


def _place(continue_from: str) -> tuple[int | None, str]:
    """`VERSION:NAME` → the version of the first page and the last name of the page before."""
    version, colon, name = continue_from.partition(":")
    if not continue_from:
        return None, ""
    if not colon or not (version.isascii() and version.isdigit()):
        raise UsageError(f"{continue_from[:80]!r} is no place in a list of jobs")
    return int(version), name
