"""`/assign`, `/cc` and work in progress as their users meet them."""

from __future__ import annotations

import pytest

from prow.config.config import Config
from prow.config.plugins import PluginsConfig
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
        ("/unassign rob\n/assign Rob", [["assign", ["rob"]]]),
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


async def test_a_flood_of_names_is_cut() -> None:
    world, s = story()
    await s.comment("mia", "/assign " + " ".join(f"user-{number}" for number in range(500)))
    assert len(world.effects[0][1]) == 50


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
    await s.pull("synchronize")
    world.state["draft"] = False
    await s.pull("ready_for_review")
    assert world.labels == []
