"""What every job store must do, whoever keeps the jobs. Subclasses give a `store` fixture."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import msgspec
import pytest

from prow.jobs.store import AlreadyExists, Change, Conflict, InvalidJob, JobChange, JobStore, NotFound, pages
from prow.model.prowjob import JobState, JobType, Label, ObjectMeta, ProwJob, ProwJobSpec, ProwJobStatus
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

    async def test_a_pull_requests_jobs_are_found_by_its_labels(self, store: JobStore) -> None:
        await store.create(job("five", labels={Label.PULL: "5", Label.REPO: "rockets"}))
        await store.create(job("other-repo", labels={Label.PULL: "5", Label.REPO: "boosters"}))
        await store.create(job("six", labels={Label.PULL: "6", Label.REPO: "rockets"}))
        await store.create(job("push", labels={Label.REPO: "rockets"}))
        await store.patch("six", {"metadata": {"labels": {Label.PULL: "7"}}})
        for selector, names in (
            (f"{Label.REPO}=rockets,{Label.PULL}=5", {"five"}),
            (f"{Label.PULL}==5", {"five", "other-repo"}),
            (f"{Label.PULL}=6", set()),
            (f"{Label.PULL}=7", {"six"}),
            (f"{Label.PULL}=5,{Label.PULL}=7", set()),
            (f"{Label.PULL}!=5", {"six", "push"}),
        ):
            assert {found.name for found in (await store.list(selector)).items} == names, selector

    async def test_a_long_list_comes_in_pages(self, store: JobStore) -> None:
        for number in range(7):
            await store.create(job(f"job-{number}", labels={"odd": "yes"} if number % 2 else {}))
        read = [page async for page in pages(store, size=3)]
        assert sorted(found.name for page in read for found in page.items) == [f"job-{n}" for n in range(7)]
        assert max(len(page.items) for page in read) <= 3
        odd = [page async for page in pages(store, "odd=yes", size=3)]
        assert sorted(found.name for page in odd for found in page.items) == ["job-1", "job-3", "job-5"]

    async def test_what_changes_between_two_pages_is_told_by_a_watch_from_the_first(self, store: JobStore) -> None:
        for name in ("a", "b", "c", "d"):
            await store.create(job(name))
        first = await store.list(limit=2)
        seen = {found.name for found in first.items}
        changed, removed = sorted(seen)
        await store.patch(changed, {"status": {"description": "later"}})
        await store.delete(removed)
        await store.create(job("0"))
        rest = await store.list(limit=10, continue_from=first.continue_from)
        assert rest.resource_version == first.resource_version
        assert not rest.continue_from
        changes = store.watch(first.resource_version)
        told = [await next_change(changes) for _ in range(3)]
        assert [(t.change, t.job and t.job.name) for t in told] == [
            (Change.MODIFIED, changed),
            (Change.DELETED, removed),
            (Change.ADDED, "0"),
        ]

    async def test_a_watch_with_a_selector_tells_who_comes_and_who_leaves(self, store: JobStore) -> None:
        await store.create(job("in", labels={"kind": "a"}))
        await store.create(job("out", labels={"kind": "b"}))
        changes = store.watch((await store.list()).resource_version, "kind=a")
        await store.patch("out", {"status": {"description": "nobody looks"}})
        await store.patch("out", {"metadata": {"labels": {"kind": "a"}}})
        await store.patch("in", {"status": {"description": "seen"}})
        await store.patch("in", {"metadata": {"labels": {"kind": "b"}}})
        await store.delete("in")
        await store.delete("out")
        told = [await next_change(changes) for _ in range(4)]
        assert [(t.change, t.job and t.job.name) for t in told] == [
            (Change.ADDED, "out"),
            (Change.MODIFIED, "in"),
            (Change.DELETED, "in"),
            (Change.DELETED, "out"),
        ]

    async def test_a_job_keeps_its_name(self, store: JobStore) -> None:
        await store.create(job())
        with pytest.raises(InvalidJob, match="name"):
            await store.patch("one", {"metadata": {"name": "two"}})
        assert (await store.get("one")).name == "one"

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
        await store.delete("one")
        await store.patch("one", {"metadata": {"finalizers": None}})
        with pytest.raises(NotFound):
            await store.get("one")
