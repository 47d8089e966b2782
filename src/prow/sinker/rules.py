"""Pure: which ProwJobs and runs are old enough to go (`spec/prowjobs-and-pods` §8.2).

Only what is complete goes; its age counts from its start, as upstream. The latest run of a periodic that is still
configured stays, however old: horologium reads from it when the next one is due.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from enum import StrEnum

import msgspec

from prow.jobs.index import JobRow, latest
from prow.model.prowjob import JobType
from prow.sinker.ports import Run

ORPHANED_AFTER = 30.0
"""A younger run may be of a job that the reader has not seen yet."""


class Why(StrEnum):
    """Why something goes; the values of the metrics' `reason`."""

    AGED = "aged"
    AGED_PERIODIC = "aged-periodic"
    TTLED = "ttled"
    ORPHANED = "orphaned"


class Removal(msgspec.Struct, frozen=True):
    """A job that goes."""

    row: JobRow
    why: Why


def aged(rows: Iterable[JobRow], *, periodics: AbstractSet[str], max_age: float, now: float) -> list[Removal]:
    """Jobs that go, oldest first. `periodics`: names of those that are configured; times and ages are seconds."""
    kept: dict[str, JobRow] = {}
    old: list[Removal] = []
    for row in rows:
        periodic = row.type is JobType.PERIODIC
        if periodic and row.job in periodics:
            before = kept.get(row.job)
            kept[row.job] = (latest((before, row)) or row) if before is not None else row
        if row.complete and not row.deleting and now - row.started > max_age:
            old.append(Removal(row, Why.AGED_PERIODIC if periodic else Why.AGED))
    stay = {row.name for row in kept.values()}
    return sorted((r for r in old if r.row.name not in stay), key=lambda r: (r.row.started, r.row.name))


def run_is_over(run: Run, owner: JobRow, *, max_age: float, ttl: float, now: float) -> Why | None:
    """Why a run of a job that exists goes; never while the job is incomplete, as it would only be started again."""
    if not owner.complete:
        return None
    if run.started and now - run.started > max_age:
        return Why.AGED
    return Why.TTLED if now - owner.completed > ttl else None


def may_be_orphaned(run: Run, *, now: float) -> bool:
    """Whether a run whose job is not known is old enough to ask the store for it."""
    return now - run.started > ORPHANED_AFTER
