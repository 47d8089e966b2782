"""What is found about one pull request: is it in the pool, how do its tests stand, may it merge, may it be tested (`spec/tide` §2, §3.2).

Pure. A test that failed for the very commits that would be tested again is not repeated at once but after a growing delay: its report may
still be on the way to GitHub, and a test that reports nothing would be repeated without end.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from prow.jobs.index import JobRow
from prow.model.prowjob import JobState, JobType
from prow.model.pull_facts import ContextState, HeadContext, PullFacts
from prow.tide import contexts
from prow.tide.filter import outside, unmergeable
from prow.tide.methods import method_of
from prow.tide.model import (
    Bucket,
    Candidate,
    Judgement,
    PoolSnapshot,
    Problem,
    Refusal,
    Requirements,
)
from prow.tide.queries import gaps_of
from prow.tide.reasons import RequirementsUnknown

RUNNING = frozenset({JobState.SCHEDULING, JobState.TRIGGERED, JobState.PENDING})
FAILED = frozenset({JobState.FAILURE, JobState.ERROR, JobState.ABORTED})

_FIRST_DELAY = timedelta(minutes=1)
_LONGEST_DELAY = timedelta(minutes=30)


def judge(snapshot: PoolSnapshot, candidate: Candidate, rows: Sequence[JobRow]) -> Judgement:
    """`rows`: presubmits of this pull request, for whatever commits."""
    rules, pull, needs = snapshot.rules, candidate.pull, candidate.requirements
    refusal = active(candidate.refusal, pull, snapshot.now)
    method = method_of(rules, pull.labels)
    if isinstance(needs, Problem):
        reasons = tuple(unmergeable(rules, pull, (), ()))
        gaps = gaps_of(rules, pull, ())
        return Judgement(
            number=pull.number,
            gaps=gaps,
            method=method,
            unmergeable=reasons,
            reasons=(*reasons, RequirementsUnknown(text=needs.text), *outside(rules, pull, gaps, (), ())),
            problem=needs,
            refusal=refusal,
        )
    bad = contexts.unsuccessful(needs.policy, pull.contexts)
    tests = {job.context for job in needs.jobs}
    gaps = gaps_of(rules, pull, bad)
    hard = tuple(unmergeable(rules, pull, bad, tests))
    reasons = (*hard, *outside(rules, pull, gaps, bad, tests))
    found = Judgement(
        number=pull.number,
        gaps=gaps,
        method=method,
        reasons=reasons,
        unmergeable=hard,
        unsuccessful=bad,
        refusal=refusal,
    )
    return found if reasons else _with_tests(snapshot, pull, needs, rows, found)


def active(refusal: Refusal | None, pull: PullFacts, now: datetime) -> Refusal | None:
    """The refusal if it still holds: it is for this head, and its time has not come."""
    if refusal is None or refusal.head_sha != pull.head_sha:
        return None
    return refusal if refusal.until is None or now < refusal.until else None


def _with_tests(
    snapshot: PoolSnapshot, pull: PullFacts, needs: Requirements, rows: Sequence[JobRow], found: Judgement
) -> Judgement:
    base = snapshot.base_sha
    of_head = [row for row in rows if _is_of(row, pull)]
    here = [row for row in of_head if row.base_sha == base]
    results = best_states(here)
    proven = {context.name for context in pull.contexts if contexts.proves(context, base)}
    missing, pending = [], []
    for job in needs.jobs:
        state = JobState.SUCCESS if job.context in proven else results.get(job.context)
        if state is JobState.PENDING:
            pending.append(job.context)
        elif state is not JobState.SUCCESS:
            missing.append(job)
    wanted = {job.context for job in missing}
    own = {row.context for row in of_head if row.by_tide}
    waits = tuple(sorted({context.name for context in found.unsuccessful if not _own_pending(context, own)}))
    return Judgement(
        number=found.number,
        gaps=found.gaps,
        method=found.method,
        unsuccessful=found.unsuccessful,
        missing=tuple(missing),
        attempts={name: sum(row.context == name for row in here) for name in wanted},
        pending=tuple(sorted(set(pending))),
        proven=tuple(job.context for job in needs.jobs if job.context in proven),
        bucket=Bucket.MISSING if missing else Bucket.PENDING if pending else Bucket.SUCCESS,
        passing=not found.unsuccessful,
        waits_for=waits,
        retry_at=_retry_at([row for row in here if row.context in wanted]),
        refusal=found.refusal,
    )


def best_states(rows: Sequence[JobRow]) -> dict[str, JobState]:
    """By context success, else pending, else failure. A job that waits for its scheduler is under way (§11.7)."""
    best: dict[str, JobState] = {}
    for row in rows:
        if row.state is JobState.SUCCESS:
            best[row.context] = JobState.SUCCESS
        elif row.state in RUNNING:
            if best.get(row.context) is not JobState.SUCCESS:
                best[row.context] = JobState.PENDING
        else:
            best.setdefault(row.context, JobState.FAILURE)
    return best


def _is_of(row: JobRow, pull: PullFacts) -> bool:
    first = row.pulls[0] if row.pulls else None
    return (
        row.type is JobType.PRESUBMIT
        and first is not None
        and first.number == pull.number
        and first.sha == pull.head_sha
    )


def _own_pending(context: HeadContext, own: set[str]) -> bool:
    """A pending context that tide brought about itself is no obstacle to testing again (§3.2)."""
    return context.state is ContextState.PENDING and context.name in own


def _retry_at(rows: Sequence[JobRow]) -> datetime | None:
    """When a test that failed here may be repeated: the delay doubles with each failure."""
    latest: datetime | None = None
    for name in {row.context for row in rows}:
        ended = [row.completed for row in rows if row.context == name and row.state in FAILED]
        if ended:
            delay = min(_FIRST_DELAY * 2 ** min(len(ended) - 1, 10), _LONGEST_DELAY)
            at = datetime.fromtimestamp(max(ended), UTC) + delay
            latest = at if latest is None else max(latest, at)
    return latest
