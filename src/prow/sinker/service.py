"""The loop: looks at all jobs now and then, and deletes what the rules name, a bounded number at a time.

One job that cannot be deleted holds up no other; the next pass finds it again. Nothing that is done twice does harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from prometheus_client import Gauge

from prow.config.config import Config
from prow.jobs.index import JobIndex
from prow.jobs.store import Conflict, NotFound, Unavailable
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import Denied, ProwError, RateLimited
from prow.lib.open_work import in_thread
from prow.sinker import configmaps, metrics, rules
from prow.sinker.ports import Jobs, Run, Runs
from prow.sinker.rules import Removal, Why

_log = logs.get("sinker")
_AT_ONCE = 20
_DEADLINE = 30.0
_SHORTEST_PERIOD = 1.0
_SIZES_EVERY = 300.0
_STATUS_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (Conflict, "Conflict"),
    (Unavailable, "ServiceUnavailable"),
    (Denied, "Forbidden"),
    (RateLimited, "TooManyRequests"),
    (TimeoutError, "Timeout"),
)
"""Kubernetes' words, which the metrics' `reason` is made of."""


class Count(msgspec.Struct):
    """What became of one kind of things in one pass."""

    removed: dict[str, int] = {}
    errors: dict[str, int] = {}

    def add(self, why: Why | None, error: str) -> None:
        if error:
            self.errors[error] = self.errors.get(error, 0) + 1
        elif why is not None:
            self.removed[why.value] = self.removed.get(why.value, 0) + 1


class Pass(msgspec.Struct, kw_only=True):
    """What one pass found and did."""

    jobs_found: int = 0
    runs_found: int = 0
    jobs: Count = msgspec.field(default_factory=Count)
    runs: Count = msgspec.field(default_factory=Count)


class Sinker:
    """Call `run()` as a task, and `wake()` when its configuration has changed; or `run_once()`.

    `runs`: the runs on this machine, when this process may touch them.

    `job_config_path`: the sizes of ConfigMaps below it are exported.
    """

    def __init__(
        self,
        store: Jobs,
        index: JobIndex,
        *,
        config: Callable[[], Config],
        clock: Clock,
        runs: Runs | None = None,
        job_config_path: str = "",
        dry_run: bool = False,
    ) -> None:
        self._store = store
        self._index = index
        self._config = config
        self._clock = clock
        self._runs = runs
        self._job_config_path = job_config_path
        self._dry_run = dry_run
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Make a pass now, or another one after that which is under way."""
        self._news.set()

    async def run(self) -> None:
        """For ever: a pass at once, then one each `sinker.resync_period`."""
        async with asyncio.TaskGroup() as tasks:
            if self._job_config_path:
                tasks.create_task(self._watch_sizes(Path(self._job_config_path)), name="sinker-configmaps")
            while True:
                self._news.clear()
                try:
                    await self.run_once()
                except Exception:  # noqa: BLE001 - the border of this task: the next pass may succeed
                    _log.exception("A pass failed in a way that was not foreseen.")
                await self._rest(max(self._config().sinker.resync_period.seconds, _SHORTEST_PERIOD))

    async def _rest(self, seconds: float) -> None:
        try:
            async with self._clock.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    async def run_once(self) -> Pass:
        """One pass over all jobs and runs."""
        await self._index.synced()
        began = self._clock.monotonic()
        config = self._config()
        done = Pass(jobs_found=len(self._index))
        removals = await in_thread(  # so that a hundred thousand jobs do not hold the loop
            rules.aged,
            tuple(self._index.rows()),
            periodics={periodic.name for periodic in config.periodics},
            max_age=config.sinker.max_prowjob_age.seconds,
            now=self._clock.now().timestamp(),
        )
        for position in range(0, len(removals), _AT_ONCE):
            batch = removals[position : position + _AT_ONCE]
            for removal, error in zip(batch, await asyncio.gather(*map(self._delete, batch)), strict=True):
                done.jobs.add(removal.why, error)
        if self._runs is not None:
            await self._clean_runs(self._runs, config, {removal.row.name for removal in removals}, done)
        self._export(done, self._clock.monotonic() - began)
        return done

    async def _delete(self, removal: Removal) -> str:
        """Delete one job as it was when it was judged; why it could not be done, or nothing."""
        row = removal.row
        told = {"name": row.name, "job": row.job, "why": removal.why.value}
        if self._dry_run:
            _log.info("Dry run: this job would be deleted.", **told)
            return ""
        try:
            async with self._clock.timeout(_DEADLINE):
                await self._store.delete(row.name, resource_version=str(row.version))
        except NotFound:
            return ""
        except Exception as error:  # noqa: BLE001 - one bad job never stops the others
            return _failed("A job could not be deleted; the next pass tries it again.", error, told)
        _log.info("A job was deleted.", **told)
        return ""

    async def _clean_runs(self, runs: Runs, config: Config, deleted: set[str], done: Pass) -> None:
        try:
            found: Sequence[Run] = await runs.all()
        except (ProwError, OSError) as error:
            _log.error("The runs of jobs could not be listed.", error=str(error))
            return
        done.runs_found = len(found)
        for run in found:
            why = await self._why(run, config, deleted)
            if why is not None:
                done.runs.add(why, await self._remove(runs, run, why))

    async def _why(self, run: Run, config: Config, deleted: set[str]) -> Why | None:
        """Why the run goes. A job that seems not to exist is asked for: what the index shows may be old."""
        now = self._clock.now().timestamp()
        owner = None if run.name in deleted else self._index.get(run.name)
        if owner is not None:
            sinker = config.sinker
            max_age = sinker.max_pod_age.seconds
            ttl = sinker.terminated_pod_ttl.seconds if sinker.terminated_pod_ttl is not None else max_age
            return rules.run_is_over(run, owner, max_age=max_age, ttl=ttl, now=now)
        if not rules.may_be_orphaned(run, now=now):
            return None
        try:
            async with self._clock.timeout(_DEADLINE):
                await self._store.get(run.name)
        except NotFound:
            return Why.ORPHANED
        except (ProwError, TimeoutError) as error:
            _log.warning("It is not known whether this run's job exists.", name=run.name, error=str(error))
        return None

    async def _remove(self, runs: Runs, run: Run, why: Why) -> str:
        told = {"name": run.name, "build_id": run.build_id, "why": why.value}
        if self._dry_run:
            _log.info("Dry run: this run would be removed.", **told)
            return ""
        try:
            await runs.remove(run)
        except Exception as error:  # noqa: BLE001 - one bad run never stops the others
            return _failed("A run could not be removed; the next pass tries it again.", error, told)
        _log.info("A run was removed.", **told)
        return ""

    def _export(self, done: Pass, seconds: float) -> None:
        """A reason that does not occur keeps its value, as upstream."""
        metrics.JOBS_EXISTING.set(done.jobs_found)
        metrics.PODS_EXISTING.set(done.runs_found)
        metrics.LOOP_DURATION.set(seconds)
        counts: tuple[tuple[Gauge, dict[str, int]], ...] = (
            (metrics.JOBS_CLEANED, done.jobs.removed),
            (metrics.JOBS_CLEANING_ERRORS, done.jobs.errors),
            (metrics.PODS_REMOVED, done.runs.removed),
            (metrics.POD_REMOVAL_ERRORS, done.runs.errors),
        )
        for gauge, by_reason in counts:
            for reason, count in by_reason.items():
                gauge.labels(reason).set(count)

    async def _watch_sizes(self, path: Path) -> None:
        while True:
            try:
                for name, size in (await in_thread(configmaps.sizes, path)).items():
                    metrics.CONFIGMAP_SIZE.labels(name).set(size)
            except OSError as error:
                _log.warning("The ConfigMaps could not be measured.", path=str(path), error=str(error))
            await self._clock.sleep(_SIZES_EVERY)


def _failed(text: str, error: Exception, told: dict[str, str]) -> str:
    """Tell it; the reason for the metric."""
    if isinstance(error, ProwError | TimeoutError | OSError):
        _log.error(text, error=str(error) or "no answer", **told)
    else:
        _log.exception(text, **told)
    return next((reason for kind, reason in _STATUS_REASONS if isinstance(error, kind)), "Unknown")
