"""Pure: whether a periodic is due, why, and when to look again (`spec/prowjobs-and-pods` §8.1).

All state is the latest run in the job store, so a restart forgets nothing and two horologiums decide the same:

* `interval`, `minimum_interval`, `@every`: counted from the latest run; at once when there is none.
* `cron`: the first firing after the latest run, and not before its end. Firings that nobody saw, because horologium was down,
  are made up for by one run. Only runs that were started by the same expression are counted from, so a changed
  expression begins with its next firing; so does a periodic that never ran, as upstream has it.
* A firing during a run is passed over, as upstream, but told.

Where upstream is defective we do what its configuration says: `retry.interval` is the pause before a repetition and leaves the
periodic's own interval alone, and a failed cron job is repeated after that pause, not only at the next firing (when it
would run anyway). A run is due when its moment has come; upstream's "strictly later" differs by nothing that can be seen.
`cause` names a run by what makes it due: equal for everybody who decides from the same latest run.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from prow.config.job import Periodic, Retry
from prow.horologium.reasons import (
    Fired,
    IntervalOver,
    Lost,
    NeverFires,
    NeverRan,
    NotYet,
    Repeats,
    StillRuns,
    Unusable,
)
from prow.jobs.index import JobRow
from prow.lib import cron, durations
from prow.model.decision import Decision, Reason
from prow.model.prowjob import JobState

MOST_ATTEMPTS = 10

_schedule = lru_cache(maxsize=8192)(cron.parse)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`create`: a run is due. `rerun`: which repetition it is, 0 for a regular run. `lost`: the first firing that the latest run, which still goes on, has swallowed.
    `look`: when to decide again if nothing happens; None: only news can change the answer."""

    create: bool = False
    cause: str = ""
    rerun: int = 0
    lost: datetime | None = None
    look: datetime | None = None


class _Due(msgspec.Struct, frozen=True):
    """A moment, and what is said when it has come. `at` None: only news can bring it."""

    at: datetime | None
    why: tuple[Reason, ...] = ()
    lost: datetime | None = None


def decide(periodic: Periodic, run: JobRow | None, *, now: datetime, known_since: datetime) -> Decision[Verdict]:
    """`run`: the latest run. `known_since`: when this process first saw the periodic with this schedule."""
    try:
        regular = _regular(periodic, run, now=now, known_since=known_since)
        repeat = _repeat(periodic.retry, run) if periodic.retry is not None and run is not None else None
    except ValueError as error:
        return Decision(Verdict(), (Unusable(problem=str(error)),))
    if regular.at is not None and regular.at <= now:
        first = isinstance(regular.why[0], NeverRan)
        return Decision(Verdict(create=True, cause="first" if first else _stamp(regular.at)), regular.why)
    if repeat is not None and repeat.at is not None and repeat.at <= now and run is not None:
        count = run.rerun + 1
        cause = f"{_stamp(repeat.at)}/{count}"
        return Decision(Verdict(create=True, cause=cause, rerun=count), repeat.why)
    moments = [due.at for due in (regular, repeat) if due is not None and due.at is not None]
    look = min(moments, default=None)
    reasons = (NotYet(at=look),) if look is not None and not regular.lost else ()
    return Decision(Verdict(lost=regular.lost, look=look), (*_waits(regular, run), *reasons))


def _waits(regular: _Due, run: JobRow | None) -> tuple[Reason, ...]:
    """What holds up the regular run, besides the time."""
    if run is not None and not run.complete:
        lost = (Lost(at=regular.lost),) if regular.lost else ()
        return (StillRuns(run=run.name), *lost)
    return regular.why if regular.at is None else ()


def _regular(periodic: Periodic, run: JobRow | None, *, now: datetime, known_since: datetime) -> _Due:
    if periodic.cron:
        schedule = _schedule(periodic.cron)
        if isinstance(schedule, cron.Every):
            return _every(schedule, run, now=now)
        return _fires(periodic.cron, schedule, run, now=now, known_since=known_since)
    pause = timedelta(seconds=durations.seconds(periodic.interval or periodic.minimum_interval))
    if run is None:
        return _Due(now, (NeverRan(),))
    if not run.complete:
        return _Due(None)
    minimum = not periodic.interval
    since = _moment(run.completed if minimum else run.started)
    text = periodic.interval or periodic.minimum_interval
    return _Due(since + pause, (IntervalOver(since=since, interval=text, minimum=minimum),))


def _every(schedule: cron.Every, run: JobRow | None, *, now: datetime) -> _Due:
    """Firings are counted from the start of the latest run; those before its end are passed over."""
    if run is None:
        return _Due(now, (NeverRan(),))
    began = _moment(run.started)
    until = now if not run.complete else _moment(run.completed)
    rounds = max(1, math.ceil((until - began).total_seconds() / schedule.seconds))
    at = began + timedelta(seconds=rounds * schedule.seconds)
    if run.complete:
        return _Due(at, (IntervalOver(since=began, interval=durations.format(schedule.seconds * durations.SECOND)),))
    missed = at if at <= now else at - timedelta(seconds=schedule.seconds)
    return _Due(schedule.after(missed), lost=missed if missed > began else None)


def _fires(
    expression: str, schedule: cron.Calendar, run: JobRow | None, *, now: datetime, known_since: datetime
) -> _Due:
    if run is None:
        since = known_since
    else:
        began = _moment(run.started)
        if not run.complete:
            lost = schedule.after(began)
            return _Due(schedule.after(now), lost=lost if lost is not None and lost <= now else None)
        # A firing in the very second of the end counts: the run is over by then.
        since = max(began, _moment(run.completed) - timedelta(seconds=1))
        if run.cron != expression:
            since = max(since, known_since)
    at = schedule.after(since)
    if at is None:
        return _Due(None, (NeverFires(cron=expression),))
    return _Due(at, (Fired(at=at, late=max(0, int((now - at).total_seconds()))),))


def _repeat(retry: Retry, run: JobRow) -> _Due | None:
    """The repetition of the latest run; None: there is none to come."""
    if run.rerun < 0 or (not run.complete and not retry.run_all):
        return None
    if not retry.run_all and run.state is JobState.SUCCESS:
        return None
    attempts = min(retry.attempts, MOST_ATTEMPTS)
    count = run.rerun + 1
    if count > attempts:
        return None
    at = _moment(run.started) + timedelta(seconds=durations.seconds(retry.interval))
    return _Due(at, (Repeats(run=run.name, count=count, attempts=attempts),))


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
