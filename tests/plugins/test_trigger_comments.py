"""What people say to start jobs, and what they are answered (`spec/plugins-review` §4)."""

from __future__ import annotations

from typing import Any

import pytest

from prow.plugins.trigger import rules


@pytest.mark.parametrize(
    ("words", "jobs"),
    [
        ("/test all", ["unit", "opt"]),
        ("/test unit", ["unit"]),
        ("/test unit manual", ["unit", "manual"]),
        ("please run odd", ["odd"]),
        ("/test-manual-required", ["manual", "odd"]),
        ("/retest-required\n```\n/test manual\n```", ["unit", "manual"]),
        ("```\n/test unit\n```", []),
        ("/test unit\r\n", ["unit"]),
        ("I like it", []),
    ],
)
async def test_what_a_comment_starts(tell: Any, words: str, jobs: list[str]) -> None:
    story = tell({"author": "ann"})
    await story.comment("ann", words)
    assert story.world.jobs == jobs


async def test_retest_runs_what_failed_and_what_never_ran(tell: Any) -> None:
    statuses = [{"context": "unit", "state": "failure"}, {"context": "docs", "state": "error"}]
    statuses += [{"context": "opt", "state": "pending"}]
    story = tell({"author": "ann", "statuses": statuses})
    await story.comment("ann", "/retest")
    assert story.world.jobs == ["unit", "docs"]
    assert {job.metadata.labels["prow.k8s.io/retest"] for job in story.world.created} == {"true"}


async def test_retest_required_leaves_optional_jobs_alone(tell: Any) -> None:
    statuses = [{"context": "opt", "state": "failure"}, {"context": "unit", "state": "success"}]
    story = tell({"author": "ann", "statuses": statuses})
    await story.comment("ann", "/retest-required")
    assert story.world.jobs == []
    await story.comment("ann", "/retest")
    assert story.world.jobs == ["opt"]


async def test_a_question_is_answered_and_the_answer_goes_when_it_is_used(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.comment("ann", "/test ?")
    (said,) = story.world.said
    assert "```\n/test unit\n```" in said
    assert "- `please run odd`" in said
    assert "/test old" not in said
    await story.comment("ann", "/test nonsense")
    assert rules.NOTE_TARGET_NOT_FOUND in story.world.said[1]
    await story.comment("ann", "/test unit")
    assert not story.world.said
    assert story.world.jobs == ["unit"]


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ("/test", rules.NOTE_TEST_NEEDS_TARGET),
        ("/retest unit", rules.NOTE_RETEST_TAKES_NONE),
        ("/test nonsense", rules.NOTE_TARGET_NOT_FOUND),
    ],
)
async def test_what_cannot_be_done_is_answered_with_what_can(tell: Any, words: str, note: str) -> None:
    story = tell({"author": "ann"})
    await story.comment("ann", words)
    assert note in story.world.said[0]
    assert not story.world.jobs


@pytest.mark.parametrize(
    "more", [{"is_pr": False}, {"action": "edited"}, {"action": "deleted"}, {"issue_state": "closed"}]
)
async def test_old_words_closed_and_other_places_start_nothing(tell: Any, more: dict[str, Any]) -> None:
    story = tell({"author": "ann"})
    await story.comment("ann", "/test all", **more)
    assert not story.world.calls


async def test_the_bot_gives_itself_no_commands(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.comment("the-bot", "/test all")
    assert not story.world.calls


async def test_a_long_comment_among_many_jobs_is_compared_off_the_loop(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.comment("ann", "x\n" * 10_000 + "/test unit")
    assert story.world.jobs == ["unit"]
