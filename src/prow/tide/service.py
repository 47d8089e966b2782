"""tide: keeps the pools in memory, decides about a pool whenever something in it changed, and does what was decided.

Events, the job watch and lists mark pools (`pools`); a round decides (`decide`), writes statuses, and acts (`merger`). Before
anything is done to a pull request it is read once more and the decision is made again with what was read: a label taken off a
moment ago, or a push, is never overlooked. Lists of all open pull requests, at the start and now and then, repair what events
missed; where no events come they are what upstream's polling was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec

from prow.config.config import Config
from prow.jobs.index import JobIndex
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import Permanent, ProwError
from prow.lib.open_work import in_thread
from prow.model.events import Event, EventKind, IssueEvent, PullRequestEvent, PushEvent, ReviewEvent
from prow.model.explanation import Explanation
from prow.model.forge import PullKey
from prow.model.prowjob import JobType
from prow.model.pull_facts import Mergeable, PullFacts
from prow.tide import metrics
from prow.tide.blockers import applying
from prow.tide.decide import decide
from prow.tide.explain import explain, explain_done
from prow.tide.gates import Gates
from prow.tide.hints import Hints
from prow.tide.history import record_of
from prow.tide.history_store import HistoryStore
from prow.tide.knowledge import Knowledge, OwnJobs
from prow.tide.lists import Lists
from prow.tide.merger import Merged, Merger, NotMerged, Simulated
from prow.tide.model import Action, Blocker, Candidate, PoolDecision, PoolKey, PoolSnapshot, Refusal
from prow.tide.open_pulls import OpenPulls
from prow.tide.pools import Pool, Pools
from prow.tide.ports import CreatesJobs, GitHubForTide, NamesPeople
from prow.tide.refusals import Answer, refused
from prow.tide.settings import pool_rules
from prow.tide.status import status_of
from prow.tide.statuses import StatusWriter
from prow.tide.troubles import again_in, say
from prow.tide.wire import pools_json

_log = logs.get("tide")
_IN_THREAD = 40
"""Pull requests of a pool from which on a decision is made in a thread."""
_UNKNOWN_WAITS = (0.1, 0.2, 0.4, 0.8, 1.6, 1.9)
"""Seconds between looks at a pull request whose mergeability GitHub is still computing: about 5 s in all."""
_AGAIN_AFTER = 10.0
_JOBS_SEEN_WITHIN = 5.0
_BASE_MOVES, _BASE_MOVED_WAIT = 3, 0.5
"""How often in a row a merge is tried again because the base moved meanwhile, and the first pause, in seconds."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`resync`: seconds between lists of everything when events come; without events `tide.sync_period` counts.

    `wait_for_reviews`: a pull request for which GitHub wants more reviews is not tried (`spec/tide` §9.3).
    """

    events: bool = True
    resync: float = 600.0
    longest_history: int = 1000
    wait_for_reviews: bool = False


class Tide:
    """A `bus.Listener`. Call `run()` as a task, and `config_changed()` when it has. `github`: for what a merge waits for; `background`: for lists and statuses."""

    name = "tide"
    kinds = frozenset(
        {
            EventKind.PULL_REQUEST,
            EventKind.REVIEW,
            EventKind.STATUS,
            EventKind.CHECK_RUN,
            EventKind.PUSH,
            EventKind.ISSUES,
        }
    )

    def __init__(
        self,
        settings: Settings,
        *,
        config: Callable[[], Config],
        github: GitHubForTide,
        background: GitHubForTide,
        jobs: CreatesJobs,
        index: JobIndex,
        clock: Clock,
        history: HistoryStore | None = None,
        own_jobs: OwnJobs = lambda _config, _org, _repo: None,
        people: NamesPeople | None = None,
    ) -> None:
        self._settings = settings
        self._config = config
        self._background = background
        self._github = github
        self._index = index
        self._clock = clock
        self._history = history or HistoryStore("", None, longest=settings.longest_history, clock=clock)
        self._pulls = OpenPulls()
        self._knowledge = Knowledge(background, own_jobs)
        self._hints = Hints(people, self._knowledge)
        self._statuses = StatusWriter(github, self._pulls, self._hints, clock=clock)
        self._merger = Merger(github, jobs, clock=clock)
        self._lists = Lists(background, self._pulls, clock=clock)
        self._gates = Gates()
        at_once = max(1, config().tide.max_goroutines or 20)
        self._pools = Pools(self._round, lambda key: bool(self._pulls.of(key)), at_once=at_once, clock=clock)
        self._refusals: dict[PullKey, Refusal] = {}
        self._blockers: dict[tuple[str, str], tuple[Blocker, ...]] = {}
        self._relist = asyncio.Event()
        self._ready = asyncio.Event()

    # What others ask

    async def ready(self) -> None:
        """Return when every repository was listed once, or could not be."""
        await self._ready.wait()

    async def idle(self) -> None:
        """Return when nothing is left to decide about."""
        await self._ready.wait()
        await self._pools.idle()

    def pools(self) -> bytes:
        """The JSON of `/` (§6.2)."""
        return pools_json((p.snapshot, p.decision, p.error) for p in self._pools if p.snapshot and p.decision)

    def history(self) -> bytes:
        """The JSON of `/history` (§6.1)."""
        return self._history.history.json()

    async def explain(self, org: str, repo: str, number: int) -> Explanation | None:
        """Why it is not merging; None for a pull request that tide does not look after, or has not heard of."""
        key = PullKey(org, repo, number)
        pull = self._pulls.get(key)
        if pull is None:
            done = self._pulls.done(key)
            return explain_done(done) if done is not None else None
        if not self._covers(org, repo):
            return None
        snapshot = await self._snapshot(PoolKey(org, repo, pull.base_ref))
        if all(candidate.pull.number != number for candidate in snapshot.candidates):
            return None
        decision = await _decided(snapshot)
        hints = await self._hints.of(pull)
        return explain(snapshot, decision, number, since=self._gates.since(key), hints=hints)

    # What is told

    def config_changed(self) -> None:
        """Everything is listed and decided about again."""
        self._refusals.clear()
        self._relist.set()
        self._mark(*self._pulls.pools())

    async def take(self, event: Event) -> None:
        """An event from hook."""
        org, repo = event.org, event.repo.name
        if not self._covers(org, repo):
            return
        match event:
            case PullRequestEvent():
                self._refusals.pop(PullKey(org, repo, event.number or event.pull_request.number), None)
            case ReviewEvent():
                self._refusals.pop(PullKey(org, repo, event.pull_request.number), None)
            case IssueEvent() if event.issue.pull_request is None:
                await self._read_blockers(org, repo)
                self._mark(*(pool for pool in self._pulls.pools() if (pool.org, pool.repo) == (org, repo)))
                return
        pools = self._pulls.apply(event)
        if isinstance(event, ReviewEvent):
            await self._read_again(PullKey(org, repo, event.pull_request.number))
        if isinstance(event, PushEvent) and pools:
            self._lists.soon(org, repo)
        if not self._lists.knows(org, repo):
            self._lists.soon(org, repo, after=0)
        self._mark(*pools)

    async def _read_again(self, key: PullKey) -> None:
        """A review may have changed what GitHub makes of the pull request; read that, where anything depends on it."""
        pull = self._pulls.get(key)
        if pull is None:
            return
        queries = [q for q in self._config().tide.queries if q.applies_to(key.org, key.repo)]
        if not (
            pull.review_decision or pull.merge_state == "BLOCKED" or any(q.review_approved_required for q in queries)
        ):
            return
        seen = self._pulls.changes(key)
        self._pulls.take(await self._background.pull_facts(*key), seen=seen)

    def _covers(self, org: str, repo: str) -> bool:
        return any(query.applies_to(org, repo) for query in self._config().tide.queries)

    # The loops

    async def run(self) -> None:
        """Until cancelled."""
        await self._history.load()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pools.run(), name="tide-pools")
            group.create_task(self._watch_jobs(), name="tide-jobs")
            group.create_task(self._lists.run(self._on_list, self._has_candidates), name="tide-lists")
            await self._resync_for_ever()

    async def _resync_for_ever(self) -> None:
        while True:
            began = self._clock.monotonic()
            config = self._config()
            pauses = [await self._lists.everything(config, self._on_list)]
            if config.tide.blocker_label:
                pauses += [await self._try_blockers(org, repo) for org, repo in self._lists.repos()]
            metrics.SYNC_SECONDS.set(self._clock.monotonic() - began)
            metrics.HEARTBEAT.labels("sync").inc()
            self._gates.forget_all_but(self._pulls)
            self._ready.set()
            pause = self._settings.resync if self._settings.events else config.tide.sync_period.seconds
            pause = min([pause, *(known for known in pauses if known is not None)])
            try:
                async with self._clock.timeout(max(1.0, pause)):
                    await self._relist.wait()
            except TimeoutError:
                pass
            self._relist.clear()

    async def _watch_jobs(self) -> None:
        await self._index.synced()
        while True:
            async with self._index.subscribe() as changes:
                self._mark(*self._pulls.pools())
                async for row in changes:
                    if row.type in {JobType.PRESUBMIT, JobType.BATCH}:
                        self._mark(PoolKey(row.org, row.repo, row.base_ref))
                    if changes.overflowed:
                        break

    def _on_list(self, pools: frozenset[PoolKey]) -> None:
        self._mark(*pools)

    def _mark(self, *pools: PoolKey) -> None:
        """These pools have to be decided about."""
        for key in pools:
            if self._covers(key.org, key.repo):
                self._pools.mark(key)

    def _has_candidates(self, key: PoolKey) -> bool:
        """Whether a pull request of the pool meets a query: only for those it matters whether they merge."""
        pool = next((pool for pool in self._pools if pool.key == key), None)
        if pool is None or pool.decision is None:
            return False
        return any(found.query_met or found.in_pool for found in pool.decision.judgements.values())

    # One round

    async def _round(self, pool: Pool) -> None:
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
        snapshot = await self._snapshot(pool.key)
        decision = await _decided(snapshot)
        pool.snapshot, pool.decision, pool.again_at, pool.error = snapshot, decision, decision.again_at, ""
        self._gates.note(snapshot, decision)
        _set_gauges(snapshot, decision)
        metrics.HEARTBEAT.labels("status-update").inc()
        for reason in decision.reasons:
            _log.debug("Decided about a pool.", pool=str(pool.key), action=decision.action.value, why=str(reason))
        return snapshot, decision

    async def _snapshot(self, key: PoolKey) -> PoolSnapshot:
        config = self._config()
        allowed = self._pulls.allowed_methods(key.org, key.repo)
        rules = pool_rules(config, key, allowed_methods=allowed, wait_for_reviews=self._settings.wait_for_reviews)
        candidates = []
        for pull in self._pulls.of(key):
            requirements = await self._knowledge.requirements(config, rules, pull)
            candidates.append(Candidate(pull, requirements, self._refusals.get(pull.key)))
        return PoolSnapshot(
            rules=rules,
            base_sha=self._pulls.base_sha(key),
            now=self._clock.now(),
            candidates=tuple(candidates),
            jobs=tuple(self._index.by_branch(*key)),
            blockers=applying(self._blockers.get((key.org, key.repo), ()), key.branch),
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
                self._refusals[pull.key] = self._refusal(pull, "a dry run does not merge")
            case NotMerged():
                await self._not_merged(pool, snapshot, decision, done)
        pool.dirty.set()

    def _merged(self, pool: Pool, snapshot: PoolSnapshot, decision: PoolDecision, done: Merged) -> None:
        key = done.pull.key
        pool.base_moves = 0
        self._refusals.pop(key, None)
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
        self._refusals[key] = self._refusal(done.pull, done.message)

    def _refusal(self, pull: PullFacts, message: str) -> Refusal:
        before = self._refusals.get(pull.key)
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

    async def _try_blockers(self, org: str, repo: str) -> float | None:
        """Seconds after which they may be read, when they could not be now: what is known of them still counts."""
        try:
            await self._read_blockers(org, repo)
        except ProwError as error:
            say(error, "Issues that hold up merges cannot be listed.", org=org, repo=repo)
            return None if isinstance(error, Permanent) else again_in(error, self._clock, least=_AGAIN_AFTER)
        return None

    async def _read_blockers(self, org: str, repo: str) -> None:
        label = self._config().tide.blocker_label
        if not label:
            return
        issues = await self._background.list_issues_labelled(org, repo, label)
        self._blockers[org, repo] = tuple(
            Blocker(number=issue.number, title=issue.title, url=issue.html_url) for issue in issues
        )


async def _decided(snapshot: PoolSnapshot) -> PoolDecision:
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
