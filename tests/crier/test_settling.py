"""A state that a job leaves within a moment is not told: people see one status instead of two, GitHub takes one write. When what cannot be told is tried again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from prow.crier import rules
from prow.crier.service import Crier
from prow.jobs.store import JobChange, JobList
from prow.lib.errors import ProwError, Unauthenticated
from prow.lib.virtual_clock import VirtualClock
from prow.model.prowjob import JobState, ProwJob
from tests.contract.job_store import job


class Store:
    """The jobs, and what is told of them."""

    def __init__(self, made: ProwJob) -> None:
        self.job = made
        self.changes: asyncio.Queue[ProwJob] = asyncio.Queue()
        self.reads = 0

    def becomes(self, state: JobState) -> None:
        self.job = msgspec.structs.replace(self.job, status=msgspec.structs.replace(self.job.status, state=state))
        self.changes.put_nowait(self.job)

    async def follow(self) -> AsyncIterator[ProwJob]:
        while True:
            yield await self.changes.get()

    async def get(self, name: str) -> ProwJob:
        assert name == self.job.name
        self.reads += 1
        return self.job

    async def list(self, selector: str = "", *, limit: int = 0, continue_from: str = "") -> JobList:
        raise NotImplementedError

    def watch(self, since: str, selector: str = "") -> AsyncIterator[JobChange]:
        raise NotImplementedError

    async def patch(self, name: str, merge_patch: Mapping[str, Any], *, resource_version: str = "") -> ProwJob:
        del name, resource_version
        told = merge_patch["status"]["prev_report_states"]
        status = msgspec.structs.replace(
            self.job.status, prev_report_states={**self.job.status.prev_report_states, **told}
        )
        self.job = msgspec.structs.replace(self.job, status=status)
        return self.job


class Telling:
    name = "telling"
    deadline = 10.0

    def __init__(self, clock: VirtualClock) -> None:
        self.told: list[str] = []
        self.overtakes = 0
        self.trouble: ProwError | None = None
        self.takes = 0.0
        self.clock = clock

    def should_report(self, job: ProwJob) -> bool:
        return job.name != ""

    def lane(self, job: ProwJob) -> str:
        return job.name

    def settles(self, job: ProwJob) -> float:
        return rules.SETTLES if job.status.state in rules.BRIEF else 0.0

    def overtaken(self, job: ProwJob) -> None:
        assert job.name
        self.overtakes += 1

    async def report(self, job: ProwJob) -> tuple[ProwJob, ...]:
        if self.trouble is not None:
            raise self.trouble
        await self.clock.sleep(self.takes)
        self.told.append(str(job.status.state))
        return (job,)


class World:
    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.store = Store(job("unit"))
        self.reporter = Telling(self.clock)
        self.crier = Crier(self.store, self.store, [(self.reporter, 1)], clock=self.clock)


@asynccontextmanager
async def running() -> AsyncIterator[World]:
    world = World()
    task = asyncio.create_task(world.crier.run())
    try:
        yield world
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_job_that_starts_at_once_is_told_once() -> None:
    async with running() as world:
        world.store.becomes(JobState.TRIGGERED)
        await world.clock.sleep(rules.SETTLES / 2)
        assert not world.crier.idle
        world.store.becomes(JobState.PENDING)
        await world.clock.sleep(rules.SETTLES * 2)
        assert world.reporter.told == ["pending"]
        assert world.reporter.overtakes == 1
        assert world.crier.idle


async def test_a_job_that_has_to_wait_is_told_that_it_waits() -> None:
    async with running() as world:
        world.store.becomes(JobState.TRIGGERED)
        await world.clock.sleep(rules.SETTLES * 2)
        world.store.becomes(JobState.PENDING)
        await world.clock.sleep(rules.SETTLES)
        assert world.reporter.told == ["triggered", "pending"]
        assert world.reporter.overtakes == 0


@pytest.mark.parametrize("end", [JobState.SUCCESS, JobState.ABORTED])
async def test_a_job_that_ends_at_once_is_told_at_once(end: JobState) -> None:
    async with running() as world:
        world.store.becomes(JobState.TRIGGERED)
        world.store.becomes(end)
        await world.clock.sleep(0.01)
        assert world.reporter.told == [str(end)]


async def test_when_there_is_another_token_what_waits_is_told_soon() -> None:
    async with running() as world:
        world.reporter.trouble = Unauthenticated("GitHub does not know the token")
        world.store.becomes(JobState.SUCCESS)
        await world.clock.sleep(86_400)
        world.reporter.trouble = None
        await world.clock.sleep(Unauthenticated.longest + 1)
        assert world.reporter.told == ["success"]


async def test_what_was_just_offered_is_told_without_reading_it_again() -> None:
    async with running() as world:
        world.store.becomes(JobState.PENDING)
        await world.clock.sleep(1)
        world.store.becomes(JobState.SUCCESS)
        await world.clock.sleep(1)
        assert (world.reporter.told, world.store.reads) == (["pending", "success"], 0)


async def test_what_changes_while_it_waits_for_its_turn_is_told_as_it_is_then() -> None:
    async with running() as world:
        world.reporter.takes = 10
        world.store.becomes(JobState.PENDING)
        await world.clock.sleep(1)
        for state in (JobState.FAILURE, JobState.TRIGGERED, JobState.SUCCESS):
            world.store.becomes(state)
            await world.clock.sleep(1)
        await world.clock.sleep(30)
        assert world.reporter.told == ["pending", "success"]


async def test_what_failed_is_read_before_it_is_tried_again() -> None:
    async with running() as world:
        world.reporter.trouble = ProwError("down")
        world.store.becomes(JobState.PENDING)
        await world.clock.sleep(0.1)
        world.reporter.trouble = None
        await world.clock.sleep(1)
        assert (world.reporter.told, world.store.reads) == (["pending"], 1)
