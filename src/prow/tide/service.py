"""tide: keeps the pools in memory, decides about a pool whenever something in it changed, and does what was decided.

Here is what tide hears and what it is asked. Events, the job watch and lists mark pools (`pools`), and a marked pool has its round
(`rounds`). Lists of all open pull requests, at the start and now and then, repair what events missed; where no events come they are
what upstream's polling was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from prow.config.config import Config
from prow.github.errors import NotFound
from prow.jobs.index import JobIndex
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import Permanent, ProwError
from prow.model.events import Event, EventKind, IssueEvent, PullRequestEvent, PushEvent, ReviewEvent
from prow.model.explanation import Explanation
from prow.model.forge import PullKey
from prow.model.prowjob import JobType
from prow.tide import metrics
from prow.tide.explain import explain, explain_done
from prow.tide.hints import Hints
from prow.tide.history_store import HistoryStore
from prow.tide.knowledge import Knowledge, OwnJobs
from prow.tide.lists import Lists
from prow.tide.merger import Merger
from prow.tide.model import Blocker, PoolKey
from prow.tide.open_pulls import OpenPulls
from prow.tide.pools import Pools
from prow.tide.ports import CreatesJobs, GitHubForTide, NamesPeople
from prow.tide.rounds import Rounds, decided
from prow.tide.statuses import StatusWriter
from prow.tide.troubles import Troubles, again_in
from prow.tide.wire import pools_json

_log = logs.get("tide")
_AGAIN_AFTER = 10.0


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`resync`: seconds between lists of everything when events come; without events `tide.sync_period` counts.

    `wait_for_reviews`: a pull request for which GitHub wants more reviews is not tried (`spec/tide` §9.3).
    """

    events: bool = True
    resync: float = 600.0
    longest_history: int = 1000
    wait_for_reviews: bool = False


class Tide:
    """A `bus.Listener`. Call `run()` as a task, and `config_changed()` when it has. `github`: for what a merge waits for; `background`: for lists and statuses.

    `troubles`: what it could not do so far.
    """

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
        self._index = index
        self._clock = clock
        self._history = history or HistoryStore("", None, longest=settings.longest_history, clock=clock)
        self._pulls = OpenPulls()
        self.troubles = Troubles()
        knowledge = Knowledge(background, own_jobs, troubles=self.troubles)
        self._hints = Hints(people, knowledge)
        self._lists = Lists(background, self._pulls, clock=clock, troubles=self.troubles)
        self._blockers: dict[tuple[str, str], tuple[Blocker, ...]] = {}
        self._rounds = Rounds(
            config=config,
            github=github,
            merger=Merger(github, jobs, clock=clock),
            statuses=StatusWriter(github, self._pulls, self._hints, clock=clock, troubles=self.troubles),
            knowledge=knowledge,
            pulls=self._pulls,
            lists=self._lists,
            index=index,
            history=self._history,
            blockers=lambda org, repo: self._blockers.get((org, repo), ()),
            clock=clock,
            wait_for_reviews=settings.wait_for_reviews,
        )
        at_once = max(1, config().tide.max_goroutines or 20)
        self._pools = Pools(
            self._rounds.run,
            lambda key: bool(self._pulls.of(key)),
            at_once=at_once,
            clock=clock,
            troubles=self.troubles,
        )
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
        snapshot = await self._rounds.snapshot(PoolKey(org, repo, pull.base_ref))
        if all(candidate.pull.number != number for candidate in snapshot.candidates):
            return None
        decision = await decided(snapshot)
        hints = await self._hints.of(pull)
        return explain(snapshot, decision, number, since=self._rounds.gates.since(key), hints=hints)

    # What is told

    def config_changed(self) -> None:
        """Everything is listed and decided about again."""
        self._rounds.refusals.clear()
        self._relist.set()
        self._mark(*self._pulls.pools())

    async def take(self, event: Event) -> None:
        """An event from hook."""
        org, repo = event.org, event.repo.name
        if not self._covers(org, repo):
            return
        match event:
            case PullRequestEvent():
                self._rounds.refusals.pop(PullKey(org, repo, event.number or event.pull_request.number), None)
            case ReviewEvent():
                self._rounds.refusals.pop(PullKey(org, repo, event.pull_request.number), None)
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
            self._rounds.gates.forget_all_but(self._pulls)
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

    async def _try_blockers(self, org: str, repo: str) -> float | None:
        """Seconds after which they may be read, when they could not be now: what is known of them still counts."""
        try:
            await self._read_blockers(org, repo)
        except NotFound:
            _log.debug("The repository has no issues, so none holds up merges.", org=org, repo=repo)
        except ProwError as error:
            self.troubles.say(error, "Issues that hold up merges cannot be listed.", org=org, repo=repo)
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
