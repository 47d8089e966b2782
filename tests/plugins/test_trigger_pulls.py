"""What happens to a pull request, and which jobs it starts or ends (`spec/plugins-review` §4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from prow.github.pulls import FILES_LISTED
from prow.jobs.store import NotFound
from prow.lib.errors import Retry
from prow.model.events import EventKind, PullRequestEvent
from prow.model.prowjob import JobState
from prow.plugin.ports import OpenJob
from prow.plugins.trigger.start import ABORT_TEXT, CUT
from tests.plugins.trigger import OK, Told
from tests.plugins.world import REPO, loaded


async def test_a_members_pull_request_runs_what_its_changes_ask_for(tell: Any) -> None:
    story = tell({"author": "ann", "files": ["docs/a.md"]})
    await story.pull("opened")
    assert story.world.jobs == ["unit", "docs", "opt"]
    assert sorted(story.world.calls) == ["get_ref", "is_member", "list_files"]
    job = story.world.created[0]
    assert job.status.state is JobState.TRIGGERED
    assert job.metadata.labels["prow.k8s.io/is-optional"] == "false"
    assert job.metadata.labels["event-GUID"] == "guid-1"


async def test_a_repeated_delivery_makes_no_second_job(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.pull("opened", guid="g")
    await story.pull("opened", guid="g")
    assert story.world.jobs == ["unit", "opt"]


async def test_a_job_that_exists_already_is_as_good_as_made(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.pull("opened", guid="g")
    fresh = tell({"author": "ann"})
    fresh.world.created = story.world.created
    await fresh.pull("opened", guid="g")
    assert fresh.world.jobs == ["unit", "opt"]


async def test_a_job_that_cannot_be_made_does_not_stop_the_others_and_is_tried_again(tell: Any) -> None:
    story = tell({"author": "ann"})
    story.world.faults["create"] = [Retry("the store is away")]
    with pytest.raises(Retry):
        await story.pull("opened", guid="g")
    assert story.world.jobs == ["opt"]
    await story.pull("opened", guid="g")
    assert story.world.jobs == ["opt", "unit"]


async def test_a_draft_runs_nothing_until_it_is_ready(tell: Any) -> None:
    story = tell({"author": "ann", "draft": True})
    await story.pull("opened")
    assert "draft" in story.world.said[0]
    await story.pull("synchronize")
    assert not story.world.jobs
    await story.comment("ann", "/test unit")
    assert story.world.jobs == ["unit"]
    story.world.state["draft"] = False
    await story.pull("ready_for_review")
    assert story.world.jobs == ["unit", "unit", "opt"]


async def test_a_conflict_is_not_tested(tell: Any) -> None:
    story = tell({"author": "ann", "mergeable": False})
    await story.pull("opened")
    await story.comment("ann", "/test unit")
    assert not story.world.jobs
    assert not story.world.said


@pytest.mark.parametrize(
    ("action", "more", "jobs"),
    [
        ("reopened", {}, 2),
        ("edited", {"base_changed": True}, 2),
        ("edited", {}, 0),
        ("labeled", {"label": "lgtm"}, 0),
        ("labeled", {"label": OK, "sender": "ann"}, 2),
        ("labeled", {"label": OK, "sender": "the-bot"}, 0),
        ("labeled", {"label": "x"}, 0),
        ("assigned", {}, 0),
    ],
)
async def test_what_starts_jobs_of_a_trusted_pull_request(
    tell: Any, action: str, more: dict[str, Any], jobs: int
) -> None:
    story = tell({"author": "ann"})
    await story.pull(action, **more)
    assert len(story.world.jobs) == jobs


async def test_lgtm_starts_the_jobs_of_a_stranger(tell: Any) -> None:
    story = tell()
    await story.pull("labeled", label="lgtm")
    assert story.world.jobs == ["unit", "opt"]


@pytest.mark.parametrize("action", ["reopened", "synchronize", "ready_for_review"])
async def test_a_stranger_waits_whatever_they_do(tell: Any, action: str) -> None:
    story = tell()
    await story.pull(action)
    assert not story.world.jobs


@pytest.mark.parametrize("action", ["closed", "converted_to_draft", "synchronize"])
async def test_runs_that_nobody_needs_are_aborted(tell: Any, action: str) -> None:
    story = tell()
    story.world.open_jobs = [OpenJob("a", "1"), OpenJob("b", "7")]
    await story.pull(action)
    assert story.world.aborted == ["a", "b"]


async def test_a_repeat_does_not_abort_what_the_first_try_started(tell: Any) -> None:
    story = tell({"author": "ann"})
    story.world.open_jobs = [OpenJob("older", "1")]
    story.world.faults["create"] = [Retry("the store is away")]
    with pytest.raises(Retry):
        await story.pull("synchronize", guid="g")
    await story.pull("synchronize", guid="g")
    assert story.world.aborted == ["older"]
    assert sorted(story.world.jobs) == ["opt", "unit"]


async def test_a_run_that_has_just_finished_stays_finished(tell: Any) -> None:
    story = tell()
    world = story.world
    world.open_jobs = [OpenJob("a", "1")]

    class Late:
        """The index learns only at the second look that the job has changed, and then that it is complete."""

        looks = 0

        def unfinished_presubmits(self, org: str, repo: str, number: int) -> Sequence[OpenJob]:
            self.looks += 1
            return [OpenJob("a", "0")] if self.looks == 1 else []

    late = Late()
    world.unfinished_presubmits = late.unfinished_presubmits
    await story.pull("closed")
    assert world.aborted == []
    assert late.looks == 2


async def test_an_index_that_stays_behind_is_asked_again_later(tell: Any) -> None:
    story = tell()
    story.world.open_jobs = [OpenJob("a", "1")]
    story.world.unfinished_presubmits = lambda *_: [OpenJob("a", "0")]
    with pytest.raises(Retry):
        await story.pull("closed")


async def test_a_job_that_is_gone_is_not_missed(tell: Any) -> None:
    story = tell()
    story.world.open_jobs = [OpenJob("a", "1"), OpenJob("b", "1")]
    story.world.faults["patch"] = [NotFound("a")]
    await story.pull("closed")
    assert story.world.aborted == ["b"]


def test_the_words_of_an_abort_are_those_that_others_know() -> None:
    assert ABORT_TEXT == "Aborted by trigger plugin."


@pytest.mark.parametrize("action", ["opened", "synchronize"])
async def test_what_is_told_of_an_older_head_ends_no_jobs_of_the_newer_one(tell: Any, action: str) -> None:
    """A webhook that was late, or was delivered again."""
    story = tell({"author": "ann", "created_at": datetime(2026, 1, 5, 8, 59, tzinfo=UTC)})
    late = PullRequestEvent(action=action, guid="late", number=5, repo=REPO, pull_request=story.world.pull())
    story.world.state["head"] = "second"
    await story.pull("synchronize")
    assert story.world.jobs == ["unit", "opt"]
    await story.deliver(late, EventKind.PULL_REQUEST)
    assert story.world.jobs == ["unit", "opt"]
    assert not story.world.aborted


async def test_of_two_pushes_told_in_the_wrong_order_the_older_one_ends_no_jobs(tell: Any) -> None:
    story = tell({"author": "ann"})
    pushed = story.world.pull()
    older = PullRequestEvent(
        action="synchronize", guid="older", number=5, repo=REPO, pull_request=pushed, before="first"
    )
    story.world.state["head"] = "third"
    story.world.open_jobs = [OpenJob("new", "1", "third")]
    await story.deliver(older, EventKind.PULL_REQUEST)
    assert (story.world.jobs, story.world.aborted) == ([], [])
    story.world.open_jobs = [OpenJob("old", "1", "first")]
    await story.pull("synchronize", before="first")
    assert story.world.aborted == ["old"]
    assert story.world.jobs == ["unit", "opt"]


async def test_a_repository_without_jobs_costs_nothing(tmp_path: Path) -> None:
    story = Told(loaded(tmp_path), {})
    await story.pull("opened")
    await story.pull("synchronize")
    assert not story.world.calls


async def test_of_more_files_than_github_lists_only_those_are_looked_at_and_that_is_said(
    tell: Any, caplog: pytest.LogCaptureFixture
) -> None:
    files = [f"src/{number}" for number in range(FILES_LISTED)]
    story = tell({"author": "ann", "files": [*files[1:], "docs/a.md"]})
    await story.pull("opened")
    assert story.world.jobs == ["unit", "docs", "opt"]
    assert caplog.messages == [CUT]
    story = tell({"author": "ann", "files": files})
    await story.pull("opened")
    assert story.world.jobs == ["unit", "opt"]
