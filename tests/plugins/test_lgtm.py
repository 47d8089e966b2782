"""`/lgtm` as its users meet it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from prow.config.config import Config
from prow.config.plugin_options import LgtmConfig, OwnersOptions
from prow.config.plugins import PluginsConfig
from prow.model.forge import IssueComment, User
from prow.plugins.lgtm import PLUGIN, rules
from tests.plugins.world import BOT, Story, World

OWNERS = {"OWNERS": "approvers: [ann]\nreviewers: [rob]\n", "docs/OWNERS": "reviewers: [dora]\n"}


def story(*, by_owners: bool = False, options: dict[str, Any] | None = None, **state: Any) -> tuple[World, Story]:
    world = World({"collaborators": ["carl"], "owners_files": OWNERS, "files": ["docs/a.md"], **state})
    plugins = PluginsConfig(lgtm=(LgtmConfig(repos=("org/repo",), **(options or {})),))
    if by_owners:
        plugins = msgspec.structs.replace(plugins, owners=OwnersOptions(skip_collaborators=("org",)))
    return world, Story(world, Config(), plugins, enabled=[PLUGIN])


async def test_a_collaborator_says_lgtm_and_is_assigned() -> None:
    world, s = story()
    await s.comment("carl", "Nice.\n/lgtm")
    assert world.effects == [["assign", ["carl"]], ["add_label", "lgtm"]]


async def test_lgtm_from_the_author_is_refused() -> None:
    world, s = story()
    await s.comment("mia", "/lgtm")
    assert world.labels == []
    assert "cannot LGTM your own" in world.said[0]


async def test_the_author_may_take_it_back() -> None:
    world, s = story(labels=["lgtm"])
    await s.comment("mia", "/lgtm cancel")
    assert world.effects == [["remove_label", "lgtm"]]


async def test_lgtm_from_an_outsider_is_refused() -> None:
    world, s = story()
    await s.comment("eve", "/lgtm")
    assert world.labels == []
    assert "only collaborators" in world.said[0]


async def test_a_reviewer_from_owners_counts_where_collaborators_do_not() -> None:
    world, s = story(by_owners=True)
    await s.comment("carl", "/lgtm")
    assert "OWNERS" in world.said[0]
    await s.comment("Dora", "/lgtm")
    assert world.labels == ["lgtm"]
    assert "is_collaborator" not in world.calls, "nobody asks what does not matter"


@pytest.mark.parametrize("body", ["/LGTM", "/lgtm ", "/lgtm no-issue", "text\r\n/lgtm\r\n", "/lgtm\n/lgtm cancel"])
async def test_what_counts_as_lgtm(body: str) -> None:
    world, s = story()
    await s.comment("carl", body)
    assert world.labels == ["lgtm"]


@pytest.mark.parametrize("body", ["> /lgtm", "/lgtm please", "lgtm", "/lgtmx", " /lgtm"])
async def test_what_does_not(body: str) -> None:
    world, s = story()
    await s.comment("carl", body)
    assert world.effects == []


async def test_nothing_is_said_on_a_closed_pull_request_or_an_issue() -> None:
    world, s = story()
    await s.comment("carl", "/lgtm", issue_state="closed")
    await s.comment("carl", "/lgtm", is_pr=False)
    assert world.calls == []


async def test_lgtm_is_removed_when_new_commits_are_pushed() -> None:
    world, s = story(labels=["lgtm"])
    await s.pull("synchronize")
    assert world.labels == []
    assert rules.REMOVED in world.said[0]
    await s.comment("carl", "/lgtm")
    assert world.labels == ["lgtm"]
    assert world.said == [], "the notice has had its day"


async def test_a_push_to_a_pull_request_without_lgtm_costs_one_look_at_its_labels() -> None:
    world, s = story()
    await s.pull("synchronize")
    assert world.calls == ["list_issue_labels"]


async def test_a_rebase_that_changes_no_file_keeps_the_label_where_trees_are_kept() -> None:
    world, s = story(
        options={"store_tree_hash": True}, trees={"head": "abc123", "rebased": "abc123", "other": "def456"}
    )
    await s.comment("carl", "/lgtm")
    assert "Git tree hash: abc123" in world.said[0]
    world.state["head"] = "rebased"
    await s.pull("synchronize")
    assert world.labels == ["lgtm"]
    world.state["head"] = "other"
    await s.pull("synchronize")
    assert world.labels == []


async def test_a_tree_hash_that_somebody_edited_is_not_believed() -> None:
    world, s = story(options={"store_tree_hash": True}, labels=["lgtm"], trees={"head": "abc123"})
    at = datetime(2026, 3, 4, tzinfo=UTC)
    body = rules.TREE_HASH.format(sha="abc123")
    world.comments = [
        IssueComment(id=1, user=User(login=BOT), body=body, created_at=at, updated_at=at.replace(hour=1)),
    ]
    await s.pull("synchronize")
    assert world.labels == []


async def test_pull_requests_of_a_trusted_team_keep_the_label() -> None:
    world, s = story(options={"trusted_team_for_sticky_lgtm": "Core"}, labels=["lgtm"], teams={"Core": ["mia"]})
    await s.pull("synchronize")
    assert world.labels == ["lgtm"]


async def test_a_review_counts_only_where_the_config_says_so() -> None:
    world, s = story()
    await s.review("carl", "approved")
    assert world.labels == []
    world, s = story(options={"review_acts_as_lgtm": True})
    await s.review("carl", "approved")
    assert world.labels == ["lgtm"]
    await s.review("carl", "changes_requested")
    assert world.labels == []


async def test_a_review_that_says_lgtm_is_heard_once() -> None:
    world, s = story(options={"review_acts_as_lgtm": True})
    await s.review("carl", "approved", "/lgtm")
    assert world.effects == [["assign", ["carl"]], ["add_label", "lgtm"]]


async def test_the_same_delivery_again_does_nothing_again() -> None:
    world, s = story()
    await s.comment("carl", "/lgtm", guid="g")
    await s.comment("carl", "/lgtm", guid="g")
    assert world.effects == [["assign", ["carl"]], ["add_label", "lgtm"]]
