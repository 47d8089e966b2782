from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.jobs.build_id import BuildIds
from prow.jobs.index import JobIndex
from prow.jobs.sqlite_store import SQLiteJobStore
from prow.lib.clock import SystemClock
from prow.lib.virtual_clock import VirtualClock
from prow.model.prowjob import JobState
from tests.contract.job_store import job


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SQLiteJobStore]:
    store = await SQLiteJobStore.open(tmp_path / "jobs.db", clock=SystemClock())
    yield store
    await store.close()


@pytest.fixture
async def index(store: SQLiteJobStore) -> AsyncIterator[JobIndex]:
    await store.create(job("early"))
    index = JobIndex(store, clock=SystemClock())
    running = asyncio.create_task(index.run())
    await index.synced()
    yield index
    running.cancel()


async def test_rows_are_found_by_all_they_are_asked_by(store: SQLiteJobStore, index: JobIndex) -> None:
    async with index.subscribe() as changes:
        await store.create(job("late"))
        await store.patch("late", {"status": {"state": "pending", "build_id": "77"}})
        while (await anext(changes)).build_id != "77":
            pass
    row = index.by_build_id("77")
    assert row is not None
    assert (row.name, row.state, row.org, row.repo) == ("late", JobState.PENDING, "acme", "rockets")
    assert {r.name for r in index.by_pull("acme", "rockets", 5)} == {"early", "late"}
    assert {r.name for r in index.by_job("unit")} == {"early", "late"}
    assert {r.name for r in index.open()} == {"early", "late"}
    assert row.as_job().spec.refs is not None


async def test_finished_and_removed_jobs_leave_the_open_ones(store: SQLiteJobStore, index: JobIndex) -> None:
    async with index.subscribe() as changes:
        done = {"status": {"state": "success", "completionTime": "2026-03-04T06:00:00Z"}}
        await store.patch("early", done)
        assert (await anext(changes)).complete
        assert not list(index.open())
        await store.delete("early")
        assert (await anext(changes)).deleted
    assert index.get("early") is None
    assert not list(index.by_job("unit"))


async def test_a_subscriber_that_does_not_keep_up_is_told(store: SQLiteJobStore, index: JobIndex) -> None:
    async with index.subscribe() as changes:
        row = index.get("early")
        assert row is not None
        for _ in range(2_001):
            changes.put(row)
        assert changes.overflowed


def test_build_ids_are_snowflakes_that_grow() -> None:
    ids = BuildIds(VirtualClock())
    made = [ids.new() for _ in range(5_000)]
    assert len(set(made)) == 5_000
    assert made == sorted(made, key=int)
    assert int(made[0]) >> 12 & 0x3FF == 1
