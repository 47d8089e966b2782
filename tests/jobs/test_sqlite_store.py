from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from prow.jobs import changelog
from prow.jobs.sqlite_store import MIGRATIONS, SQLiteJobStore
from prow.jobs.store import Change, Gone, Unavailable
from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from prow.lib.sqlite import Database
from prow.model.prowjob import JobState, Label
from tests.contract.job_store import JobStoreContract, job, next_change

DATA = Path(__file__).parents[1] / "data"


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
        with pytest.raises(Gone):
            await store.list(limit=1, continue_from="1:one")
        await store.close()

    async def test_a_place_in_a_list_that_nobody_gave_is_refused(self, store: SQLiteJobStore) -> None:
        for place in ("here", "x:one", ":one"):
            with pytest.raises(UsageError, match="no place"):
                await store.list(limit=1, continue_from=place)

    async def test_a_pull_requests_jobs_are_read_without_all_the_others(
        self, store: SQLiteJobStore, tmp_path: Path
    ) -> None:
        with closing(sqlite3.connect(tmp_path / "jobs.db")) as file:
            plan = file.execute(
                "EXPLAIN QUERY PLAN SELECT name, body FROM jobs WHERE pull = '5' AND name > '' ORDER BY name LIMIT 9"
            ).fetchall()
        assert "jobs_pull (pull=? AND name>?)" in str(plan)

    async def test_a_broken_file_is_a_fault_that_may_pass(self, store: SQLiteJobStore, tmp_path: Path) -> None:
        await store.create(job())
        with closing(sqlite3.connect(tmp_path / "jobs.db")) as file:
            file.execute("DROP TABLE changes")
            with pytest.raises(Unavailable, match="written"):
                await store.create(job("two"))
            with pytest.raises(Unavailable, match="read"):
                await anext(store.watch("1"))

    async def test_what_this_process_changed_reaches_its_watches_without_a_read(self, tmp_path: Path) -> None:
        store = await SQLiteJobStore.open(tmp_path / "of-one.db", clock=SystemClock(), poll=1e9)
        changes = store.watch("0")
        await store.create(job())
        await next_change(changes)
        await store.create(job("two"))
        with closing(sqlite3.connect(tmp_path / "of-one.db")) as file, file:
            file.execute("DELETE FROM changes")
        change = await next_change(changes)
        assert (change.change, change.resource_version) == (Change.ADDED, "2")
        assert change.job == await store.get("two")
        await store.close()

    async def test_what_another_process_changed_in_between_is_not_passed_over(
        self, store: SQLiteJobStore, tmp_path: Path
    ) -> None:
        other = await SQLiteJobStore.open(tmp_path / "jobs.db", clock=SystemClock())
        watches = [reader.watch("0") for reader in (store, other)]
        seen: list[list[str]] = [[], []]
        for writer, name in ((store, "one"), (other, "two"), (store, "three"), (store, "four"), (other, "five")):
            await writer.create(job(name))
            if name in {"one", "four", "five"}:
                for names, changes in zip(seen, watches, strict=True):
                    while name not in names:
                        change = await next_change(changes)
                        names.append(change.job.name if change.job else "")
        assert seen == [["one", "two", "three", "four", "five"]] * 2
        await other.close()

    async def test_a_watch_that_is_far_behind_reads_what_is_no_longer_in_memory(self, store: SQLiteJobStore) -> None:
        changes = store.watch("0")
        await store.create(job())
        await next_change(changes)
        for number in range(2 * changelog.RECENT):
            await store.create(job(f"job-{number}"))
        seen = [await next_change(changes) for _ in range(2 * changelog.RECENT)]
        assert [change.resource_version for change in seen] == [str(n + 2) for n in range(len(seen))]


class TestFilesOfEarlierReleases:
    """`tests/data/jobs-vN.sql` is a file of schema version N as a release wrote it."""

    @pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
    async def test_a_file_of_before_is_brought_up_to_date(self, version: int, tmp_path: Path) -> None:
        path = tmp_path / "jobs.db"
        with closing(sqlite3.connect(path)) as file:
            file.executescript((DATA / f"jobs-v{version}.sql").read_text())
        store = await SQLiteJobStore.open(path, clock=SystemClock())
        listed = await store.list()
        assert {found.name: found.status.state for found in listed.items} == {
            "one": JobState.SUCCESS,
            "two": JobState.TRIGGERED,
        }
        mine = await store.list(f"{Label.PULL}=5")
        assert [found.name for found in mine.items] == ["one"]
        changes = store.watch("0")
        seen = [await next_change(changes) for _ in range(4)]
        assert [(c.change, c.job and c.job.name) for c in seen] == [
            (Change.ADDED, "one"),
            (Change.ADDED, "two"),
            (Change.MODIFIED, "one"),
            (Change.DELETED, "three"),
        ]
        await store.patch("two", {"metadata": {"labels": {Label.PULL: "5"}}})
        assert len((await store.list(f"{Label.PULL}=5")).items) == 2
        await store.close()
