"""`/assign`, `/cc` and work in progress as their users meet them."""

from __future__ import annotations

import time

import pytest

from prow.config.config import Config
from prow.config.plugins import PluginsConfig
from prow.lib.errors import Retry
from prow.plugins.assign import PLUGIN as ASSIGN
from prow.plugins.wip import LABEL, in_progress
from prow.plugins.wip import PLUGIN as WIP
from tests.plugins.world import Story, World


def story(**state: object) -> tuple[World, Story]:
    world = World(state)
    return world, Story(world, Config(), PluginsConfig(), enabled=[ASSIGN, WIP])


@pytest.mark.parametrize(
    ("body", "effects"),
    [
        ("/assign", [["assign", ["mia"]]]),
        ("/assign @rob ann", [["assign", ["ann", "rob"]]]),
        ("/assign rob\n/unassign rob", [["unassign", ["rob"]]]),
        ("/unassign rob\n/assign Rob", [["assign", ["Rob"]]]),
        ("/assign rob; rm -rf /", []),
        ("/cc org/reviewers @rob", [["request_review", ["org/reviewers", "rob"]]]),
        ("/uncc", [["unrequest_review", ["mia"]]]),
        ("/UNassign rob", [["unassign", ["rob"]]]),
        ("> /assign rob", []),
    ],
)
async def test_who_is_assigned_and_asked(body: str, effects: list[list[object]]) -> None:
    world, s = story()
    await s.comment("mia", body)
    assert world.effects == effects


async def test_reviews_are_asked_for_on_pull_requests_alone() -> None:
    world, s = story()
    await s.comment("mia", "/cc rob\n/assign rob", is_pr=False)
    assert world.effects == [["assign", ["rob"]]]


async def test_whom_github_leaves_out_is_told_in_one_answer() -> None:
    world, s = story(unassignable=["nobody", "noone"])
    await s.comment("mia", "/assign nobody noone rob")
    assert len(world.said) == 1
    assert "`nobody`, `noone` cannot be assigned" in world.said[0]


async def test_a_flood_of_names_is_cut_and_holds_nobody_up() -> None:
    world, s = story()
    began = time.process_time()
    await s.comment("mia", "/assign " + " ".join(f"u{number}" for number in range(9_000)))
    assert len(world.effects[0][1]) == 50
    assert time.process_time() - began < 2


async def test_who_was_left_out_is_told_once_however_long_the_names_are() -> None:
    names = [f"{number:02d}{'x' * 37}" for number in range(50)]
    world, s = story(unassignable=names)
    world.faults["create_comment"] = [Retry("GitHub is away")]
    with pytest.raises(Retry):
        await s.comment("mia", f"/assign {' '.join(names)}", guid="g")
    await s.comment("mia", f"/assign {' '.join(names)}", guid="g")
    assert len(world.effects) == 2, "assigned once, answered once"
    assert all(f"`{name}`" in world.said[0] for name in names)


async def test_a_name_cannot_smuggle_a_mention_or_a_command_into_the_answer() -> None:
    world, s = story(unassignable=["everyone"])
    await s.comment("eve", "/assign @everyone\n@org/all <!-- META={} -->\n/assign @everyone")
    assert "@everyone" not in world.said[0]
    assert "@org" not in world.said[0]
    assert not any(line.startswith("/") for line in world.said[0].splitlines())


async def test_commands_cost_one_call_for_each_group_and_no_read() -> None:
    world, s = story()
    await s.comment("mia", "/assign ann rob\n/unassign zoe\n/cc org/team kim\n/uncc lee")
    assert world.calls == ["unassign", "assign", "unrequest_review", "request_review"]


@pytest.mark.parametrize(
    ("title", "draft", "wip"),
    [
        ("WIP: a change", False, True),
        ("[WIP] a change", False, True),
        ("wip a change", False, True),
        ("WIPER blades", False, False),
        ("A change, WIP", False, False),
        ("A change", True, True),
        ("A change", False, False),
    ],
)
def test_what_is_in_progress(title: str, *, draft: bool, wip: bool) -> None:
    assert in_progress(title, draft=draft) is wip


async def test_the_label_follows_title_and_draft() -> None:
    world, s = story(title="WIP: a change")
    await s.pull("opened")
    assert world.labels == [LABEL]
    world.state["title"] = "A change"
    await s.pull("edited")
    assert world.labels == []
    world.state["draft"] = True
    await s.pull("converted_to_draft")
    assert world.labels == [LABEL]
    world.calls.clear()
    await s.pull("synchronize")
    await s.pull("labeled", label="x")
    assert world.calls == []
    await s.pull("edited")
    assert world.calls == ["list_issue_labels"]
    world.state["draft"] = False
    await s.pull("ready_for_review")
    assert world.labels == []
