"""Gives each state of each job once to every reporter (`spec/prowjobs-and-pods` §7.2).

One controller per reporter. What was told is kept in the job itself (`status.prev_report_states`), so a restart tells
nothing twice; between telling and keeping a crash can come, which is why reporters look before they write. Reports of one lane
(for GitHub: one pull request) are made one after another. A report that fails is tried again later and holds up nothing
else; a state that was skipped over in between is never told.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from prow.crier.metrics import REPORT_LATENCY, REPORTING_RESULTS
from prow.crier.ports import Feed, Jobs, Reporter
from prow.jobs.store import Conflict, NotFound
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import Denied, Permanent, ProwError, RateLimited, Retry, Unauthenticated
from prow.model.prowjob import ProwJob

_log = logs.get("crier")

FIRST_BACKOFF = 0.25
LONGEST_BACKOFF = 1000.0
PERMANENT_ATTEMPTS = 8
"""After so many failures that repeating should not cure, a state is given up (until the job changes or crier restarts)."""

CONFLICT_PAUSES = (0.01, 0.05, 0.25)
_REMEMBERED = 20_000
_OFFERED = 256
"""Jobs that are kept as they were offered until they are told, which saves reading them; the rest is read."""

Enabled = Callable[[str, str], bool]
"""Whether an organisation's repository is reported on."""


class Crier:
    """All controllers of one process."""

    def __init__(
        self,
        feed: Feed,
        jobs: Jobs,
        reporters: Sequence[tuple[Reporter, int]],
        *,
        clock: Clock,
        enabled: Enabled | None = None,
    ) -> None:
        """`reporters`: each with how many reports it makes at the same time."""
        self._feed = feed
        self._controllers = tuple(
            Controller(reporter, jobs, clock=clock, workers=workers, enabled=enabled) for reporter, workers in reporters
        )

    async def run(self) -> None:
        """Until cancelled; what is under way is then abandoned and told again after the next start."""
        async with asyncio.TaskGroup() as tasks:
            for controller in self._controllers:
                controller.attach(tasks)
            async for job in self._feed.follow():
                for controller in self._controllers:
                    controller.offer(job)

    @property
    def idle(self) -> bool:
        """Whether nothing is waiting, being told, or due again."""
        return all(controller.idle for controller in self._controllers)


class Controller:
    """One reporter's queue: names of jobs, by lane."""

    def __init__(
        self, reporter: Reporter, jobs: Jobs, *, clock: Clock, workers: int, enabled: Enabled | None = None
    ) -> None:
        self._reporter = reporter
        self._jobs = jobs
        self._clock = clock
        self._enabled = enabled
        self._gate = asyncio.Semaphore(workers)
        self._lanes: dict[str, deque[str]] = {}
        self._waiting: set[str] = set()
        self._failures: dict[str, int] = {}
        self._due: set[str] = set()
        self._settling: set[str] = set()
        self._told: OrderedDict[str, str] = OrderedDict()
        self._offered: dict[str, ProwJob] = {}
        self._tasks: asyncio.TaskGroup | None = None

    def attach(self, tasks: asyncio.TaskGroup) -> None:
        """The group that owns this controller's tasks."""
        self._tasks = tasks

    @property
    def idle(self) -> bool:
        return not (self._lanes or self._due or self._settling)

    def offer(self, job: ProwJob) -> None:
        """Something changed; costs nothing when there is nothing to tell."""
        if job.name in self._offered:
            self._offered[job.name] = job
        if not self._news(job):
            return
        pause = self._reporter.settles(job)
        if pause <= 0:
            if job.name in self._settling:
                self._settling.discard(job.name)
                self._reporter.overtaken(job)
            if len(self._offered) < _OFFERED:
                self._offered[job.name] = job
            self._put(self._reporter.lane(job), job.name)
        elif job.name not in self._settling and job.name not in self._waiting:
            assert self._tasks is not None, "attach comes first"
            self._settling.add(job.name)
            self._tasks.create_task(
                self._settle(self._reporter.lane(job), job.name, pause), name=f"crier-settle-{job.name}"
            )

    def _news(self, job: ProwJob) -> bool:
        state = job.status.state
        return (
            state is not None
            and self._reporter.should_report(job)
            and self._allowed(job)
            and job.status.prev_report_states.get(self._reporter.name) != state
            and self._told.get(job.name) != state
        )

    def _allowed(self, job: ProwJob) -> bool:
        if self._enabled is None:
            return True
        refs = (*((job.spec.refs,) if job.spec.refs is not None else ()), *job.spec.extra_refs)
        return not refs or any(self._enabled(ref.org, ref.repo) for ref in refs)

    def _put(self, lane: str, name: str) -> None:
        if name in self._waiting:
            return
        self._waiting.add(name)
        if lane in self._lanes:
            self._lanes[lane].append(name)
            return
        self._lanes[lane] = deque([name])
        assert self._tasks is not None, "attach comes first"
        self._tasks.create_task(self._drain(lane), name=f"crier-{self._reporter.name}-{lane}")

    async def _drain(self, lane: str) -> None:
        queue = self._lanes[lane]
        try:
            while queue:
                async with self._gate:
                    name = queue.popleft()
                    self._waiting.discard(name)
                    pause = await self._tell(name)
                if pause is not None and name not in self._due and self._tasks is not None:
                    self._due.add(name)
                    self._tasks.create_task(self._later(lane, name, pause), name=f"crier-again-{name}")
        finally:
            del self._lanes[lane]

    async def _later(self, lane: str, name: str, pause: float) -> None:
        try:
            await self._clock.sleep(pause)
        finally:
            self._due.discard(name)
        self._put(lane, name)

    async def _settle(self, lane: str, name: str, pause: float) -> None:
        """Tell it when it has been so for a while."""
        await self._clock.sleep(pause)
        if name in self._settling:
            self._settling.discard(name)
            self._put(lane, name)

    async def _tell(self, name: str) -> float | None:
        """Report one job now. Seconds until it has to be tried again, or None."""
        reporter = self._reporter
        try:
            job = self._offered.pop(name, None) or await self._jobs.get(name)
            if not self._news(job):
                self._failures.pop(name, None)
                return None
            async with self._clock.timeout(reporter.deadline):
                told = await reporter.report(job)
            for reported in told:
                await self._keep(reported)
        except NotFound:
            self._failures.pop(name, None)
            return None
        except (ProwError, TimeoutError) as error:
            return self._failed(name, error)
        except Exception as error:  # noqa: BLE001 - the border of this task: one bad job must not stop the others
            _log.exception("A report failed in a way that was not foreseen.", reporter=reporter.name, name=name)
            return self._failed(name, error)
        self._failures.pop(name, None)
        REPORTING_RESULTS.labels(reporter.name, "SUCCESS").inc()
        if job.status.completion_time is not None:
            latency = int((self._clock.now() - job.status.completion_time).total_seconds())
            REPORT_LATENCY.labels(reporter.name).observe(latency)
        return None

    def _failed(self, name: str, error: Exception) -> float | None:
        REPORTING_RESULTS.labels(self._reporter.name, "ERROR").inc()
        count = self._failures[name] = self._failures.get(name, 0) + 1
        fields = {"reporter": self._reporter.name, "name": name, "error": str(error) or type(error).__name__}
        if isinstance(error, Permanent) and not isinstance(error, Denied) and count >= PERMANENT_ATTEMPTS:
            _log.error("A report is given up.", attempts=count, **fields)
            self._failures.pop(name, None)
            return None
        pause = min(FIRST_BACKOFF * float(1 << min(count - 1, 20)), LONGEST_BACKOFF)
        if isinstance(error, RateLimited):
            pause = max((error.until - self._clock.now()).total_seconds(), pause)
        elif isinstance(error, Retry) and error.after is not None:
            pause = max(error.after, pause)
        if isinstance(error, Unauthenticated):
            pause = min(pause, error.longest)
        # Of limits the client tells, once; every report that waits for their end would tell it again.
        say = _log.debug if isinstance(error, RateLimited) else _log.warning
        say("A report failed and will be tried again.", pause=pause, **fields)
        return pause

    async def _keep(self, job: ProwJob) -> None:
        """Write down that this state was told."""
        state = str(job.status.state)
        patch = {"status": {"prev_report_states": {self._reporter.name: state}}}
        for pause in (*CONFLICT_PAUSES, None):
            try:
                await self._jobs.patch(job.name, patch)
                break
            except NotFound:
                break
            except Conflict:
                if pause is None:
                    raise
                await self._clock.sleep(pause)
        self._told[job.name] = state
        self._told.move_to_end(job.name)
        while len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
