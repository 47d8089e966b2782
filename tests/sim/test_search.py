"""The language of GitHub's search, as tide's queries use it (`spec/tide` §1.1)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from prow.sim import rules, search
from prow.sim.search import Entry
from prow.sim.state import Protection

MOMENT = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
PR = Entry(
    id=7,
    number=3,
    pull=True,
    state="open",
    repo="acme/widgets",
    author="mia",
    title="Fix the pump",
    created=MOMENT,
    updated=MOMENT,
    base="main",
    head="change",
    milestone="v1.2",
    review="approved",
    labels=frozenset({"lgtm", "size/xs", "kind: bug"}),
    assignees=frozenset({"wernher"}),
)


@pytest.mark.parametrize(
    "query",
    [
        "",
        'is:pr state:open archived:false author:"MIA" -base:"release" base:"main" label:"LGTM" -label:"hold"',
        'label:"other","lgtm"',
        'label:"kind: bug"',
        "label:lgtm label:size/XS",
        'repo:"acme/widgets"',
        'org:"acme" -repo:"acme/other"',
        'org:"other" repo:"acme/widgets"',
        "base:main base:release",
        'milestone:"v1.2" review:approved',
        "updated:2007-01-01T00:00:00Z..2026-03-01T12:00:30Z",
        "updated:*..2026-03-01",
        "updated:>=2026-03-01 updated:<2026-03-02",
        "created:2026-03-01",
        "type:pr is:unmerged draft:false assignee:WERNHER head:change",
        "pump fix sort:updated-asc",
        '"the pump"',
        "-is:issue -is:draft no:project",
    ],
)
def test_what_matches(query: str) -> None:
    assert search.parse(query).matches(PR)


@pytest.mark.parametrize(
    "query",
    [
        "is:issue",
        "is:pr is:merged",
        "state:closed",
        "archived:true",
        "author:wernher",
        "-base:main",
        "base:Main",
        "base:release",
        "label:lgtm label:hold",
        'label:"hold","approved"',
        "-label:lgtm",
        '-label:"hold","lgtm"',
        "repo:acme/other",
        "org:acme -repo:acme/widgets",
        "milestone:v1",
        "review:none",
        "no:label",
        "updated:<2026-03-01",
        "updated:>2026-03-01",
        "updated:2026-03-01T12:00:31Z..*",
        "updated:nonsense",
        "valve",
        "-pump",
        "is:odd",
    ],
)
def test_what_does_not(query: str) -> None:
    assert not search.parse(query).matches(PR)


def test_the_bot_of_an_app_has_two_names() -> None:
    bot = replace(PR, author="dependabot[bot]")
    assert search.parse("author:app/dependabot").matches(bot)
    assert search.parse("author:dependabot[bot]").matches(bot)


def test_the_order_is_the_one_asked_for() -> None:
    later = replace(PR, id=8, updated=MOMENT.replace(hour=13), created=MOMENT.replace(hour=11))
    assert search.parse("sort:updated-asc").select([later, PR]) == [PR, later]
    assert search.parse("sort:updated-desc").select([PR, later]) == [later, PR]
    assert search.parse("").select([later, PR]) == [PR, later]


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "CLEAN"),
        ({"mergeable": None, "draft": True}, "UNKNOWN"),
        ({"mergeable": False, "draft": True}, "DIRTY"),
        ({"draft": True, "refused": "no"}, "DRAFT"),
        ({"refused": "no", "behind": True}, "BLOCKED"),
        ({"behind": True}, "CLEAN"),
        ({"behind": True, "protection": Protection(contexts=(), strict=True)}, "BEHIND"),
        ({"behind": True, "protection": Protection(contexts=("unit",))}, "CLEAN"),
        ({"states": {"unit": "pending"}}, "UNSTABLE"),
        ({"states": {"unit": "success"}}, "CLEAN"),
    ],
)
def test_how_a_pull_request_stands(changes: dict[str, Any], state: str) -> None:
    facts: dict[str, Any] = {"mergeable": True, "draft": False, "refused": "", "behind": False, "protection": None}
    assert rules.merge_state(**(facts | {"states": {}} | changes)) == state
