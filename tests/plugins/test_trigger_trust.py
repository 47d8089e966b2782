"""Who may start tests: members, whoever they allow, and what the others are told (`spec/plugins-review` §4)."""

from __future__ import annotations

from typing import Any

import pytest

from prow.config.config import Config
from prow.config.plugins import PluginsConfig
from prow.lib.errors import Permanent, Retry
from prow.plugins.trigger import PLUGIN, rules
from tests.plugins.trigger import NEEDS, OK
from tests.plugins.world import with_trigger


async def test_an_unknown_author_is_told_what_happens_next_and_nothing_runs(tell: Any) -> None:
    story = tell()
    await story.pull("opened")
    assert story.world.labels == [NEEDS]
    (welcome,) = story.world.said
    assert "@mia" in welcome
    assert "`/ok-to-test`" in welcome
    assert "https://github.com/orgs/org/people" in welcome
    assert "bot-commands?repo=org%2Frepo" in welcome
    assert not story.world.jobs


async def test_what_a_member_allowed_once_runs_now_and_at_every_push(tell: Any) -> None:
    story = tell()
    await story.pull("opened")
    await story.comment("ann", "/ok-to-test")
    assert story.world.labels == [OK]
    assert story.world.jobs == ["unit", "opt"]
    story.world.state["head"] = "second"
    await story.pull("synchronize")
    assert len(story.world.aborted) == 2
    assert story.world.jobs == ["unit", "opt"] * 2


async def test_a_refused_label_keeps_nobody_waiting_for_a_word(tell: Any) -> None:
    story = tell()
    story.world.faults["add_labels"] = [Permanent("no right to")]
    with pytest.raises(Permanent):
        await story.pull("opened", guid="g")
    await story.pull("opened", guid="g")
    assert len(story.world.said) == 1
    assert story.world.labels == [NEEDS]


async def test_strangers_start_nothing_and_are_told_so_a_few_times(tell: Any) -> None:
    story = tell()
    for _ in range(rules.REFUSALS + 3):
        await story.comment("eve", "/test all @org/team")
    assert [rules.NOT_YET in said for said in story.world.said] == [True] * rules.REFUSALS
    assert not any("@org" in said for said in story.world.said)
    assert not story.world.jobs


async def test_a_stranger_can_test_what_a_member_opened(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.comment("eve", "/test unit")
    assert story.world.jobs == ["unit"]


async def test_the_author_is_looked_up_once_when_they_ask_themselves(tell: Any) -> None:
    story = tell({"labels": [OK]})
    await story.comment("mia", "/test unit")
    assert story.world.calls.count("is_member") == 1
    assert story.world.jobs == ["unit"]


async def test_a_comment_costs_few_calls(tell: Any) -> None:
    story = tell({"author": "ann"})
    await story.comment("ann", "/test unit")
    assert sorted(story.world.calls) == [
        "get_pull_request",
        "get_ref",
        "is_member",
        "list_comments",
        "list_issue_labels",
    ]


async def test_allowing_can_be_taken_back_by_those_who_are_trusted(tell: Any) -> None:
    story = tell({"labels": [OK]})
    await story.comment("mia", "/ok-to-test cancel")
    assert story.world.labels == [OK]
    assert "Only trusted members" in story.world.said[0]
    await story.comment("ann", "/ok-to-test cancel\n/test unit")
    assert story.world.labels == [NEEDS]
    assert not story.world.jobs


async def test_allowing_and_taking_back_at_once_is_judged_by_the_labels_from_before(tell: Any) -> None:
    story = tell({"labels": [NEEDS]})
    await story.comment("ann", "/ok-to-test\n/ok-to-test cancel")
    assert story.world.effects == [["add_label", OK], ["remove_label", NEEDS]]


async def test_where_ok_to_test_is_ignored_only_members_start_tests(tell: Any) -> None:
    story = tell(options={"ignore_ok_to_test": True})
    await story.pull("opened")
    assert "`/ok-to-test`" not in story.world.said[0]
    await story.comment("mia", "/test unit")
    assert rules.MEMBERS_ONLY in story.world.said[1]
    await story.comment("ann", "/ok-to-test")
    assert story.world.labels == []
    await story.comment("ann", "/ok-to-test cancel")
    assert story.world.labels == []
    assert not story.world.jobs


class Search:
    def __init__(self, count: int | None) -> None:
        self.count = count
        self.asked = 0

    async def count_merged(self, org: str, author: str) -> int:
        self.asked += 1
        if self.count is None:
            raise Retry("search is away")
        return self.count


@pytest.mark.parametrize(
    ("merged", "options", "state", "invited"),
    [
        (3, {}, {}, True),
        (2, {}, {}, False),
        (None, {}, {}, False),
        (0, {"org_invite": {"prominent": {"merged_pr_threshold": 0}}}, {}, True),
        (9, {"org_invite": {"prominent": {"disabled": True}}}, {}, False),
        (9, {}, {"author_type": "Bot"}, False),
    ],
)
async def test_whoever_contributed_before_is_invited(
    tell: Any, merged: int | None, options: dict[str, Any], state: dict[str, Any], invited: bool
) -> None:
    story = tell(state, options=options, search=Search(merged))
    await story.pull("opened")
    assert ("You have contributed here before" in story.world.said[0]) is invited


async def test_the_invitation_can_have_words_of_its_own(tell: Any) -> None:
    options = {
        "join_org_url": "https://join.example",
        "org_invite": {"prominent": {"message": "Join at {join_org_url}!"}},
    }
    story = tell(options=options, search=Search(5))
    await story.pull("opened")
    assert "Join at https://join.example!" in story.world.said[0]


def test_what_the_help_page_says_of_the_config(trigger_configs: tuple[Config, PluginsConfig]) -> None:
    assert PLUGIN.config_help is not None
    assert PLUGIN.config_help(with_trigger(trigger_configs[1], trusted_org="other", only_org_members=True)) == {
        "org/repo": "Members of other are trusted."
    }
