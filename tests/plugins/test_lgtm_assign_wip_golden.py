"""`lgtm`, `assign` and `wip` against what the original wrote for recorded reviews; comments and pull requests are in
`test_recorded_events`. The recordings give a review to the review handlers alone, not as the comment that hook makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from prow.lib import regex
from prow.model.events import EventKind
from prow.plugin.model import Plugin
from prow.plugins import assign
from prow.plugins.assign import PLUGIN as ASSIGN
from prow.plugins.lgtm import PLUGIN as LGTM
from prow.plugins.lgtm import rules
from prow.plugins.wip import PLUGIN as WIP
from prow.plugins.wip import in_progress
from tests.plugins.test_recorded_events import configs
from tests.plugins.world import Story, World
from tests.support.data import golden, needs_data

pytestmark = needs_data

PATTERNS = {"lgtm.lgtm": rules.ADD, "lgtm.cancel": rules.REMOVE, "assign.assign": assign.ASSIGN, "assign.cc": assign.CC}


@pytest.mark.parametrize("name", PATTERNS)
def test_a_command_is_seen_where_the_original_sees_it(name: str) -> None:
    pattern = regex.compile(PATTERNS[name])
    for line in golden("commands"):
        body = line["in"].get("body")
        if body is not None:
            assert pattern.matches(body) is (name in line["out"]["matches"]), (line["case"], body)


def test_a_title_says_wip_where_it_does_for_the_original() -> None:
    for line in golden("commands"):
        title = line["in"].get("title")
        if title is not None:
            assert in_progress(title, draft=False) is ("wip" in line["out"]["matches"]), (line["case"], title)


@pytest.mark.parametrize("plugin", [LGTM, ASSIGN, WIP], ids=lambda p: p.name)
async def test_reviews_have_the_recorded_effects(plugin: Plugin, tmp_path: Path) -> None:
    for line in golden("review-events"):
        given, event = line["in"], line["in"]["event"]
        world = World(given["state"])
        story = Story(world, *configs(given, tmp_path), enabled=[plugin])
        kind = event.get("user_type", "User")
        await story.review(
            event["user"], event["review_state"], event["body"], action=event["action"], account=kind, whole=False
        )
        wanted = ((line.get("out") or {}).get(plugin.name) or {}).get("effects") or []
        assert world.effects == wanted, (line["case"], event, given["state"], given["plugins"])


def test_the_plugins_hear_what_the_original_hears() -> None:
    assert {EventKind.GENERIC_COMMENT, EventKind.REVIEW, EventKind.PULL_REQUEST} == set(LGTM.handlers)
    assert {EventKind.GENERIC_COMMENT} == set(ASSIGN.handlers)
    assert {EventKind.PULL_REQUEST} == set(WIP.handlers)
