"""The reconciler: sees ProwJobs through the index and executions through the engines, asks the rules, and acts.

Decisions are made one after another; acting happens in a task per job, never two for the same job. What plank itself just
wrote is laid over the index until the index shows it, so that limits hold although the index lags. The build id is stored
before an engine is asked to start, so a crash in between finds the same run again instead of starting a second one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from prow.config.config import Config
from prow.jobs.index import JobIndex, JobRow, row_of
from prow.jobs.store import Conflict, JobStore, NotFound
from prow.jobs.url import job_url
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError, Retry
from prow.lib.metrics import GoCounter
from prow.model.base import go_time
from prow.model.decision import Decision
from prow.model.prowjob import JobState, JobType, Label, ProwJob
from prow.plank import rules
from prow.plank.ports import Engine, Execution, Phase, Rejected
from prow.plank.rules import Do, Limits, Verdict

_log = logs.get("plank")
_FIRST_RETRY = 0.1
_LAST_RETRY = 60.0
_FINAL = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.ERROR})
_GITHUB_REPORTER = "github-reporter"

TRANSITIONS = GoCounter("prowjob_state_transitions", "State changes of ProwJobs.", ["job_name", "type", "state"])


class BuildIds(Protocol):
    def new(self) -> str: ...


class Plank:
    """Call `run()` as a task. `waiting_reasons()` tells why jobs have not started."""

    def __init__(
        self,
        *,
        store: JobStore,
        index: JobIndex,
        engines: Sequence[Engine],
        config: Callable[[], Config],
        build_ids: BuildIds,
        clock: Clock,
        dry_run: bool = False,
    ) -> None:
        """`dry_run`: what would be done is said and not done."""
        self._dry_run = dry_run
        self._store = store
        self._index = index
        self._engines = tuple(engines)
        self._config = config
        self._build_ids = build_ids
        self._clock = clock
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._queued: set[str] = set()
        self._acting: set[str] = set()
        self._again: set[str] = set()
        self._failures: dict[str, int] = {}
        self._local: dict[str, JobRow] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._starting: set[str] = set()
        self._not_before: dict[str, float] = {}
        self._executions: dict[str, Execution] = {}
        self._waiting: dict[str, str] = {}

    def waiting_reasons(self) -> Mapping[str, str]:
        """Job name → why it has to wait."""
        return self._waiting

    async def run(self) -> None:
        """Reconcile for ever."""
        await self._index.synced()
        for engine in self._engines:
            for execution in await engine.executions():
                row = self._index.get(execution.name)
                if row is not None and not row.complete:
                    self._executions[execution.name] = execution
                elif execution.phase in _FINAL:
                    await engine.forget(execution.name)
                else:
                    self._executions[execution.name] = execution
                    await engine.abort(execution.name)
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            ready = asyncio.Event()
            tasks.create_task(self._follow_index(ready), name="plank-index")
            await ready.wait()
            for engine in self._engines:
                tasks.create_task(self._follow_engine(engine), name=f"plank-{engine.name}")
            for row in self._index.open():
                self._enqueue(row.name)
            while True:
                name = await self._queue.get()
                self._queued.discard(name)
                if name in self._acting:
                    self._again.add(name)
                    continue
                decision = self._decide(name)
                if decision is not None and self._dry_run:
                    self._starting.discard(name)
                    _log.info(
                        "Dry run: nothing is done with this job.",
                        name=name,
                        would=decision.verdict.do.value,
                        why=decision.explain(),
                    )
                elif decision is not None:
                    self._acting.add(name)
                    tasks.create_task(self._act(name, decision), name=f"plank-{name}")

    # Seeing

    async def _follow_index(self, ready: asyncio.Event) -> None:
        async with self._index.subscribe() as changes:
            ready.set()
            async for row in changes:
                if changes.overflowed:
                    changes.overflowed = False
                    for open_row in self._index.open():
                        self._enqueue(open_row.name)
                local = self._local.get(row.name)
                if local is not None and local.version <= row.version:
                    del self._local[row.name]
                if row.deleted or row.complete:
                    self._forget(row.name)
                    self._wake_waiting()
                    if row.deleted:
                        self._local.pop(row.name, None)
                        await self._stop_deleted(row)
                        continue
                self._enqueue(row.name)
                self._enqueue_twins(row)

    async def _stop_deleted(self, row: JobRow) -> None:
        """Nobody waits for the run of a job that was deleted."""
        execution = self._executions.get(row.name)
        engine = self._engine_for(row.as_job())
        if engine is None or execution is None:
            return
        if execution.phase in _FINAL:
            self._executions.pop(row.name, None)
            await engine.forget(row.name)
        else:
            await engine.abort(row.name)

    def _enqueue_twins(self, row: JobRow) -> None:
        """A new presubmit may make older ones of its pull request pointless."""
        if row.type is JobType.PRESUBMIT and row.state is JobState.TRIGGERED:
            for other in self._index.open_by_job(row.job):
                if other.name != row.name and other.identity == row.identity:
                    self._enqueue(other.name)

    async def _follow_engine(self, engine: Engine) -> None:
        async for execution in engine.watch():
            self._executions[execution.name] = execution
            if self._row(execution.name) is None and execution.phase in _FINAL:
                self._executions.pop(execution.name, None)
                await engine.forget(execution.name)
                continue
            self._enqueue(execution.name)

    def _enqueue(self, name: str) -> None:
        if name not in self._queued:
            self._queued.add(name)
            self._queue.put_nowait(name)

    def _wake_waiting(self) -> None:
        for name in tuple(self._waiting):
            self._enqueue(name)

    def _forget(self, name: str) -> None:
        self._waiting.pop(name, None)
        self._failures.pop(name, None)
        self._not_before.pop(name, None)

    # Deciding

    def _row(self, name: str) -> JobRow | None:
        row, local = self._index.get(name), self._local.get(name)
        return local if local is not None and (row is None or local.version > row.version) else row

    def _seen(self, name: str) -> JobRow | None:
        """The row as limits have to see it: what is being started counts as running."""
        row = self._row(name)
        if row is not None and name in self._starting and row.state is JobState.TRIGGERED:
            return msgspec.structs.replace(row, state=JobState.PENDING)
        return row

    def _decide(self, name: str) -> Decision[Verdict] | None:
        """The decision, if it is one that acts."""
        row = self._row(name)
        if row is None:
            self._waiting.pop(name, None)
            return None
        execution = self._executions.get(name)
        if execution is not None and execution.build_id != row.build_id:
            execution = None
        plank = self._config().plank
        decision = rules.decide(
            row,
            execution,
            open_jobs=[self._seen(r.name) or r for r in self._index.open()],
            limits=Limits(max_concurrency=plank.max_concurrency, queues=plank.job_queue_capacities),
            has_engine=self._engine_for(row.as_job()) is not None,
        )
        if decision.verdict.do is Do.WAIT:
            self._waiting[name] = decision.explain()
            return None
        starts = decision.verdict.do in {Do.START, Do.RESUME, Do.RESTART}
        if starts and self._clock.monotonic() < self._not_before.get(name, 0.0):
            return None
        self._waiting.pop(name, None)
        if starts:
            self._starting.add(name)
        return None if decision.verdict.do is Do.NOTHING else decision

    def _engine_for(self, job: ProwJob) -> Engine | None:
        return next((engine for engine in self._engines if engine.handles(job)), None)

    # Acting

    async def _act(self, name: str, decision: Decision[Verdict]) -> None:
        try:
            await self._do(name, decision)
            self._failures.pop(name, None)
        except (Conflict, NotFound):
            # Somebody else changed or removed it; the index brings the news.
            await self._clock.sleep(_FIRST_RETRY)
            self._again.add(name)
        except ProwError as error:
            self._back_off(name, error)
        except Exception:  # noqa: BLE001 - one bad job never stops the others
            _log.exception("Reconciling this job failed.", name=name)
            self._back_off(name, None)
        finally:
            self._acting.discard(name)
            self._starting.discard(name)
            if name in self._again:
                self._again.discard(name)
                self._enqueue(name)

    def _back_off(self, name: str, error: ProwError | None) -> None:
        """Try again later. The pause is for starting only: an abort is not held up by it."""
        failures = self._failures[name] = self._failures.get(name, 0) + 1
        pause = min(_FIRST_RETRY * 2 ** min(failures, 20), _LAST_RETRY)
        if isinstance(error, Retry) and error.after is not None:
            pause = error.after
        if error is not None:
            _log.warning("This job is tried again.", name=name, error=str(error), after_seconds=round(pause, 1))
        self._waiting[name] = f"tried again soon: {error or 'an internal error, see the log'}"
        self._not_before[name] = self._clock.monotonic() + pause
        if self._tasks is not None:
            self._tasks.create_task(self._later(name, pause), name=f"plank-later-{name}")

    async def _later(self, name: str, pause: float) -> None:
        await self._clock.sleep(pause)
        self._enqueue(name)

    async def _do(self, name: str, decision: Decision[Verdict]) -> None:
        row = self._row(name)
        if row is None:
            return
        verdict = decision.verdict
        match verdict.do:
            case Do.START:
                job = await self._patch(name, {"build_id": self._build_ids.new()}, version=row.version)
                await self._start(job)
            case Do.RESUME:
                await self._start(await self._store.get(name))
            case Do.RESTART:
                await self._restart(row)
            case Do.COMPLETE if verdict.state is not None:
                await self._complete(name, verdict.state, verdict.description)
            case Do.ABORT:
                await self._abort(row)
            case Do.SUPERSEDE:
                _log.info("A newer job makes this one pointless.", name=name, job=row.job, why=decision.explain())
                aborted = {"state": "aborted", "prev_report_states": {_GITHUB_REPORTER: "aborted"}}
                await self._patch(name, aborted, version=row.version)
            case _:
                pass

    async def _start(self, job: ProwJob) -> None:
        engine = self._engine_for(job)
        if engine is None:
            return
        try:
            execution = await engine.start(job)
        except Rejected as error:
            await self._complete(job.name, JobState.ERROR, f"Pod can not be created: {error}")
            return
        self._executions.setdefault(job.name, execution)
        if self._executions[job.name].build_id != execution.build_id:
            self._executions[job.name] = execution
        if job.status.state is not JobState.TRIGGERED:
            return
        status = {
            "state": JobState.PENDING.value,
            "pendingTime": self._now(),
            "pod_name": job.name,
            "description": rules.JOB_TRIGGERED,
            "url": job_url(job, self._config().plank),
        }
        await self._patch(
            job.name, status, version=int(job.metadata.resource_version or "0"), labels=_build_labels(job)
        )

    async def _restart(self, row: JobRow) -> None:
        """The engine lost it, or never had it: a new build id, and start it again."""
        execution = self._executions.get(row.name)
        status: dict[str, Any] = {"build_id": self._build_ids.new()}
        if execution is not None and execution.phase is Phase.LOST and execution.build_id == row.build_id:
            job = await self._store.get(row.name)
            revivals = job.status.pod_revival_count
            ended = rules.lost_too_often(revivals, self._config().plank.max_revivals, execution.message)
            if ended:
                await self._complete(row.name, JobState.ERROR, ended)
                return
            status["pod_revival_count"] = job.status.pod_revival_count + 1
        _log.warning(
            "This job was started again: its run is gone.", name=row.name, job=row.job, old_build_id=row.build_id
        )
        job = await self._patch(row.name, status, version=row.version)
        url = job_url(job, self._config().plank)
        job = await self._patch(
            row.name, {"url": url}, version=int(job.metadata.resource_version), labels=_build_labels(job)
        )
        await self._start(job)

    async def _complete(self, name: str, state: JobState, description: str) -> None:
        job = await self._store.get(name)
        if job.status.complete:
            return
        status = {
            "state": state.value,
            "description": description,
            "completionTime": self._now(),
            "url": job_url(job, self._config().plank),
        }
        await self._patch(name, status, version=int(job.metadata.resource_version or "0"))
        await self._drop_execution(job)
        self._wake_waiting()

    async def _abort(self, row: JobRow) -> None:
        job = await self._store.get(row.name)
        engine = self._engine_for(job)
        execution = self._executions.get(row.name)
        if engine is not None and execution is not None and execution.phase not in _FINAL:
            await engine.abort(row.name)
            return
        await self._patch(row.name, {"completionTime": self._now()}, version=int(job.metadata.resource_version or "0"))
        await self._drop_execution(job)
        self._wake_waiting()

    async def _drop_execution(self, job: ProwJob) -> None:
        engine = self._engine_for(job)
        if self._executions.pop(job.name, None) is not None and engine is not None:
            await engine.forget(job.name)

    async def _patch(
        self, name: str, status: Mapping[str, Any], *, version: int, labels: Mapping[str, str] | None = None
    ) -> ProwJob:
        patch: dict[str, Any] = {"status": dict(status)}
        if labels:
            patch["metadata"] = {"labels": dict(labels)}
        job = await self._store.patch(name, patch, resource_version=str(version) if version else "")
        self._local[name] = row_of(job)
        if "state" in status:
            TRANSITIONS.labels(job.spec.job, job.spec.type.value, status["state"]).inc()
        return job

    def _now(self) -> str:
        return msgspec.to_builtins(go_time(self._clock.now()))  # type: ignore[no-any-return]


def _build_labels(job: ProwJob) -> dict[str, str]:
    return {Label.ID: job.name, Label.BUILD_ID: job.status.build_id}
