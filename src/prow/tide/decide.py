"""The one decision about a pool (`spec/tide` §3). Pure, total, deterministic.

In a world of serial merges (`PoolRules.batches` false) rules 1 and 4 are silent and jobs of batches that others made are not looked at. Pull
requests that are green on an older base do not starve: the first by tier and number is tested on the newest base, then merges, or its
failure takes it out of the pool, and the next one follows. One that GitHub refused, or whose test failed here a moment ago, is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from prow.config.tide import TidePriority
from prow.jobs.index import JobRow
from prow.model.decision import Reason
from prow.model.prowjob import JobType
from prow.model.pull_facts import PullFacts
from prow.tide import batches
from prow.tide.judge import judge
from prow.tide.model import Action, Bucket, Candidate, Judgement, PoolDecision, PoolSnapshot, Requirements, Trigger
from prow.tide.reasons import (
    BatchGreen,
    BatchRunning,
    BatchTogether,
    Blocked,
    EmptyPool,
    Green,
    NothingToTest,
    NotRetestable,
    NotYetAgain,
    TestsMissing,
    TestsRunning,
    WaitsForContexts,
    WasRefused,
)


def decide(snapshot: PoolSnapshot) -> PoolDecision:
    """What to do about the pool now. `PoolDecision.again_at` says when to ask again without an event."""
    pool = _Pool(snapshot)
    action, target, triggers, reasons = pool.act()
    return PoolDecision(
        key=snapshot.rules.key,
        base_sha=snapshot.base_sha,
        action=action,
        target=target,
        triggers=triggers,
        reasons=reasons,
        judgements=pool.judgements,
        successes=pool.in_bucket(Bucket.SUCCESS),
        pendings=pool.in_bucket(Bucket.PENDING),
        missings=pool.in_bucket(Bucket.MISSING),
        batch_pending=pool.batch_pending,
        blockers=snapshot.blockers,
        again_at=pool.again_at(),
    )


def in_tiers(priority: Sequence[TidePriority], pulls: Iterable[PullFacts]) -> list[PullFacts]:
    """The order of choosing: tiers as configured, then all others; within a tier by number (§3.4)."""
    return sorted(pulls, key=lambda pull: (tier_of(priority, pull), pull.number))


def tier_of(priority: Sequence[TidePriority], pull: PullFacts) -> int:
    """The first tier all of whose labels the pull request has (commas: one of them); the number of tiers: none."""
    labels = {label.lower() for label in pull.labels} if priority else set()
    for index, tier in enumerate(priority):
        if all(not labels.isdisjoint(item.lower().split(",")) for item in tier.labels):
            return index
    return len(priority)


_Act = tuple[Action, tuple[int, ...], tuple[Trigger, ...], tuple[Reason, ...]]


class _Pool:
    """A snapshot with all that is found in it."""

    def __init__(self, snapshot: PoolSnapshot) -> None:
        self._snapshot = snapshot
        rows: dict[int, list[JobRow]] = {}
        for row in snapshot.jobs:
            if row.type is JobType.PRESUBMIT and row.pulls:
                rows.setdefault(row.pulls[0].number, []).append(row)
        self.judgements: dict[int, Judgement] = {
            each.pull.number: judge(snapshot, each, rows.get(each.pull.number, ())) for each in snapshot.candidates
        }
        self._members: Mapping[int, Candidate] = {
            each.pull.number: each for each in snapshot.candidates if self.judgements[each.pull.number].in_pool
        }
        self._order = [
            pull.number for pull in in_tiers(snapshot.rules.priority, (c.pull for c in self._members.values()))
        ]
        batched = snapshot.rules.batches
        self._batch_green, self.batch_pending = batches.results(snapshot, self._members) if batched else ((), ())

    def in_bucket(self, bucket: Bucket) -> tuple[int, ...]:
        return tuple(number for number in sorted(self._members) if self.judgements[number].bucket is bucket)

    def again_at(self) -> datetime | None:
        """A refusal ends, or a test that failed may be repeated."""
        moments = [
            moment
            for number in self._members
            for found in (self.judgements[number],)
            for moment in (found.refusal.until if found.refusal is not None else None, found.retry_at)
            if moment is not None and moment > self._snapshot.now
        ]
        return min(moments, default=None)

    def act(self) -> _Act:
        if self._snapshot.blockers:
            return _wait(Blocked(numbers=tuple(b.number for b in self._snapshot.blockers)), action=Action.BLOCKED)
        if not self._members:
            return _wait(EmptyPool())
        if self._batch_green:
            return Action.MERGE_BATCH, self._batch_green, (), (BatchGreen(numbers=self._batch_green),)
        return self._merge() or self._test() or _wait(*self._why_wait())

    def _merge(self) -> _Act | None:
        """Rule 2: one that is green on this base and all of whose contexts are good."""
        if self.batch_pending:
            return None
        for number in self._order:
            found = self.judgements[number]
            if found.bucket is Bucket.SUCCESS and found.passing and found.refusal is None:
                return Action.MERGE, (number,), (), (Green(number=number),)
        return None

    def _test(self) -> _Act | None:
        """Rules 3 to 5."""
        if not any(_tests_of(each) for each in self._members.values()):
            return None
        if self._snapshot.rules.batches and not self.batch_pending and len(self._members) > 1:
            chosen = batches.pick(self._snapshot, self._members, self.judgements)
            if len(chosen) > 1:
                started = batches.triggers(self._snapshot, chosen, self._members)
                return Action.TRIGGER_BATCH, chosen, started, (BatchTogether(numbers=chosen),)
        if self.in_bucket(Bucket.PENDING) or self._to_merge():
            return None
        for number in self._order:
            found = self.judgements[number]
            if found.bucket is Bucket.MISSING and self._may_test(found):
                started = _triggers(found)
                contexts = tuple(each.job.context for each in started)
                return Action.TRIGGER, (number,), started, (TestsMissing(number=number, contexts=contexts),)
        return None

    def _to_merge(self) -> tuple[int, ...]:
        """Those that will merge as soon as GitHub shows all contexts as good; a test started now would be for nothing."""
        return tuple(n for n in self.in_bucket(Bucket.SUCCESS) if self.judgements[n].refusal is None)

    def _may_test(self, found: Judgement) -> bool:
        ready = found.retry_at is None or found.retry_at <= self._snapshot.now
        return found.eligible and found.refusal is None and ready

    def _why_wait(self) -> Iterable[Reason]:
        if self.batch_pending:
            yield BatchRunning(numbers=self.batch_pending)
        if pending := self.in_bucket(Bucket.PENDING):
            yield TestsRunning(numbers=pending)
        some = False
        for number in self._order:
            found = self.judgements[number]
            if found.refusal is not None:
                yield WasRefused(number=number, message=found.refusal.message)
            elif found.bucket is Bucket.SUCCESS and not found.passing:
                yield WaitsForContexts(number=number, contexts=tuple(c.name for c in found.unsuccessful))
            elif found.bucket is Bucket.MISSING and found.waits_for:
                yield NotRetestable(number=number, contexts=found.waits_for)
            elif found.bucket is Bucket.MISSING and not self._may_test(found):
                yield NotYetAgain(number=number)
            else:
                continue
            some = True
        if not some and not pending and not self.batch_pending:
            yield NothingToTest()


def _tests_of(candidate: Candidate) -> bool:
    return isinstance(candidate.requirements, Requirements) and bool(candidate.requirements.jobs)


def _triggers(found: Judgement) -> tuple[Trigger, ...]:
    """A context is started once, whoever has it twice."""
    started: dict[str, Trigger] = {}
    for job in found.missing:
        started.setdefault(job.context, Trigger(job, found.attempts.get(job.context, 0)))
    return tuple(started.values())


def _wait(*reasons: Reason, action: Action = Action.WAIT) -> _Act:
    return action, (), (), reasons
