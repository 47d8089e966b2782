"""The change log of the job store in SQLite: one row per change, with the object as it was after it.

Rows are written in the transaction of the change, read by watches from a version on, and those of this process need not be read.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from prow.jobs import selector as selectors
from prow.jobs.store import Change, Gone
from prow.model.base import to_json
from prow.model.prowjob import ObjectMeta, ProwJob

BATCH = 200
"""Rows that are read at a time."""
RECENT = 128
"""Changes of this process that are kept for its watches; who is further behind reads."""

decoder = msgspec.json.Decoder(ProwJob)
_labels_decoder = msgspec.json.Decoder(dict[str, str])


class Logged(NamedTuple):
    """A row of the change log. `labels_before`: None when the change left them alone."""

    version: int
    change: Change
    job: ProwJob
    labels_before: Mapping[str, str] | None


class Transaction:
    """What one write does: statements, and what they add to the change log."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.execute = connection.execute
        self.logged: list[Logged] = []

    def append(self, change: Change, job: ProwJob, before: ProwJob | None) -> ProwJob:
        """The job with the version that this change gets in the log."""
        labels = before.metadata.labels if before is not None else job.metadata.labels
        touched = labels if labels != job.metadata.labels else None
        cursor = self.execute(
            "INSERT INTO changes (change, name, body, labels_before) VALUES (?, ?, x'', ?)",
            (change.value, job.name, to_json(touched) if touched is not None else None),
        )
        version = cursor.lastrowid or 0
        job = _with_version(job, version)
        self.execute("UPDATE changes SET body = ? WHERE version = ?", (to_json(job), version))
        self.logged.append(Logged(version, change, job, touched))
        return job


class Recent:
    """The newest changes that this process made, by version. Those of other processes are missing."""

    def __init__(self) -> None:
        self._rows: OrderedDict[int, Logged] = OrderedDict()

    def add(self, rows: Iterable[Logged]) -> None:
        for row in rows:
            self._rows[row.version] = row
        while len(self._rows) > RECENT:
            self._rows.popitem(last=False)

    def after(self, version: int) -> list[Logged]:
        """What follows that version without a gap; nothing: whoever wants to know has to read."""
        found: list[Logged] = []
        while (row := self._rows.get(version + 1 + len(found))) is not None:
            found.append(row)
        return found


def as_selected(row: Logged, matches: selectors.Matches) -> Change | None:
    """What the change is to a watch that sees only jobs whose labels match; None: nothing."""
    labels = row.job.metadata.labels
    was = row.change is not Change.ADDED and matches(labels if row.labels_before is None else row.labels_before)
    is_now = row.change is not Change.DELETED and matches(labels)
    if was:
        return row.change if is_now else Change.DELETED
    return Change.ADDED if is_now else None


def _with_version(job: ProwJob, version: int) -> ProwJob:
    meta: ObjectMeta = msgspec.structs.replace(job.metadata, resource_version=str(version))
    return msgspec.structs.replace(job, metadata=meta)


def newest(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
    return int(row[0]) if row else 0


def expect_kept(connection: sqlite3.Connection, version: int) -> None:
    """`Gone` unless everything that changed since `version` is in the log."""
    oldest = connection.execute("SELECT min(version) FROM changes").fetchone()[0]
    if oldest is not None and version < oldest - 1:
        raise Gone(f"changes since {version} are no longer kept")
    if version > newest(connection):
        raise Gone(f"there is no change {version} in this store")


def since(connection: sqlite3.Connection, version: int) -> list[Logged]:
    """What is looked for first and only then found to be too old may be refused without need, but is never incomplete."""
    rows = connection.execute(
        "SELECT version, change, body, labels_before FROM changes WHERE version > ? ORDER BY version LIMIT ?",
        (version, BATCH),
    ).fetchall()
    expect_kept(connection, version)
    return [
        Logged(version, Change(change), decoder.decode(body), _labels_decoder.decode(labels) if labels else None)
        for version, change, body, labels in rows
    ]
