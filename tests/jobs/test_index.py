from __future__ import annotations

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from prow.jobs.build_id import BuildIds
from prow.jobs.index import Changes, JobIndex, JobRow
from prow.jobs.sqlite_store import MIGRATIONS, SQLiteJobStore
from prow.jobs.store import Gone, JobChange, JobList
from prow.lib.clock import SystemClock
from prow.lib.sqlite import Database
from prow.lib.virtual_clock import VirtualClock
from prow.model.prowjob import JobState, JobType, Label, ProwJob
from tests.contract.job_store import NOW, job
from tests.support.data import golden, needs_data


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


async def until(changes: Changes, name: str) -> JobRow:
    """The next row of that name."""
    while (row := await anext(changes)).name != name:
        pass
    return row


async def test_tide_finds_the_tests_of_a_branch(store: SQLiteJobStore, index: JobIndex) -> None:
    batch = job("batch", labels={Label.CREATED_BY_TIDE: "true"})
    batch = msgspec.structs.replace(batch, spec=msgspec.structs.replace(batch.spec, type=JobType.BATCH))
    push = job("push")
    push = msgspec.structs.replace(push, spec=msgspec.structs.replace(push.spec, type=JobType.POSTSUBMIT))
    async with index.subscribe() as changes:
        await store.create(batch)
        await store.create(push)
        await until(changes, "push")
        found = {row.name: row for row in index.by_branch("acme", "rockets", "main")}
        assert set(found) == {"early", "batch"}
        assert (found["batch"].by_tide, found["early"].by_tide) == (True, False)
        assert found["batch"].base_sha == "a" * 40
        assert [(p.number, p.sha, p.author) for p in found["batch"].pulls] == [(5, "b" * 40, "mia")]
        assert not list(index.by_branch("acme", "rockets", "release"))
        await store.delete("batch")
        assert (await until(changes, "batch")).deleted
        assert [row.name for row in index.by_branch("acme", "rockets", "main")] == ["early"]


async def test_unfinished_runs_of_a_job_are_told_from_the_finished(store: SQLiteJobStore, index: JobIndex) -> None:
    async with index.subscribe() as changes:
        await store.create(job("late"))
        await until(changes, "late")
        assert {row.name for row in index.open_by_job("unit")} == {"early", "late"}
        await store.patch("early", {"status": {"state": "error", "completionTime": "2026-03-04T06:00:00Z"}})
        await until(changes, "early")
    assert [row.name for row in index.open_by_job("unit")] == ["late"]
    early, late = index.get("early"), index.get("late")
    assert early is not None
    assert late is not None
    assert early.identity == ""
    assert late.identity
    assert late.pulls is early.pulls


async def test_a_row_says_what_its_labels_say(store: SQLiteJobStore, index: JobIndex) -> None:
    async with index.subscribe() as changes:
        await store.create(job("third", labels={Label.RE_RUN: "3", Label.RETEST: "true"}, finalizers=("keep/me",)))
        third = await until(changes, "third")
        await store.patch("early", {"metadata": {"annotations": {Label.CRON: "@daily"}}})
        assert (await until(changes, "early")).cron == "@daily"
        await store.create(job("odd", labels={Label.RE_RUN: "many"}))
        odd = await until(changes, "odd")
        await store.delete("third")
        marked = await until(changes, "third")
    assert (third.rerun, third.retest, third.deleting) == (3, True, False)
    assert (odd.rerun, odd.retest) == (-1, False)
    assert (marked.deleting, marked.deleted) == (True, False)


async def test_an_index_that_fell_behind_lists_again(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "small.db", MIGRATIONS, synchronous="OFF")
    store = SQLiteJobStore(database, clock=SystemClock(), horizon=10)
    store_behind = Behind(store)
    await store.create(job("gone"))
    await store.create(job("stays"))
    index = JobIndex(store_behind, clock=SystemClock())
    running = asyncio.create_task(index.run())
    await index.synced()
    async with index.subscribe() as changes:
        await store.delete("gone")
        await store.create(job("new"))
        store_behind.gone.set()
        assert (await until(changes, "gone")).deleted
    assert {row.name for row in index.rows()} == {"new", "stays"}
    running.cancel()
    await database.close()


class Behind:
    """A store whose watch tells nothing but, once, that it is too late."""

    def __init__(self, store: SQLiteJobStore) -> None:
        self._store = store
        self.gone = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def watch(self, since: str, selector: str = "") -> AsyncIterator[JobChange]:
        if not self.gone.is_set():
            await self.gone.wait()
            raise Gone("too late")
        async for change in self._store.watch(since, selector):
            yield change


async def test_news_from_before_the_list_changes_nothing(store: SQLiteJobStore) -> None:
    """A page that was read late already has what the watch, which begins at the first page, tells afterwards."""
    for name in ("a", "b"):
        await store.create(job(name))
    await store.delete("b")
    newer = await store.create(job("b"))
    replayed = Replaying(store)
    index = JobIndex(replayed, clock=SystemClock())
    async with index.subscribe() as changes:
        running = asyncio.create_task(index.run())
        await index.synced()
        await store.patch("a", {"status": {"description": "end"}})
        while (await until(changes, "a")).description != "end":
            pass
        running.cancel()
    row = index.get("b")
    assert row is not None
    assert str(row.version) == newer.metadata.resource_version
    assert index.by_build_id("") is None


class Replaying:
    """A store whose lists say that they began before everything."""

    def __init__(self, store: SQLiteJobStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def list(self, selector: str = "", *, limit: int = 0, continue_from: str = "") -> JobList:
        page = await self._store.list(selector, limit=limit, continue_from=continue_from)
        return msgspec.structs.replace(page, resource_version="0")


@needs_data
def test_a_finished_job_costs_about_a_kilobyte() -> None:
    """20,000 jobs like those of Kubernetes and Metal3, all look-ups included: 21 MB measured."""
    templates = [
        msgspec.convert(case["out"]["prowjob"], ProwJob) for case in golden("prowjobs-and-pods") if "out" in case
    ]
    # Twice: the table of interned texts, which the whole process shares, may grow by megabytes in one of them.
    assert min(bytes_a_row(templates, first) for first in (0, 10_000)) < 1_400


def bytes_a_row(templates: list[ProwJob], first: int) -> float:
    count = 2_000
    kept = JobIndex(Replaying(None), clock=SystemClock())  # type: ignore[arg-type]
    gc.collect()
    tracemalloc.start()
    for number in range(first, first + count):
        encoded = msgspec.json.encode(finished(templates[number % len(templates)], number))
        kept._take(msgspec.json.decode(encoded, type=ProwJob), deleted=False)
    gc.collect()  # what was made on the way is not kept
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(kept) == count
    return used / count


def finished(template: ProwJob, number: int) -> ProwJob:
    """A run of that job for a pull request that ten jobs share."""
    refs = template.spec.refs
    if refs is not None and refs.pulls:
        pull = msgspec.structs.replace(refs.pulls[0], number=number // 10, sha=f"{number // 10:040x}")
        refs = msgspec.structs.replace(refs, pulls=(pull,), base_sha=f"{number // 50:040x}")
    build_id = str(1899999999999999999 + (number << 22))
    start = NOW + timedelta(seconds=30 * number)
    return msgspec.structs.replace(
        template,
        metadata=msgspec.structs.replace(
            template.metadata, name=str(UUID(int=number)), resource_version=str(number + 1), creation_timestamp=start
        ),
        spec=msgspec.structs.replace(template.spec, refs=refs),
        status=msgspec.structs.replace(
            template.status,
            start_time=start,
            completion_time=start + timedelta(minutes=9),
            state=JobState.SUCCESS,
            description="Job succeeded.",
            build_id=build_id,
            url=f"https://prow.example.org/view/s3/prow-logs/pr-logs/pull/org_repo/{number}/{template.spec.job}/{build_id}",
        ),
    )


def test_build_ids_are_snowflakes_that_grow() -> None:
    ids = BuildIds(VirtualClock())
    made = [ids.new() for _ in range(5_000)]
    assert len(set(made)) == 5_000
    assert made == sorted(made, key=int)
    assert int(made[0]) >> 12 & 0x3FF == 1
