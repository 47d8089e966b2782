from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from prow.hook import rules
from prow.hook.lanes import Lanes
from prow.hook.settings import Settings
from prow.lib.errors import Denied, Permanent, RateLimited, Retry, Unauthenticated

NOW = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "payload", "lane"),
    [
        ("issue_comment", {"issue": {"number": 5}}, "o/r#5"),
        ("pull_request", {"number": 6, "pull_request": {"number": 6}}, "o/r#6"),
        ("pull_request_review", {"pull_request": {"number": 7}}, "o/r#7"),
        ("push", {"ref": "refs/heads/main"}, "o/r@refs/heads/main"),
        ("status", {"sha": "abc"}, "o/r@abc"),
        ("check_run", {"check_run": {"head_sha": "abc"}}, "o/r@abc"),
        ("repository", {}, "o/r"),
        ("issue_comment", {"issue": "odd"}, "o/r"),
    ],
)
def test_the_lane_is_what_must_stay_in_order(event: str, payload: dict[str, object], lane: str) -> None:
    assert rules.lane_of(event, "o", "r", json.dumps(payload).encode()) == lane


PULL = {"number": 5, "updated_at": "2026-01-05T09:00:00Z"}
ON_5: dict[str, object] = {"number": 5, "pull_request": PULL}


@pytest.mark.parametrize(
    ("event", "payload", "cause"),
    [
        ("pull_request", {**ON_5, "action": "opened"}, "o/r/pull_request/opened/5"),
        ("issues", {"action": "opened", "issue": {"number": 5}}, "o/r/issues/opened/5"),
        (
            "pull_request",
            {**ON_5, "action": "synchronize", "before": "a", "after": "b"},
            "o/r/pull_request/synchronize/5/a/b/2026-01-05T09:00:00Z",
        ),
        (
            "pull_request",
            {**ON_5, "action": "labeled", "label": {"name": "lgtm"}},
            "o/r/pull_request/labeled/5/lgtm/2026-01-05T09:00:00Z",
        ),
        (
            "issue_comment",
            {"action": "created", "issue": {"number": 5}, "comment": {"id": 7}},
            "o/r/issue_comment/created/5/7",
        ),
        (
            "pull_request_review",
            {**ON_5, "action": "submitted", "review": {"id": 8}},
            "o/r/pull_request_review/submitted/5/8",
        ),
        (
            "push",
            {"ref": "refs/heads/main", "before": "a", "after": "b", "repository": {"pushed_at": 17}},
            "o/r/push/refs/heads/main/a/b/17",
        ),
        ("push", {"ref": "refs/heads/main", "before": "a", "after": "b"}, ""),
        ("pull_request", {**ON_5, "action": "edited"}, ""),
        ("pull_request", {"action": "opened"}, ""),
        ("issue_comment", {"action": "edited", "issue": {"number": 5}, "comment": {"id": 7}}, ""),
        ("issue_comment", {"action": "created", "issue": {"number": 5}}, ""),
        ("status", {"id": 9, "sha": "a", "context": "unit"}, ""),
        ("pull_request", {**ON_5, "action": ["opened"]}, ""),
    ],
)
def test_what_happened_has_one_name_whatever_the_guid(event: str, payload: dict[str, object], cause: str) -> None:
    assert rules.cause_of(event, "o", "r", json.dumps(payload).encode()) == cause


@pytest.mark.parametrize(
    ("error", "attempt", "pause"),
    [
        (Permanent("x"), 1, None),
        (Denied("x"), 1, None),
        (Unauthenticated("x"), 1, 1.0),
        (Unauthenticated("x"), 100_000, 120.0),
        (Retry("x", after=7), 1, 7),
        (Retry("x"), 1, 1),
        (Retry("x"), 4, 8),
        (Retry("x"), 11, 600),
        (Retry("x", after=7), 11, 600),
        (Retry("x"), 149, 600),
        (Retry("x"), 150, None),
        (ZeroDivisionError(), 11, 600),
        (ZeroDivisionError(), 12, None),
        (RateLimited("x", until=NOW + timedelta(seconds=90)), 20, 90),
        (ZeroDivisionError(), 1, 1),
    ],
)
def test_errors_say_when_to_try_again(error: Exception, attempt: int, pause: float | None) -> None:
    assert rules.pause_after(error, attempt, now=NOW.timestamp()) == pause


@pytest.mark.parametrize(
    ("settings", "org", "repo", "accepted"),
    [
        (Settings(), "o", "r", True),
        (Settings(enabled_orgs=frozenset({"o"})), "o", "r", True),
        (Settings(enabled_orgs=frozenset({"p"})), "o", "r", False),
        (Settings(enabled_repos=frozenset({"o/r"})), "o", "r", True),
        (Settings(enabled_repos=frozenset({"o/r"})), "o", "s", False),
        (Settings(enabled_orgs=frozenset({"o"}), disabled_repos=frozenset({"o/r"})), "o", "r", False),
        (Settings(disabled_orgs=frozenset({"o"})), "o", "r", False),
    ],
)
def test_the_repo_filter(settings: Settings, org: str, repo: str, accepted: bool) -> None:
    assert settings.accepts(org, repo) is accepted


async def test_half_of_the_places_go_to_the_newest_lanes() -> None:
    lanes = Lanes()
    for number in range(5):
        lanes.add(f"lane-{number}", number)
    assert (await lanes.take(newest=False))[0] == "lane-0"
    assert (await lanes.take(newest=True))[0] == "lane-4"


async def test_a_lane_gives_one_delivery_at_a_time() -> None:
    lanes = Lanes()
    lanes.add("a", 1)
    lanes.add("a", 2)
    lanes.add("b", 3)
    assert await lanes.take(newest=False) == ("a", 1)
    assert await lanes.take(newest=False) == ("b", 3)
    lanes.release("a")
    assert await lanes.take(newest=False) == ("a", 2)
    lanes.release("a")
    lanes.release("b")
    assert lanes.quiet
