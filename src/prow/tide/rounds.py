"""One round of a pool: decide, write statuses, and do the one thing that was decided.

Before anything is done to a pull request it is read once more and the decision is made again with what was read: a label taken off
a moment ago, or a push, is never overlooked.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from prow.config.config import Config
from prow.jobs.index import JobIndex
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError
from prow.lib.open_work import in_thread
from prow.model.forge import PullKey
from prow.model.pull_facts import Mergeable, PullFacts
from prow.tide import metrics
from prow.tide.blockers import applying
from prow.tide.decide import decide
from prow.tide.gates import Gates
from prow.tide.history import record_of
from prow.tide.history_store import HistoryStore
from prow.tide.knowledge import Knowledge
from prow.tide.lists import Lists
from prow.tide.merger import Merged, Merger, NotMerged, Simulated
from prow.tide.model import Action, Blocker, Candidate, PoolDecision, PoolKey, PoolSnapshot, Refusal
from prow.tide.open_pulls import OpenPulls
from prow.tide.pools import Pool
from prow.tide.ports import GitHubForTide
from prow.tide.refusals import Answer, refused
from prow.tide.settings import pool_rules
from prow.tide.status import status_of
from prow.tide.statuses import StatusWriter

_log = logs.get("tide")
_IN_THREAD = 40
"""Pull requests of a pool from which on a decision is made in a thread."""
_UNKNOWN_WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 1.9)
"""Seconds between looks at a pull request whose mergeability GitHub is still computing: about 5 s in all."""
_JOBS_SEEN_WITHIN = 5.0
_BASE_MOVES, _BASE_MOVED_WAIT = 3, 0.5
"""How often in a row a merge is tried again because the base moved meanwhile, and the first pause, in seconds."""


class Rounds:
    """`run` is one round. `refusals`: what GitHub would not merge, and why; `gates`: since when each pull request has met what."""

    def __init__(
        self,
        *,
        config: Callable[[], Config],
        github: GitHubForTide,
        merger: Merger,
        statuses: StatusWriter,
        knowledge: Knowledge,
        pulls: OpenPulls,
        lists: Lists,
        index: JobIndex,
        history: HistoryStore,
        blockers: Callable[[str, str], tuple[Blocker, ...]],
        clock: Clock,
        wait_for_reviews: bool = False,
    ) -> None:
        """`blockers`: issues of a repository that hold up merges."""
        self._config = config
        self._github = github
        self._merger = merger
        self._statuses = statuses
        self._knowledge = knowledge
        self._pulls = pulls
        self._lists = lists
        self._index = index
        self._history = history
        self._blockers = blockers
        self._clock = clock
        self._wait_for_reviews = wait_for_reviews
        self.refusals: dict[PullKey, Refusal] = {}
        self.gates = Gates()

    async def run(self, pool: Pool) -> None:
        if not self._lists.knows(pool.key.org, pool.key.repo):
            return
        snapshot, decision = await self._judge(pool)
        acts = decision.action in {Action.MERGE, Action.TRIGGER} and not self._waits_for_jobs(pool, decision)
        target = decision.target if acts and decision.action is Action.MERGE else ()
        writes = asyncio.create_task(self._statuses.write_all(snapshot, decision, but=target))
        try:
            if acts:
                await self._act(pool, decision)
        finally:
            unwritten = await writes
        if unwritten is not None:  # nothing else may happen to the pool for a long time
            again = self._clock.now() + timedelta(seconds=unwritten)
            pool.again_at = min(pool.again_at or again, again)
        await self._history.write()

    async def _judge(self, pool: Pool) -> tuple[PoolSnapshot, PoolDecision]:
        snapshot = await self.snapshot(pool.key)
        decision = await decided(snapshot)
        pool.snapshot, pool.decision, pool.again_at, pool.error = snapshot, decision, decision.again_at, ""
        self.gates.note(snapshot, decision)
        _set_gauges(snapshot, decision)
        metrics.HEARTBEAT.labels("status-update").inc()
        for reason in decision.reasons:
            _log.debug("Decided about a pool.", pool=str(pool.key), action=decision.action.value, why=str(reason))
        return snapshot, decision

    async def snapshot(self, key: PoolKey) -> PoolSnapshot:
        config = self._config()
        allowed = self._pulls.allowed_methods(key.org, key.repo)
        rules = pool_rules(config, key, allowed_methods=allowed, wait_for_reviews=self._wait_for_reviews)
        candidates = []
        for pull in self._pulls.of(key):
            requirements = await self._knowledge.requirements(config, rules, pull)
            candidates.append(Candidate(pull, requirements, self.refusals.get(pull.key)))
        return PoolSnapshot(
            rules=rules,
            base_sha=self._pulls.base_sha(key),
            now=self._clock.now(),
            candidates=tuple(candidates),
            jobs=tuple(self._index.by_branch(*key)),
            blockers=applying(self._blockers(key.org, key.repo), key.branch),
        )

    def _waits_for_jobs(self, pool: Pool, decision: PoolDecision) -> bool:
        """Whether jobs that we have just started are not in the index yet: it may lag, and they would be decided about again."""
        if decision.action is not Action.TRIGGER or not pool.awaited:
            return False
        if all(self._index.get(name) is not None for name in pool.awaited):
            return False
        return self._clock.monotonic() - pool.awaited_since < _JOBS_SEEN_WITHIN

    async def _act(self, pool: Pool, decision: PoolDecision) -> None:
        """Do it to the one target, if it is still right after a fresh look at it."""
        key = PullKey(pool.key.org, pool.key.repo, decision.target[0])
        if not await self._look_again(key):
            pool.dirty.set()
            return
        snapshot, again = await self._judge(pool)
        if (again.action, again.target) != (decision.action, decision.target):
            pool.dirty.set()
            return
        pull = next(c.pull for c in snapshot.candidates if c.pull.number == key.number)
        if again.action is Action.MERGE:
            await self._merge(pool, snapshot, again, pull)
        else:
            await self._trigger(pool, snapshot, again, pull)

    async def _look_again(self, key: PullKey) -> bool:
        """Read the pull request, until GitHub knows whether it merges. False: what is known is not what was read."""
        for pause in (*_UNKNOWN_WAITS, None):
            seen = self._pulls.changes(key)
            fresh = await self._github.pull_facts(*key)
            moved = self._pulls.changes(key) != seen
            self._pulls.take(fresh, seen=seen)
            if fresh.state != "OPEN" or moved or self._pulls.get(key) is None:
                return False
            if fresh.mergeable is not Mergeable.UNKNOWN or pause is None:
                return True
            await self._clock.sleep(pause)
        return True

    async def _merge(self, pool: Pool, snapshot: PoolSnapshot, decision: PoolDecision, pull: PullFacts) -> None:
        status = status_of(snapshot, decision, pull.number)
        if status is not None:
            await self._statuses.write(pull, status)
        method = decision.judgements[pull.number].method or "merge"
        done = await self._merger.merge(self._config(), pull, method)
        match done:
            case Merged():
                self._merged(pool, snapshot, decision, done)
            case Simulated():
                self.refusals[pull.key] = self._refusal(pull, "a dry run does not merge")
            case NotMerged():
                await self._not_merged(pool, snapshot, decision, done)
        pool.dirty.set()

    def _merged(self, pool: Pool, snapshot: PoolSnapshot, decision: PoolDecision, done: Merged) -> None:
        key = done.pull.key
        pool.base_moves = 0
        self.refusals.pop(key, None)
        self._pulls.drop(key, done.pull)
        if done.sha:
            self._pulls.base_moved(pool.key, done.sha)
            self._lists.soon(key.org, key.repo)
        if done.by_us:
            _log.info("Merged.", pr=str(key), sha=done.sha, base=pool.key.branch)
            metrics.MERGES.labels(*pool.key).observe(1)
            self._record(snapshot, decision, "")

    async def _not_merged(self, pool: Pool, snapshot: PoolSnapshot, decision: PoolDecision, done: NotMerged) -> None:
        key = done.pull.key
        self._pulls.take(done.pull)
        _log.info("GitHub did not merge.", pr=str(key), answer=done.answer.value, message=done.message)
        self._record(snapshot, decision, f"failed merging [{key.number}]: #{key.number}: {done.message}")
        if done.answer is Answer.HEAD_MOVED:
            return
        if done.answer is Answer.AGAIN and pool.base_moves < _BASE_MOVES:
            pool.base_moves += 1
            await self._clock.sleep(_BASE_MOVED_WAIT * pool.base_moves)
            return
        pool.base_moves = 0
        self.refusals[key] = self._refusal(done.pull, done.message)

    def _refusal(self, pull: PullFacts, message: str) -> Refusal:
        before = self.refusals.get(pull.key)
        return refused(before, head_sha=pull.head_sha, message=message, now=self._clock.now())

    async def _trigger(self, pool: Pool, snapshot: PoolSnapshot, decision: PoolDecision, pull: PullFacts) -> None:
        try:
            names = await self._merger.trigger(self._config(), decision, pull)
        except ProwError as error:
            self._record(snapshot, decision, str(error))
            raise
        if all(self._index.get(name) is not None for name in names):
            return
        pool.awaited, pool.awaited_since = frozenset(names), self._clock.monotonic()
        metrics.RETESTS.labels(*pool.key, decision.action.value).inc()
        self._record(snapshot, decision, "")

    def _record(self, snapshot: PoolSnapshot, decision: PoolDecision, error: str) -> None:
        record = record_of(snapshot, decision, error=error)
        if record is not None:
            self._history.add(str(decision.key), record)


async def decided(snapshot: PoolSnapshot) -> PoolDecision:
    if len(snapshot.candidates) < _IN_THREAD:
        return decide(snapshot)
    return await in_thread(decide, snapshot)


def _set_gauges(snapshot: PoolSnapshot, decision: PoolDecision) -> None:
    pool = decision.key
    metrics.POOLED.labels(*pool).set(len(decision.members))
    metrics.UPDATED.labels(*pool).set(snapshot.now.timestamp())
    metrics.SUCCESSFUL.labels(*pool).set(len(decision.successes))
    metrics.PENDING.labels(*pool).set(len(decision.pendings))
    metrics.MISSING.labels(*pool).set(len(decision.missings))
    metrics.BATCH_PENDING.labels(*pool).set(len(decision.batch_pending))
