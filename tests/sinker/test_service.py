"""Sinker over the real store, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from prometheus_client import REGISTRY

from prow.config.config import Config
from prow.config.job import Periodic
from prow.config.sections import Sinker as Options
from prow.jobs.index import JobIndex
from prow.jobs.sqlite_store import MIGRATIONS, SQLiteJobStore
from prow.jobs.store import Conflict, NotFound, Unavailable
from prow.lib.clock import SystemClock
from prow.lib.durations import HOUR, Duration
from prow.lib.errors import Retry
from prow.lib.sqlite import Database
from prow.lib.virtual_clock import VirtualClock
from prow.model.base import go_time
from prow.model.prowjob import JobState, JobType, ProwJob
from prow.sinker.service import Sinker
from tests.contract.job_store import job

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
DAY = 24 * 3600.0


class Folder(msgspec.Struct, frozen=True):
    name: str
    build_id: str
    started: float


class Disk:
    """Runs of jobs."""

    def __init__(self) -> None:
        self.runs: list[Folder] = []
        self.fails: dict[str, Exception] = {}
        self.listing: Exception | None = None

    async def all(self) -> list[Folder]:
        if self.listing is not None:
            raise self.listing
        return list(self.runs)

    async def remove(self, run: Folder) -> None:
        if run.name in self.fails:
            raise self.fails[run.name]
        self.runs.remove(run)


class World:
    def __init__(self, store: SQLiteJobStore) -> None:
        self.store = store
        self.clock = VirtualClock(MONDAY)
        self.index = JobIndex(store, clock=self.clock)
        self.disk = Disk()
        self.config = Config()
        self.sinker = self.another()

    def another(self, *, store: object = None, dry_run: bool = False, job_config_path: str = "") -> Sinker:
        return Sinker(
            store or self.store,  # type: ignore[arg-type]
            self.index,
            config=lambda: self.config,
            clock=self.clock,
            runs=self.disk,
            dry_run=dry_run,
            job_config_path=job_config_path,
        )

    async def ended(self, name: str, *, type: JobType = JobType.PRESUBMIT, finalizers: tuple[str, ...] = ()) -> ProwJob:  # noqa: A002
        """A job that began and ended now, as the index knows it."""
        made = job(name, finalizers=finalizers)
        now = go_time(self.clock.now())
        status = msgspec.structs.replace(made.status, start_time=now, completion_time=now, state=JobState.SUCCESS)
        spec = msgspec.structs.replace(made.spec, type=type)
        async with self.index.subscribe() as changes:
            made = await self.store.create(msgspec.structs.replace(made, spec=spec, status=status))
            while (await anext(changes)).name != name:
                pass
        return made

    async def names(self) -> set[str]:
        return {found.name for found in (await self.store.list()).items}

    async def settled(self, names: set[str]) -> None:
        """Wait until the index has seen that these are the jobs."""
        async with self.index.subscribe() as changes:
            while {row.name for row in self.index.rows()} != names:
                await anext(changes)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    database = await Database.open(tmp_path / "jobs.db", MIGRATIONS, synchronous="OFF")
    store = SQLiteJobStore(database, clock=SystemClock())
    world = World(store)
    running = asyncio.create_task(world.index.run())
    await world.index.synced()
    yield world
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()


def metric(name: str, /, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_jobs_go_a_week_after_their_start(world: World) -> None:
    await world.ended("first")
    await world.store.create(job("never-ends"))
    await world.clock.sleep(DAY)
    await world.ended("second")
    await world.clock.sleep(6 * DAY + 1)
    done = await world.sinker.run_once()
    assert await world.names() == {"second", "never-ends"}
    assert (done.jobs_found, done.jobs.removed, done.jobs.errors) == (3, {"aged": 1}, {})
    assert metric("sinker_prow_jobs_existing") == 3
    assert metric("sinker_prow_jobs_cleaned", reason="aged") == 1
    assert metric("sinker_loop_duration_seconds") is not None


async def test_the_last_run_of_a_periodic_stays_as_long_as_it_is_configured(world: World) -> None:
    world.config = Config(periodics=(Periodic(name="unit", interval="1h"),))
    await world.ended("before-last", type=JobType.PERIODIC)
    await world.clock.sleep(DAY)
    await world.ended("last", type=JobType.PERIODIC)
    await world.clock.sleep(30 * DAY)
    assert (await world.sinker.run_once()).jobs.removed == {"aged-periodic": 1}
    assert await world.names() == {"last"}
    await world.settled({"last"})
    world.config = Config()
    await world.sinker.run_once()
    assert await world.names() == set()


async def test_it_looks_each_resync_period_and_reads_the_period_anew(world: World) -> None:
    await world.ended("first")
    await world.clock.sleep(7 * DAY - 3590)
    running = asyncio.create_task(world.sinker.run())
    await world.clock.sleep(3600 + 1)
    assert await world.names() == set()
    world.config = Config(sinker=Options(resync_period=Duration(48 * HOUR), max_prowjob_age=Duration(HOUR)))
    await world.clock.sleep(3600)
    await world.ended("second")
    await world.clock.sleep(47 * 3600 - 10)
    assert await world.names() == {"second"}
    await world.clock.sleep(3620)
    assert await world.names() == set()
    running.cancel()


async def test_a_changed_configuration_is_followed_when_it_is_told(world: World) -> None:
    await world.ended("old")
    await world.clock.sleep(3600)
    running = asyncio.create_task(world.sinker.run())
    await world.clock.sleep(1)
    assert await world.names() == {"old"}
    world.config = Config(sinker=Options(max_prowjob_age=Duration(HOUR)))
    world.sinker.wake()
    await world.clock.sleep(1)
    assert await world.names() == set()
    running.cancel()


async def test_a_job_that_was_changed_since_it_was_judged_stays_until_the_next_pass(world: World) -> None:
    await world.ended("old")
    await world.clock.sleep(8 * DAY)

    class Behind(Faulty):
        async def delete(self, name: str, *, resource_version: str = "") -> None:
            await world.store.patch(name, {"status": {"description": "news"}})
            await super().delete(name, resource_version=resource_version)

    done = await world.another(store=Behind(world.store, {})).run_once()
    assert (done.jobs.removed, done.jobs.errors) == ({}, {"Conflict": 1})
    async with world.index.subscribe() as changes:
        await world.store.patch("old", {"metadata": {"labels": {"seen": "true"}}})
        while (await anext(changes)).version < int((await world.store.get("old")).metadata.resource_version):
            pass
    assert (await world.sinker.run_once()).jobs.removed == {"aged": 1}
    assert await world.names() == set()


class Faulty:
    def __init__(self, store: SQLiteJobStore, errors: dict[str, Exception]) -> None:
        self._store = store
        self._errors = errors

    async def get(self, name: str) -> ProwJob:
        if f"get {name}" in self._errors:
            raise self._errors[f"get {name}"]
        return await self._store.get(name)

    async def delete(self, name: str, *, resource_version: str = "") -> None:
        if name in self._errors:
            raise self._errors[name]
        await self._store.delete(name, resource_version=resource_version)


async def test_one_job_that_cannot_be_deleted_holds_up_no_other(world: World) -> None:
    for number in range(50):
        await world.ended(f"job-{number}")
    await world.clock.sleep(8 * DAY)
    errors: dict[str, Exception] = {
        "job-1": Conflict("changed"),
        "job-2": Unavailable("locked"),
        "job-3": TypeError("a bug"),
        "job-4": NotFound("somebody was faster"),
        "job-5": TimeoutError(),
    }
    done = await world.another(store=Faulty(world.store, errors)).run_once()
    assert done.jobs.removed == {"aged": 46}
    assert done.jobs.errors == {"Conflict": 1, "ServiceUnavailable": 1, "Unknown": 1, "Timeout": 1}
    assert await world.names() == {"job-1", "job-2", "job-3", "job-4", "job-5"}
    assert metric("sinker_prow_jobs_cleaning_errors", reason="Conflict") == 1
    await world.settled(await world.names())
    await world.sinker.run_once()
    assert await world.names() == set()


async def test_a_job_with_finalizers_is_marked_once_and_goes_when_they_are_gone(world: World) -> None:
    await world.ended("held", finalizers=("prow.x-k8s.io/gcsk8sreporter",))
    await world.clock.sleep(8 * DAY)
    async with world.index.subscribe() as changes:
        assert (await world.sinker.run_once()).jobs.removed == {"aged": 1}
        await anext(changes)
    held = await world.store.get("held")
    assert held.metadata.deletion_timestamp is not None
    assert (await world.sinker.run_once()).jobs.removed == {}
    await world.store.patch("held", {"metadata": {"finalizers": None}})
    assert await world.names() == set()


async def test_a_dry_run_deletes_nothing(world: World) -> None:
    await world.ended("old")
    world.disk.runs.append(Folder("gone", "1", MONDAY.timestamp()))
    await world.clock.sleep(8 * DAY)
    done = await world.another(dry_run=True).run_once()
    assert (done.jobs.removed, done.runs.removed) == ({"aged": 1}, {"orphaned": 1})
    assert await world.names() == {"old"}
    assert world.disk.runs


async def test_what_a_removed_job_left_on_disk_goes_with_it(world: World) -> None:
    await world.ended("old")
    await world.clock.sleep(7 * DAY - 60)
    await world.ended("ended-today")
    await world.store.create(job("goes-on"))
    started = MONDAY.timestamp()
    now = world.clock.now().timestamp()
    keeps = [Folder("goes-on", "1", started), Folder("ended-today", "1", now), Folder("just-made", "1", now)]
    world.disk.runs = [Folder("old", "1", started), Folder("ended-today", "0", started), *keeps]
    await world.clock.sleep(29)
    await world.settled({"old", "ended-today", "goes-on"})
    await world.clock.sleep(32)
    world.disk.runs[-1] = msgspec.structs.replace(keeps[-1], started=world.clock.now().timestamp() - 29)
    done = await world.sinker.run_once()
    assert {(run.name, run.build_id) for run in world.disk.runs} == {(run.name, run.build_id) for run in keeps}
    assert done.runs.removed == {"orphaned": 1, "aged": 1}
    assert metric("sinker_pods_existing") == 5
    assert metric("sinker_pods_removed", reason="orphaned") == 1


async def test_runs_that_cannot_be_listed_asked_for_or_removed_are_left_for_the_next_pass(world: World) -> None:
    started = MONDAY.timestamp()
    world.disk.runs = [Folder(name, "1", started) for name in ("bad", "unknown", "good")]
    world.disk.fails["bad"] = PermissionError("not yours")
    await world.clock.sleep(60)
    sinker = world.another(store=Faulty(world.store, {"get unknown": Retry("locked")}))
    done = await sinker.run_once()
    assert [run.name for run in world.disk.runs] == ["bad", "unknown"]
    assert (done.runs.removed, done.runs.errors) == ({"orphaned": 1}, {"Unknown": 1})
    world.disk.listing = OSError("no disk")
    await world.ended("old")
    await world.clock.sleep(8 * DAY)
    assert (await sinker.run_once()).jobs.removed == {"aged": 1}


async def test_the_sizes_of_mounted_configmaps_are_exported(world: World, tmp_path: Path) -> None:
    for name, size in (("jobs-a", 10), ("jobs-b", 20)):
        data = tmp_path / "jobs" / name / "..2026_01_05"
        data.mkdir(parents=True)
        (data / "jobs.yaml").write_text("x" * size)
        (data.parent / "..data").symlink_to(data.name)
        (data.parent / "jobs.yaml").symlink_to("..data/jobs.yaml")
    (tmp_path / "jobs" / "no-mount").mkdir()
    path = tmp_path / "jobs"
    single = path / "jobs-a" / "jobs.yaml"
    for given in (path, path / "jobs-a", single, path / "missing"):
        running = asyncio.create_task(world.another(job_config_path=str(given)).run())
        await world.clock.sleep(1)
        running.cancel()
    assert metric("job_configmap_size", name=str(path / "jobs-a")) == 10
    assert metric("job_configmap_size", name=str(path / "jobs-b")) == 20
    assert metric("job_configmap_size", name=str(path / "no-mount")) is None
