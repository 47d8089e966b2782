"""What every job store must do, whoever keeps the jobs. Subclasses give a `store` fixture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest

from prow.jobs.store import AlreadyExists, Change, Conflict, InvalidJob, JobChange, JobStore, NotFound
from prow.model.prowjob import JobState, JobType, ObjectMeta, ProwJob, ProwJobSpec, ProwJobStatus
from prow.model.refs import Pull, Refs

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def job(name: str = "one", *, labels: dict[str, str] | None = None, finalizers: tuple[str, ...] = ()) -> ProwJob:
    refs = Refs(
        org="acme",
        repo="rockets",
        base_ref="main",
        base_sha="a" * 40,
        pulls=(Pull(number=5, author="mia", sha="b" * 40),),
    )
    return ProwJob(
        metadata=ObjectMeta(name=name, labels=labels or {}, finalizers=finalizers),
        spec=ProwJobSpec(type=JobType.PRESUBMIT, agent="kubernetes", job="unit", context="unit", refs=refs),
        status=ProwJobStatus(start_time=NOW, state=JobState.TRIGGERED),
    )


async def next_change(changes: AsyncIterator[JobChange]) -> JobChange:
    async with asyncio.timeout(5):  # noqa: TID251 - a guard against a watch that hangs
        while True:
            change = await anext(changes)
            if change.change is not Change.BOOKMARK:
                return change


class JobStoreContract:
    async def test_a_created_job_can_be_read_with_what_the_store_adds(self, store: JobStore) -> None:
        made = await store.create(job())
        assert made.metadata.uid
        assert made.metadata.creation_timestamp is not None
        assert made.metadata.resource_version
        assert await store.get("one") == made
        assert (made.spec, made.status) == (job().spec, job().status)

    async def test_a_name_is_given_once(self, store: JobStore) -> None:
        await store.create(job())
        with pytest.raises(AlreadyExists):
            await store.create(job())

    async def test_a_missing_job_is_told(self, store: JobStore) -> None:
        with pytest.raises(NotFound):
            await store.get("none")
        with pytest.raises(NotFound):
            await store.patch("none", {"status": {"description": "x"}})
        with pytest.raises(NotFound):
            await store.delete("none")

    async def test_an_update_of_an_old_version_is_a_conflict(self, store: JobStore) -> None:
        old = await store.create(job())
        new = await store.patch("one", {"status": {"description": "first"}})
        with pytest.raises(Conflict):
            await store.update(msgspec.structs.replace(old, spec=msgspec.structs.replace(old.spec, context="other")))
        with pytest.raises(Conflict):
            await store.patch(
                "one", {"status": {"description": "second"}}, resource_version=old.metadata.resource_version
            )
        assert await store.get("one") == new

    async def test_a_merge_patch_changes_only_what_it_names(self, store: JobStore) -> None:
        await store.create(job(labels={"a": "1", "b": "2"}))
        patch = {"metadata": {"labels": {"a": None, "c": "3"}}, "status": {"state": "pending", "build_id": "7"}}
        made = await store.patch("one", patch)
        assert made.metadata.labels == {"b": "2", "c": "3"}
        assert (made.status.state, made.status.build_id, made.status.start_time) == (JobState.PENDING, "7", NOW)

    async def test_what_breaks_the_crds_rules_is_refused(self, store: JobStore) -> None:
        await store.create(job())
        with pytest.raises(InvalidJob, match="completionTime"):
            await store.patch("one", {"status": {"state": "success"}})
        with pytest.raises(InvalidJob):
            await store.patch("one", {"status": {"state": "unheard-of"}})
        with pytest.raises(InvalidJob, match="object name"):
            await store.create(job("../../etc"))

    async def test_lists_are_chosen_by_labels(self, store: JobStore) -> None:
        await store.create(job("one", labels={"kind": "a", "tier": "x"}))
        await store.create(job("two", labels={"kind": "b"}))
        await store.create(job("three"))
        for selector, names in (
            ("", {"one", "two", "three"}),
            ("kind=a", {"one"}),
            ("kind in (a, b)", {"one", "two"}),
            ("kind!=a", {"two", "three"}),
            ("!kind", {"three"}),
            ("kind,tier==x", {"one"}),
            ("kind notin (a)", {"two", "three"}),
        ):
            assert {found.name for found in (await store.list(selector)).items} == names, selector

    async def test_a_watch_goes_on_where_the_list_ended(self, store: JobStore) -> None:
        await store.create(job("before"))
        listed = await store.list()
        await store.create(job("one"))
        changes = store.watch(listed.resource_version)
        first = await next_change(changes)
        assert (first.change, first.job and first.job.name) == (Change.ADDED, "one")
        await store.patch("one", {"status": {"description": "seen"}})
        second = await next_change(changes)
        assert (second.change, second.job and second.job.status.description) == (Change.MODIFIED, "seen")
        await store.delete("one")
        assert (await next_change(changes)).change is Change.DELETED

    async def test_two_watches_both_see_everything(self, store: JobStore) -> None:
        since = (await store.list()).resource_version
        watches = [store.watch(since), store.watch(since)]
        waiting = [asyncio.ensure_future(next_change(watch)) for watch in watches]
        await store.create(job())
        assert [(await w).change for w in waiting] == [Change.ADDED, Change.ADDED]

    async def test_an_empty_patch_is_no_change(self, store: JobStore) -> None:
        made = await store.create(job())
        assert await store.patch("one", {"status": {"state": "triggered"}}) == made

    async def test_a_job_with_finalizers_goes_with_the_last_of_them(self, store: JobStore) -> None:
        await store.create(job(finalizers=("prow.x-k8s.io/gcsk8sreporter",)))
        await store.delete("one")
        assert (await store.get("one")).metadata.deletion_timestamp is not None
        await store.patch("one", {"metadata": {"finalizers": None}})
        with pytest.raises(NotFound):
            await store.get("one")
