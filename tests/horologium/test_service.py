"""Horologium over the real store, on virtual time. `Machine` stands for plank and the engine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from prow.config.config import Config
from prow.config.job import Periodic, Retry
from prow.config.sections import Horologium as Options
from prow.config.sections import Scheduler
from prow.horologium.service import Horologium
from prow.jobs.index import JobIndex
from prow.jobs.sqlite_store import MIGRATIONS, SQLiteJobStore
from prow.jobs.store import Unavailable
from prow.lib.clock import SystemClock
from prow.lib.durations import MINUTE, Duration
from prow.lib.sqlite import Database
from prow.lib.virtual_clock import VirtualClock
from prow.model.prowjob import JobState, JobType, Label, ProwJob

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY = 24 * 3600.0
HOUR = 3600.0


class Machine:
    """Ends each run after its minutes."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.minutes: dict[str, float] = {}
        self.ends: dict[str, JobState] = {}

    async def run(self) -> None:
        async with self._world.index.subscribe() as changes, asyncio.TaskGroup() as tasks:
            begun: set[str] = set()
            async for row in changes:
                if row.name not in begun and not row.complete:
                    begun.add(row.name)
                    tasks.create_task(self._end(row.name, row.job))

    async def _end(self, name: str, job: str) -> None:
        clock = self._world.clock
        await clock.sleep(60 * self.minutes.get(job, 5))
        now = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        state = self.ends.get(job, JobState.SUCCESS)
        await self._world.store.patch(name, {"status": {"state": state.value, "completionTime": now}})


class World:
    def __init__(self, store: SQLiteJobStore, clock: VirtualClock) -> None:
        self.store = store
        self.clock = clock
        self.index = JobIndex(store, clock=clock)
        self.machine = Machine(self)
        self.config = Config()
        self.horologium = self.another()

    def another(self, *, store: object = None, dry_run: bool = False) -> Horologium:
        chosen = store or self.store
        return Horologium(
            chosen,  # type: ignore[arg-type]
            self.index,
            config=lambda: self.config,
            clock=self.clock,
            dry_run=dry_run,
        )

    def configure(self, *periodics: Periodic) -> None:
        self.config = Config(periodics=periodics)

    @asynccontextmanager
    async def on(self, *horologiums: Horologium) -> AsyncIterator[None]:
        """While the block lasts horologium is up."""
        up = [asyncio.create_task(each.run()) for each in horologiums or (self.horologium,)]
        yield
        for task in up:
            task.cancel()
        await asyncio.gather(*up, return_exceptions=True)

    async def runs(self, job: str = "") -> list[str]:
        """`day hh:mm:ss` of each start, Monday is 0."""
        listed = await self.store.list()
        starts = sorted(
            found.status.start_time for found in listed.items if found.status.start_time and job in {"", found.spec.job}
        )
        return [f"{(start - MONDAY).days} {start:%H:%M:%S}" for start in starts]


def reasons(caplog: pytest.LogCaptureFixture, text: str) -> list[str]:
    """Why, of each line of the log with that text."""
    return [getattr(record, "fields", {})["why"] for record in caplog.records if record.message == text]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    database = await Database.open(tmp_path / "jobs.db", MIGRATIONS, synchronous="OFF")
    # The store looks for other processes by real time: a simulated week must not mean six million looks.
    store = SQLiteJobStore(database, clock=SystemClock())
    world = World(store, VirtualClock(MONDAY))
    tasks = [asyncio.create_task(world.index.run()), asyncio.create_task(world.machine.run())]
    await world.index.synced()
    yield world
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await store.close()


async def test_a_week_of_periodics(world: World) -> None:
    world.configure(
        Periodic(name="twice-a-day", interval="12h"),
        Periodic(name="rests", minimum_interval="12h"),
        Periodic(name="nightly", cron="30 2 * * *"),
        Periodic(name="weekdays", cron="0 9 * * 1-5"),
        Periodic(name="sundays", cron="@weekly"),
    )
    world.machine.minutes["rests"] = 60
    async with world.on():
        await world.clock.sleep(7 * DAY + 1)
    assert await world.runs("twice-a-day") == [f"{n // 2} {12 * (n % 2):02}:00:00" for n in range(15)]
    rests = await world.runs("rests")
    assert rests[:3] == ["0 00:00:00", "0 13:00:00", "1 02:00:00"]
    assert len(rests) == 13
    assert await world.runs("nightly") == [f"{day} 02:30:00" for day in range(7)]
    assert await world.runs("weekdays") == [f"{day} 09:00:00" for day in range(5)]
    assert await world.runs("sundays") == ["6 00:00:00"]


async def test_a_run_is_what_the_periodic_says(world: World) -> None:
    periodic = Periodic(
        name="nightly", cron="@hourly", agent="kubernetes", cluster="big", labels={"team": "a"}, annotations={"x": "y"}
    )
    world.config = Config(periodics=(periodic,), prowjob_namespace="prow", scheduler=Scheduler(enabled=True))
    async with world.on():
        await world.clock.sleep(HOUR + 1)
    (job,) = (await world.store.list()).items
    assert (job.spec.type, job.spec.job, job.spec.cluster, job.spec.report) == (
        JobType.PERIODIC,
        "nightly",
        "big",
        True,
    )
    assert job.spec.refs is None
    assert job.status.state is JobState.SCHEDULING
    assert job.metadata.labels["team"] == "a"
    assert Label.RE_RUN not in job.metadata.labels
    assert (job.metadata.annotations["x"], job.metadata.annotations[Label.CRON]) == ("y", "@hourly")


async def test_a_long_stop_is_made_up_for_by_one_run(world: World) -> None:
    world.configure(Periodic(name="nightly", cron="30 2 * * *"), Periodic(name="every", cron="@every 6h"))
    async with world.on():
        await world.clock.sleep(DAY)
    await world.clock.sleep(3 * DAY + 9 * HOUR)
    async with world.on(world.another()):
        await world.clock.sleep(DAY)
    assert await world.runs("nightly") == ["0 02:30:00", "4 09:00:00", "5 02:30:00"]
    every = await world.runs("every")
    assert every[:6] == ["0 00:00:00", "0 06:00:00", "0 12:00:00", "0 18:00:00", "4 09:00:00", "4 15:00:00"]


async def test_a_restart_starts_nothing_that_is_not_due(world: World) -> None:
    world.configure(
        Periodic(name="every", cron="@every 6h"),
        Periodic(name="interval", interval="6h"),
        Periodic(name="nightly", cron="30 2 * * *"),
    )
    for _ in range(10):
        async with world.on(world.another()):
            await world.clock.sleep(600)
    assert await world.runs() == ["0 00:00:00", "0 00:00:00"]


async def test_two_horologiums_start_each_run_once(world: World) -> None:
    world.configure(Periodic(name="often", cron="* * * * *"), Periodic(name="interval", interval="5m"))
    world.machine.minutes = {"often": 0.5, "interval": 1}
    async with world.on(world.another(), world.another()):
        await world.clock.sleep(HOUR - 1)
    assert await world.runs("often") == [f"0 00:{minute:02}:00" for minute in range(1, 60)]
    assert await world.runs("interval") == [f"0 00:{minute:02}:00" for minute in range(0, 60, 5)]


async def test_a_firing_during_a_run_is_told_and_starts_nothing(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.configure(Periodic(name="long", cron="0 * * * *"))
    world.machine.minutes["long"] = 150
    with caplog.at_level(logging.WARNING):
        async with world.on():
            await world.clock.sleep(5 * HOUR)
    assert await world.runs() == ["0 01:00:00", "0 04:00:00"]
    (told,) = reasons(caplog, "A periodic fired while its run goes on.")
    assert told.endswith("firings from 2026-01-05 02:00:00 UTC until its end are passed over")


async def test_an_interval_that_ends_during_a_run_begins_the_next_when_it_ends(world: World) -> None:
    world.configure(Periodic(name="long", interval="1h"))
    world.machine.minutes["long"] = 90
    async with world.on():
        await world.clock.sleep(4 * HOUR)
    assert await world.runs() == ["0 00:00:00", "0 01:30:00", "0 03:00:00"]


async def test_a_failed_periodic_is_repeated_until_it_may_no_more(world: World) -> None:
    retry = Retry(attempts=2, interval="20m")
    world.configure(
        Periodic(name="flaky", interval="6h", retry=retry), Periodic(name="good", interval="6h", retry=retry)
    )
    world.machine.ends["flaky"] = JobState.FAILURE
    async with world.on():
        await world.clock.sleep(7 * HOUR + 1)
    assert await world.runs("flaky") == ["0 00:00:00", "0 00:20:00", "0 00:40:00", "0 06:40:00", "0 07:00:00"]
    assert await world.runs("good") == ["0 00:00:00", "0 06:00:00"]
    jobs = sorted((await world.store.list("prow.k8s.io/job=flaky")).items, key=lambda job: str(job.status.start_time))
    assert [job.metadata.labels.get(Label.RE_RUN) for job in jobs] == [None, "1", "2", None, "1"]


async def test_a_changed_configuration_is_followed_at_once(world: World) -> None:
    world.config = Config(horologium=Options(tick_interval=Duration(30 * MINUTE)))
    async with world.on():
        await world.clock.sleep(60)
        world.configure(Periodic(name="new", interval="1h"), Periodic(name="nightly", cron="0 * * * *"))
        world.horologium.wake()
        await world.clock.sleep(1)
        assert await world.runs() == ["0 00:01:00"]
        await world.clock.sleep(HOUR)
        # A new expression begins with its next firing, also when it would have fired since the last run.
        world.configure(Periodic(name="nightly", cron="1 * * * *"))
        await world.clock.sleep(HOUR)
        assert set(world.horologium.decisions) == {"nightly"}
    assert await world.runs("new") == ["0 00:01:00", "0 01:01:00"]
    assert await world.runs("nightly") == ["0 01:00:00", "0 02:01:00"]


async def test_without_a_word_a_changed_configuration_is_noticed_at_the_next_tick(world: World) -> None:
    async with world.on():
        await world.clock.sleep(10)
        world.configure(Periodic(name="new", interval="1h"))
        await world.clock.sleep(61)
    assert await world.runs() == ["0 00:01:00"]


class Faulty:
    """A store that fails for one periodic some times."""

    def __init__(self, store: SQLiteJobStore, job: str, times: int, error: Exception) -> None:
        self._store = store
        self._job = job
        self._times = times
        self._error = error

    async def create(self, job: ProwJob) -> ProwJob:
        if job.spec.job == self._job and self._times:
            self._times -= 1
            raise self._error
        return await self._store.create(job)

    async def get(self, name: str) -> ProwJob:
        return await self._store.get(name)


@pytest.mark.parametrize("error", [Unavailable("disk full"), TypeError("a bug")])
async def test_what_cannot_be_started_is_tried_at_the_next_tick_and_holds_up_nobody(
    world: World, error: Exception
) -> None:
    world.configure(Periodic(name="bad", interval="1h"), Periodic(name="good", interval="1h"))
    async with world.on(world.another(store=Faulty(world.store, "bad", 2, error))):
        await world.clock.sleep(300)
    assert await world.runs("good") == ["0 00:00:00"]
    assert await world.runs("bad") == ["0 00:02:00"]


async def test_a_run_that_was_removed_by_hand_is_started_again(world: World) -> None:
    world.configure(Periodic(name="interval", interval="10h"))
    async with world.on():
        await world.clock.sleep(600)
        (job,) = (await world.store.list()).items
        await world.store.delete(job.name)
        await world.clock.sleep(60)
    assert await world.runs() == ["0 00:10:00"]


async def test_a_dry_run_says_what_it_would_start(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.configure(Periodic(name="interval", interval="1h"))
    with caplog.at_level(logging.INFO):
        async with world.on(world.another(dry_run=True)):
            await world.clock.sleep(600)
    assert await world.runs() == []
    assert reasons(caplog, "Dry run: this periodic would be started.") == ["it has never run"]


async def test_what_can_never_run_is_told_once_and_holds_up_nobody(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.configure(Periodic(name="a-zone", cron="TZ=Europe/Berlin 0 2 * * *"), Periodic(name="good", cron="0 * * * *"))
    with caplog.at_level(logging.WARNING):
        async with world.on():
            await world.clock.sleep(2 * HOUR + 1)
    assert await world.runs() == ["0 01:00:00", "0 02:00:00"]
    (told,) = reasons(caplog, "A periodic does not run.")
    assert "take no time zone" in told


async def test_runs_that_are_not_periodics_do_not_count(world: World) -> None:
    world.configure(Periodic(name="both", interval="1h"))
    async with world.on():
        await world.clock.sleep(1)
        (job,) = (await world.store.list()).items
        meta = msgspec.structs.replace(job.metadata, name="by-hand", labels={})
        spec = msgspec.structs.replace(job.spec, type=JobType.POSTSUBMIT)
        status = msgspec.structs.replace(job.status, start_time=world.clock.now() + timedelta(minutes=30))
        await world.store.create(msgspec.structs.replace(job, metadata=meta, spec=spec, status=status))
        await world.clock.sleep(HOUR)
    assert len(await world.runs()) == 3
