"""The inbox: every accepted delivery is on disk before it is acknowledged, and stays until all its consumers are done.

`deliveries` has a small row per delivery, `bodies` the bytes, so that finishing one rewrites only the small row. `progress` names
the consumers of an unfinished delivery that are done already: after a crash only the others run again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from prow.hook import rules
from prow.lib.clock import Clock
from prow.lib.sqlite import Database

MIGRATIONS = (
    """
    CREATE TABLE deliveries (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT NOT NULL, event TEXT NOT NULL, org TEXT NOT NULL, repo TEXT NOT NULL,
        lane TEXT NOT NULL, received REAL NOT NULL, finished REAL);
    CREATE INDEX deliveries_guid ON deliveries (guid, seq);
    CREATE INDEX deliveries_open ON deliveries (seq) WHERE finished IS NULL;
    CREATE INDEX deliveries_finished ON deliveries (finished) WHERE finished IS NOT NULL;
    CREATE TABLE bodies (seq INTEGER PRIMARY KEY, headers BLOB NOT NULL, body BLOB NOT NULL);
    CREATE TABLE progress (seq INTEGER NOT NULL, consumer TEXT NOT NULL, outcome TEXT NOT NULL, PRIMARY KEY (seq, consumer)) WITHOUT ROWID;
    CREATE TABLE failures (seq INTEGER NOT NULL, guid TEXT NOT NULL, consumer TEXT NOT NULL, error TEXT NOT NULL, at REAL NOT NULL);
    CREATE TABLE effects (
        guid TEXT NOT NULL, consumer TEXT NOT NULL, key TEXT NOT NULL, answer TEXT, at REAL NOT NULL,
        PRIMARY KEY (guid, consumer, key)) WITHOUT ROWID;
    CREATE INDEX effects_at ON effects (at);
    """,
)
_KEPT = 3 * 24 * 3600.0
_EFFECTS_KEPT = 30 * 24 * 3600.0
_FAILURES_KEPT = 1_000
_PRUNED_AT_ONCE = 2_000
_PROGRESS = "INSERT OR IGNORE INTO progress (seq, consumer, outcome) VALUES (?, ?, ?)"


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that was proven to be GitHub's."""

    guid: str
    event: str
    org: str
    repo: str
    lane: str
    headers: bytes
    body: bytes

    def delivery(self, seq: int) -> Delivery:
        """What it is to its consumers, once it is kept."""
        return Delivery(
            seq=seq, guid=self.guid, event=self.event, org=self.org, repo=self.repo, lane=self.lane, headers=self.headers, body=self.body
        )  # fmt: skip


class Open(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A delivery that is not finished: what is kept in memory of it."""

    seq: int
    lane: str
    event: str


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery to be handled. `done`: consumers that need not run again."""

    seq: int
    guid: str
    event: str
    org: str
    repo: str
    lane: str
    headers: bytes
    body: bytes
    done: frozenset[str] = frozenset()


class Inbox:
    """All methods are safe to call at the same time. `first`: the number of the first delivery that was accepted here, 0: none yet."""

    def __init__(self, database: Database, *, clock: Clock, window: float) -> None:
        self._db = database
        self._clock = clock
        self._window = window
        self.first = 0

    def _now(self) -> float:
        return self._clock.now().timestamp()

    async def accept(self, arrival: Arrival) -> int:
        """Keep it; returns when it is on disk. Gives its number, 0 for a duplicate."""
        now, window = self._now(), self._window

        def work(connection: sqlite3.Connection) -> int:
            last = connection.execute(
                "SELECT received, finished FROM deliveries WHERE guid = ? ORDER BY seq DESC LIMIT 1", (arrival.guid,)
            ).fetchone()
            if last is not None and rules.is_duplicate(finished=last[1] is not None, age=now - last[0], window=window):
                return 0
            cursor = connection.execute(
                "INSERT INTO deliveries (guid, event, org, repo, lane, received) VALUES (?, ?, ?, ?, ?, ?)",
                (arrival.guid, arrival.event, arrival.org, arrival.repo, arrival.lane, now),
            )
            seq = cursor.lastrowid or 0
            self.first = self.first or seq  # known before anybody can read it
            connection.execute(
                "INSERT INTO bodies (seq, headers, body) VALUES (?, ?, ?)", (seq, arrival.headers, arrival.body)
            )
            return seq

        return await self._db.write(work)

    async def unfinished(self, *, after: int, limit: int) -> list[Open]:
        """What is still to be done, oldest first."""

        def work(connection: sqlite3.Connection) -> list[Open]:
            rows = connection.execute(
                "SELECT seq, lane, event FROM deliveries WHERE finished IS NULL AND seq > ? ORDER BY seq LIMIT ?",
                (after, limit),
            )
            return [Open(row[0], row[1], row[2]) for row in rows]

        return await self._db.read(work)

    async def load(self, seq: int) -> Delivery | None:
        """One delivery with its body; None when it is finished."""

        def work(connection: sqlite3.Connection) -> Delivery | None:
            row = connection.execute(
                "SELECT guid, event, org, repo, lane, headers, body FROM deliveries JOIN bodies USING (seq) WHERE seq = ?",
                (seq,),
            ).fetchone()
            if row is None:
                return None
            done = connection.execute("SELECT consumer FROM progress WHERE seq = ?", (seq,)).fetchall()
            return Delivery(
                seq=seq, guid=row[0], event=row[1], org=row[2], repo=row[3], lane=row[4], headers=row[5], body=row[6],
                done=frozenset(r[0] for r in done),
            )  # fmt: skip

        return await self._db.read(work)

    async def consumers_done(self, seq: int, consumers: Sequence[str]) -> None:
        """These consumers need not see the delivery again."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_PROGRESS, [(seq, consumer, "done") for consumer in consumers])

        await self._db.write(work)

    async def gave_up(self, seq: int, consumer: str, *, guid: str, error: str) -> None:
        """Nor this one, which failed."""
        now = self._now()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_PROGRESS, (seq, consumer, "failed"))
            connection.execute(
                "INSERT INTO failures (seq, guid, consumer, error, at) VALUES (?, ?, ?, ?, ?)",
                (seq, guid, consumer, error[:2000], now),
            )

        await self._db.write(work)

    async def finish(self, seqs: Sequence[int]) -> None:
        """All consumers are done: the bodies go."""
        now = self._now()

        def work(connection: sqlite3.Connection) -> None:
            for seq in seqs:
                connection.execute("UPDATE deliveries SET finished = ? WHERE seq = ?", (now, seq))
                connection.execute("DELETE FROM bodies WHERE seq = ?", (seq,))
                connection.execute("DELETE FROM progress WHERE seq = ?", (seq,))

        await self._db.write(work)

    async def prune(self) -> None:
        """Forget deliveries and effects that nobody will ask for again, a bounded number at a time."""
        now = self._now()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries WHERE finished < ? LIMIT ?)",
                (now - _KEPT, _PRUNED_AT_ONCE),
            )
            connection.execute("DELETE FROM effects WHERE at < ?", (now - _EFFECTS_KEPT,))
            connection.execute(
                "DELETE FROM failures WHERE rowid <= (SELECT max(rowid) FROM failures) - ?", (_FAILURES_KEPT,)
            )

        await self._db.write(work)

    async def failures(self) -> list[tuple[str, str, str]]:
        """What was given up, newest first: (GUID, consumer, error)."""

        def work(connection: sqlite3.Connection) -> list[tuple[str, str, str]]:
            rows = connection.execute("SELECT guid, consumer, error FROM failures ORDER BY rowid DESC LIMIT 100")
            return [(row[0], row[1], row[2]) for row in rows]

        return await self._db.read(work)
