"""Who is trusted (`spec/plugins-review` §3): the first hit wins, and a refusal names every condition that failed."""

from __future__ import annotations

from typing import Any

import pytest

from prow.config.plugin_options import TriggerConfig
from prow.lib.errors import Retry
from prow.model.forge import PullKey
from prow.plugin.trust import trusted_pull, trusted_user
from prow.plugin.view import PullView
from tests.plugins.world import BOT, World

PEOPLE = {"org_members": ["ann"], "collaborators": ["col"], "other_org_members": {"other": ["oto"], "org": ["ann"]}}

CASES: list[tuple[str, dict[str, Any], bool, str]] = [
    (BOT, {}, True, "the-bot is this bot"),
    ("ann", {}, True, "ann is a member of org"),
    ("ANN", {}, True, "ANN is a member of org"),
    ("org", {}, True, "org is a member of org"),
    ("col", {}, True, "col is a collaborator of org/repo"),
    ("col", {"only_org_members": True}, False, "col is not a member of org"),
    ("app[bot]", {"trusted_apps": ("app",)}, True, "app[bot] is a trusted app"),
    ("app[bot]", {}, False, "app[bot] is not a member of org; app[bot] is not a collaborator of org/repo"),
    ("app", {"trusted_apps": ("app",)}, False, "app is not a member of org; app is not a collaborator of org/repo"),
    ("oto", {"trusted_org": "other"}, True, "oto is a member of other"),
    ("oto", {"trusted_org": "other", "only_org_members": True}, True, "oto is a member of other"),
    ("mia", {"trusted_org": "org"}, False, "mia is not a member of org; mia is not a collaborator of org/repo"),
    (
        "mia",
        {"trusted_org": "other"},
        False,
        "mia is not a member of org; mia is not a collaborator of org/repo; mia is not a member of other",
    ),
]


@pytest.mark.parametrize(("user", "options", "trusted", "why"), CASES)
async def test_trust_has_a_reason(user: str, options: dict[str, Any], trusted: bool, why: str) -> None:
    decision = await trusted_user(World(PEOPLE), TriggerConfig(**options), user, org="org", repo="repo", bot=BOT)
    assert (decision.verdict, decision.explain()) == (trusted, why)


async def test_the_bot_and_the_owner_cost_no_call() -> None:
    world = World(PEOPLE)
    for user in (BOT, "org"):
        await trusted_user(world, TriggerConfig(), user, org="org", repo="repo", bot=BOT)
    assert not world.calls


async def test_no_answer_is_no_refusal() -> None:
    world = World(PEOPLE)
    world.faults["is_member"].append(Retry("GitHub is away"))
    with pytest.raises(Retry):
        await trusted_user(world, TriggerConfig(), "mia", org="org", repo="repo", bot=BOT)


@pytest.mark.parametrize(
    ("author", "labels", "trusted", "reads_labels"),
    [
        ("ann", [], True, False),
        ("mia", ["ok-to-test"], True, True),
        ("mia", ["OK-to-test"], True, True),
        ("mia", ["needs-ok-to-test"], False, True),
    ],
)
async def test_a_pull_request_is_trusted_by_its_author_or_by_its_label(
    author: str, labels: list[str], trusted: bool, reads_labels: bool
) -> None:
    world = World({**PEOPLE, "labels": labels})
    view = PullView(PullKey("org", "repo", 5), world)
    decision = await trusted_pull(world, TriggerConfig(), view, author, org="org", repo="repo", bot=BOT)
    assert decision.verdict is trusted
    assert ("list_issue_labels" in world.calls) is reads_labels
