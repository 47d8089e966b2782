from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.jobs.sqlite_store import MIGRATIONS, SQLiteJobStore
from prow.jobs.store import Change, Gone
from prow.lib.clock import SystemClock
from prow.lib.sqlite import Database
from prow.model.prowjob import JobState
from tests.contract.job_store import JobStoreContract, job, next_change


class TestSQLite(JobStoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SQLiteJobStore]:
        store = await SQLiteJobStore.open(tmp_path / "jobs.db", clock=SystemClock())
        yield store
        await store.close()

    async def test_jobs_survive_a_restart(self, store: SQLiteJobStore, tmp_path: Path) -> None:
        made = await store.create(job())
        await store.close()
        again = await SQLiteJobStore.open(tmp_path / "jobs.db", clock=SystemClock())
        assert await again.get("one") == made
        await again.close()

    async def test_another_process_sees_changes(self, store: SQLiteJobStore, tmp_path: Path) -> None:
        other = await SQLiteJobStore.open(tmp_path / "jobs.db", clock=SystemClock())
        changes = other.watch((await other.list()).resource_version)
        await store.create(job())
        seen = await next_change(changes)
        assert seen.change is Change.ADDED
        assert seen.job is not None
        assert seen.job.status.state is JobState.TRIGGERED
        await other.close()

    async def test_a_watch_from_before_the_horizon_is_gone(self, tmp_path: Path) -> None:
        database = await Database.open(tmp_path / "small.db", MIGRATIONS)
        store = SQLiteJobStore(database, clock=SystemClock(), horizon=10)
        await store.create(job())
        for number in range(520):
            await store.patch("one", {"status": {"description": str(number)}})
        with pytest.raises(Gone):
            await anext(store.watch("1"))
        with pytest.raises(Gone):
            await anext(store.watch("9999"))
        await store.close()
