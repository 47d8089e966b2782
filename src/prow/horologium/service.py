"""The loop: looks at each periodic when its moment comes or something about it changes, asks the rules, and creates the run.

Nothing is polled: between two looks the loop sleeps until the earliest moment that the rules named, news of a periodic's run,
or `wake`. `horologium.tick_interval` is only the longest sleep, after which a changed configuration is noticed in any case and
what failed is tried again. A run is named by what made it due, so a second horologium, or a repeat after a crash, finds
it there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from prow.config.config import Config
from prow.config.job import Periodic
from prow.horologium import rules
from prow.horologium.ports import Jobs
from prow.horologium.reasons import NeverFires, Unusable
from prow.horologium.rules import Verdict
from prow.jobs.index import JobIndex, JobRow, latest, row_of
from prow.jobs.make import job_name, new_prowjob, periodic_spec
from prow.jobs.store import AlreadyExists, NotFound
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError
from prow.model.decision import Decision
from prow.model.prowjob import JobType, Label, ProwJob

_log = logs.get("horologium")
_TICK = 60.0
_SHORTEST_TICK = 1.0
_DEADLINE = 30.0
_SHOWN_AFTER = 300.0
"""Seconds after which the index has to have shown a run that was created."""
_AT_ONCE = 50
"""Periodics looked at without letting other tasks run."""


class _Known(msgspec.Struct, frozen=True):
    """A periodic, and since when this process knows it with its schedule."""

    periodic: Periodic
    since: datetime


class Horologium:
    """Call `run()` as a task, and `wake()` when the configuration has changed. `dry_run`: say what would be created."""

    def __init__(
        self,
        store: Jobs,
        index: JobIndex,
        *,
        config: Callable[[], Config],
        clock: Clock,
        dry_run: bool = False,
    ) -> None:
        self._store = store
        self._index = index
        self._config = config
        self._clock = clock
        self._dry_run = dry_run
        self._known: dict[str, _Known] = {}
        self._seen: Config | None = None
        self._look_at: set[str] = set()
        self._next: dict[str, datetime] = {}
        self._decisions: dict[str, Decision[Verdict]] = {}
        self._made: dict[str, JobRow] = {}
        self._told: dict[str, str] = {}
        self._news = asyncio.Event()

    @property
    def decisions(self) -> Mapping[str, Decision[Verdict]]:
        """Periodic → what was decided last: why it is not run now, and when it is looked at again."""
        return self._decisions

    def wake(self) -> None:
        """Look again now: the configuration has changed."""
        self._news.set()

    async def run(self) -> None:
        """For ever."""
        await self._index.synced()
        async with asyncio.TaskGroup() as tasks:
            ready = asyncio.Event()
            tasks.create_task(self._follow(ready), name="horologium-index")
            await ready.wait()
            while True:
                self._news.clear()
                await self._round()
                await self._rest()

    async def _follow(self, ready: asyncio.Event) -> None:
        async with self._index.subscribe() as changes:
            ready.set()
            async for row in changes:
                if changes.overflowed:
                    changes.overflowed = False
                    self._look_at.update(self._known)
                elif row.type is not JobType.PERIODIC:
                    continue
                made = self._made.get(row.job)
                if made is not None and made.name == row.name:
                    del self._made[row.job]
                self._look_at.add(row.job)
                self._news.set()

    async def _rest(self) -> None:
        if self._look_at:
            return
        pause = self._tick
        if self._next:
            pause = min(pause, (min(self._next.values()) - self._clock.now()).total_seconds())
        if pause <= 0:
            return
        try:
            async with self._clock.timeout(pause):
                await self._news.wait()
        except TimeoutError:
            return

    async def _round(self) -> None:
        """Look at every periodic that has news or whose moment has come."""
        now = self._clock.now()
        config = self._config()
        if config is not self._seen:
            self._take(config, now)
        due = self._look_at | {name for name, moment in self._next.items() if moment <= now}
        self._look_at = set()
        for position, name in enumerate(sorted(due & self._known.keys())):
            if position % _AT_ONCE == _AT_ONCE - 1:
                await self._clock.sleep(0)
            try:
                await self._look(name, config)
            except Exception:  # noqa: BLE001 - one bad periodic never stops the others
                _log.exception("A periodic could not be looked at.", job=name)
                self._next[name] = self._at_next_tick()

    def _take(self, config: Config, now: datetime) -> None:
        """Follow another configuration: everything is looked at again, what is no longer in it is forgotten."""
        known = {}
        for periodic in config.periodics:
            before = self._known.get(periodic.name)
            same = before is not None and before.periodic.cron == periodic.cron
            known[periodic.name] = _Known(periodic, before.since if same and before is not None else now)
        for gone in self._known.keys() - known.keys():
            for kept in (self._next, self._decisions, self._made, self._told):
                kept.pop(gone, None)
        self._known, self._seen = known, config
        self._look_at.update(known)

    async def _look(self, name: str, config: Config) -> None:
        decision = self._decide(name)
        if decision.verdict.create:
            await self._create(self._known[name].periodic, decision, config)
            decision = self._decide(name)
        self._decisions[name] = decision
        verdict = decision.verdict
        if verdict.create:  # nothing came of it, or it was a dry run
            self._next[name] = self._at_next_tick()
        elif verdict.look is None:
            self._next.pop(name, None)
        else:
            self._next[name] = verdict.look
        if name in self._made:  # should the index never show it, it is not waited for for ever
            self._next[name] = min(self._next.get(name, self._at_next_tick()), self._at_next_tick())
        if verdict.lost is not None:
            self._tell(name, "A periodic fired while its run goes on.", decision)
        elif any(isinstance(reason, NeverFires | Unusable) for reason in decision.reasons):
            self._tell(name, "A periodic does not run.", decision)

    def _decide(self, name: str) -> Decision[Verdict]:
        known = self._known[name]
        rows = [row for row in self._index.by_job(name) if row.type is JobType.PERIODIC]
        now = self._clock.now()
        made = self._made.get(name)
        if made is not None:
            if now.timestamp() - made.started < _SHOWN_AFTER:
                rows.append(made)
            else:
                del self._made[name]
        return rules.decide(known.periodic, latest(rows), now=now, known_since=known.since)

    def _at_next_tick(self) -> datetime:
        return self._clock.now() + timedelta(seconds=self._tick)

    @property
    def _tick(self) -> float:
        tick = self._seen.horologium.tick_interval if self._seen is not None else None
        return max(tick.seconds, _SHORTEST_TICK) if tick is not None else _TICK

    def _tell(self, name: str, text: str, decision: Decision[Verdict]) -> None:
        """Once for the same state of things, however often it is looked at."""
        why = decision.explain()
        key = f"{text} {decision.verdict.lost or why}"
        if self._told.get(name) != key:
            self._told[name] = key
            _log.warning(text, job=name, why=why)

    async def _create(self, periodic: Periodic, decision: Decision[Verdict], config: Config) -> None:
        verdict = decision.verdict
        job = _run_of(periodic, verdict, config, now=self._clock.now())
        told = {"job": periodic.name, "name": job.name, "why": decision.explain()}
        if self._dry_run:
            self._tell(periodic.name, "Dry run: this periodic would be started.", decision)
            return
        try:
            async with self._clock.timeout(_DEADLINE):
                try:
                    made = await self._store.create(job)
                    _log.info("A periodic was started.", **told)
                except AlreadyExists:
                    made = await self._store.get(job.name)
                    _log.info("A periodic was started already.", **told)
        except NotFound:
            return  # it was there and was removed since: decide again from what the index will show
        except (ProwError, TimeoutError) as error:
            _log.error("A periodic could not be started; it is tried again.", error=str(error) or "no answer", **told)
            return
        if self._index.get(made.name) is None:
            self._made[periodic.name] = row_of(made)


def _run_of(periodic: Periodic, verdict: Verdict, config: Config, *, now: datetime) -> ProwJob:
    spec = periodic_spec(periodic)
    rerun = {Label.RE_RUN: str(verdict.rerun)} if verdict.rerun else {}
    by_cron = {Label.CRON: periodic.cron} if periodic.cron else {}
    return new_prowjob(
        spec,
        name=job_name(f"horologium/{verdict.cause}", spec),
        namespace=config.prowjob_namespace,
        now=now,
        labels={**periodic.labels, **rerun},
        annotations={**periodic.annotations, **by_cron},
        scheduling=config.scheduler.enabled,
    )
