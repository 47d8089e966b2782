"""The reconciler over a real store, with an engine that is a model of one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from prow.config.config import Config
from prow.jobs.build_id import BuildIds
from prow.jobs.engine import Execution, Phase, Rejected
from prow.jobs.index import JobIndex, JobRow
from prow.jobs.sqlite_store import SQLiteJobStore
from prow.lib.clock import SystemClock
from prow.lib.errors import Retry
from prow.model.prowjob import JobState, JobType, ProwJob
from prow.plank.service import Plank
from tests.contract.job_store import job


class Machine:
    """An engine that runs what it is told and ends when the test says so."""

    name = "machine"

    def __init__(self) -> None:
        self.runs: dict[str, Execution] = {}
        self.started: list[str] = []
        self.aborted: list[str] = []
        self.errors: list[Exception] = []
        self.refused = asyncio.Event()
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.forgotten: asyncio.Queue[str] = asyncio.Queue()
        self._changes: asyncio.Queue[Execution] = asyncio.Queue()

    def handles(self, job: ProwJob) -> bool:
        return job.spec.agent == "kubernetes"

    async def start(self, job: ProwJob) -> Execution:
        if self.errors:
            self.refused.set()
            raise self.errors.pop(0)
        if job.name not in self.runs or self.runs[job.name].build_id != job.status.build_id:
            self.started.append(job.status.build_id)
            self.begun.put_nowait(job.name)
            self.runs[job.name] = Execution(name=job.name, build_id=job.status.build_id, phase=Phase.RUNNING)
        return self.runs[job.name]

    async def executions(self) -> tuple[Execution, ...]:
        return tuple(self.runs.values())

    async def watch(self) -> AsyncIterator[Execution]:
        while True:
            yield await self._changes.get()

    async def abort(self, name: str) -> None:
        self.aborted.append(name)
        self.end(name, Phase.FAILED)

    async def forget(self, name: str) -> None:
        self.runs.pop(name, None)
        self.forgotten.put_nowait(name)

    def end(self, name: str, phase: Phase) -> None:
        self.runs[name] = msgspec.structs.replace(self.runs[name], phase=phase)
        self._changes.put_nowait(self.runs[name])


class World:
    def __init__(self, store: SQLiteJobStore, machine: Machine) -> None:
        self.store = store
        self.machine = machine
        clock = SystemClock()
        self.index = JobIndex(store, clock=clock)
        self.plank = Plank(
            store=store, index=self.index, engines=[machine], config=Config, build_ids=BuildIds(clock), clock=clock
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self.index.run()), asyncio.create_task(self.plank.run())]
        await self.index.synced()

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until(self, name: str, state: JobState, *, complete: bool | None = None) -> JobRow:
        """The row when the job is in that state."""
        async with asyncio.timeout(10), self.index.subscribe() as changes:  # noqa: TID251 - a guard against hanging
            while True:
                row = self.index.get(name)
                if row is not None and row.state is state and (complete is None or row.complete is complete):
                    return row
                await anext(changes)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await SQLiteJobStore.open(tmp_path / "jobs.db", clock=SystemClock())
    world = World(store, Machine())
    await world.start()
    yield world
    await world.stop()
    await store.close()


async def test_a_job_runs_from_triggered_to_success(world: World) -> None:
    await world.store.create(job())
    row = await world.until("one", JobState.PENDING)
    assert (row.description, row.build_id) == ("Job triggered.", world.machine.started[0])
    made = await world.store.get("one")
    assert made.status.pod_name == "one"
    assert made.metadata.labels["prow.k8s.io/build-id"] == row.build_id
    world.machine.end("one", Phase.SUCCEEDED)
    row = await world.until("one", JobState.SUCCESS)
    assert (row.description, row.complete) == ("Job succeeded.", True)


async def test_a_job_that_cannot_run_becomes_an_error_that_names_the_reason(world: World) -> None:
    world.machine.errors = [Rejected("spec.hostNetwork: not supported here")]
    await world.store.create(job())
    row = await world.until("one", JobState.ERROR)
    assert row.description == "Pod can not be created: spec.hostNetwork: not supported here"


async def test_a_passing_fault_is_tried_again(world: World) -> None:
    world.machine.errors = [Retry("disk full", after=0.01)]
    await world.store.create(job())
    await world.until("one", JobState.PENDING)
    assert len(world.machine.started) == 1


async def test_an_aborted_job_is_stopped_and_completed(world: World) -> None:
    await world.store.create(job())
    await world.until("one", JobState.PENDING)
    await world.store.patch("one", {"status": {"state": "aborted", "description": "Aborted by trigger plugin."}})
    row = await world.until("one", JobState.ABORTED, complete=True)
    assert (row.description, world.machine.aborted) == ("Aborted by trigger plugin.", ["one"])


async def test_a_limit_holds_although_the_index_lags(world: World) -> None:
    for number in range(5):
        made = job(f"job-{number}")
        spec = msgspec.structs.replace(made.spec, type=JobType.PERIODIC, max_concurrency=1, refs=None, job="nightly")
        await world.store.create(msgspec.structs.replace(made, spec=spec))
    for number in range(5):
        await world.until(f"job-{number}", JobState.PENDING)
        assert [e.name for e in await world.machine.executions()] == [f"job-{number}"]
        world.machine.end(f"job-{number}", Phase.SUCCEEDED)
        await world.until(f"job-{number}", JobState.SUCCESS)


async def test_a_running_presubmit_gives_way_to_a_newer_one(world: World) -> None:
    await world.store.create(job("old"))
    await world.until("old", JobState.PENDING)
    newer = job("new")
    started = newer.status.start_time
    assert started is not None
    later = msgspec.structs.replace(newer.status, start_time=started + timedelta(seconds=5))
    await world.store.create(msgspec.structs.replace(newer, status=later))
    await world.until("old", JobState.ABORTED, complete=True)
    assert (await world.store.get("old")).status.prev_report_states == {"github-reporter": "aborted"}
    await world.until("new", JobState.PENDING)
    assert world.machine.aborted == ["old"]


async def test_an_abort_does_not_wait_for_the_next_attempt(world: World) -> None:
    world.machine.errors = [Retry("disk full", after=600)]
    await world.store.create(job())
    await world.machine.refused.wait()
    await world.store.patch("one", {"status": {"state": "aborted"}})
    await world.until("one", JobState.ABORTED, complete=True)


async def test_the_run_of_a_deleted_job_is_stopped(world: World) -> None:
    await world.store.create(job())
    await world.until("one", JobState.PENDING)
    await world.store.delete("one")
    assert await world.machine.forgotten.get() == "one"
    assert world.machine.aborted == ["one"]


async def test_waiting_jobs_tell_why(world: World) -> None:
    made = job()
    await world.store.create(msgspec.structs.replace(made, spec=msgspec.structs.replace(made.spec, agent="jenkins")))
    async with asyncio.timeout(10):  # noqa: TID251 - a guard against hanging
        while "one" not in world.plank.waiting_reasons():
            await SystemClock().sleep(0.001)  # plank tells nobody that a job has begun to wait
    assert "jenkins" in world.plank.waiting_reasons()["one"]


async def test_after_a_restart_a_running_job_is_found_and_a_lost_one_is_started_again(world: World) -> None:
    await world.store.create(job("kept"))
    other = job("lost")
    await world.store.create(msgspec.structs.replace(other, spec=msgspec.structs.replace(other.spec, job="other")))
    kept, lost = await world.until("kept", JobState.PENDING), await world.until("lost", JobState.PENDING)
    await world.stop()
    del world.machine.runs["lost"]
    again = World(world.store, world.machine)
    await again.start()
    world.machine.end("kept", Phase.SUCCEEDED)
    assert (await again.until("kept", JobState.SUCCESS)).build_id == kept.build_id
    assert [await world.machine.begun.get() for _ in range(3)][2] == "lost"
    assert world.machine.started[2] not in {kept.build_id, lost.build_id}
    await again.stop()
