"""Review from the pull request to the label: lgtm, assign, wip and what stands in a review, against the simulated GitHub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.sim.verbs import PullStory
from tests.support.prow import BOT, World, prow

FILES = {
    "OWNERS": "approvers: [wernher]\n",
    "docs/OWNERS": "reviewers: [writers]\n",
    "OWNERS_ALIASES": "aliases: {writers: [Dora]}\n",
    "docs/a.md": "# A\n",
    "main.go": "package main\n",
}
PLUGINS = """
plugins:
  acme:
    plugins: [assign, help, hold, lgtm, size, trigger, wip]
"""
BY_OWNERS = "owners:\n  skip_collaborators: [acme]\n"
BY_TREES = "lgtm:\n- repos: [acme/rockets]\n  review_acts_as_lgtm: true\n  store_tree_hash: true\n"
STICKY = "lgtm:\n- repos: [acme]\n  trusted_team_for_sticky_lgtm: core\n"
NOTICE = "New changes are detected. LGTM label has been removed."
WIP = "do-not-merge/work-in-progress"


@pytest.fixture
async def world(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[World]:
    plugins = PLUGINS + getattr(request, "param", "")
    async with prow(tmp_path, jobs="", files=FILES, plugins=plugins, may=["label size/*"]) as found:
        found.repo.collaborator("wernher", "write")
        yield found


async def opened(world: World) -> PullStory:
    files = {"docs/a.md": "# B\n", "main.go": "package x\n"}
    return await world.repo.open_pull_request("mia", title="Change", files=files)


def calls(world: World) -> list[str]:
    """What was asked of GitHub so far, without who we are."""
    rows = world.system.github.spent().rows
    found = (f"{row.method} {row.path.rpartition('/')[2]}" for row in rows for _ in range(row.count))
    return sorted(call for call in found if call != "GET user")


@pytest.mark.parametrize("world", [BY_OWNERS], indirect=True, ids=["by-owners"])
async def test_lgtm_by_a_reviewer_from_owners_in_a_repository_without_collaborators(world: World) -> None:
    pr = await opened(world)
    await pr.comment("dora", "/lgtm")
    await pr.expect_label("lgtm")
    await pr.push({"docs/a.md": "# C\n"})
    await pr.expect_no_label("lgtm")
    await pr.expect_comment(NOTICE, by=BOT)
    await pr.comment("mia", "/lgtm")
    await pr.expect_comment("cannot LGTM your own", by=BOT)
    await pr.comment("katherine", "/lgtm")
    await pr.expect_comment("only approvers and reviewers", by=BOT)
    await world.quiet()
    assert "lgtm" not in pr.labels
    await pr.comment("wernher", "/lgtm")
    await pr.expect_label("lgtm")
    await pr.expect_no_comment(NOTICE, by=BOT)
    assert pr.assignees == set(), "OWNERS decide here, so nobody is assigned"


async def test_lgtm_by_a_collaborator_assigns_and_a_push_costs_three_calls(world: World) -> None:
    pr = await opened(world)
    await pr.comment("wernher", "Fine.\n\n/lgtm")
    await pr.expect_label("lgtm")
    await pr.expect_assignees("wernher")
    await world.quiet()
    before = calls(world)
    await pr.push({"docs/a.md": "# C\n"})
    await pr.expect_no_label("lgtm")
    await pr.expect_comment(NOTICE, by=BOT)
    await world.quiet()
    after = calls(world)
    for call in before:
        after.remove(call)
    assert [call for call in after if call != "GET files"] == ["DELETE :labelId", "GET labels", "POST comments"]


@pytest.mark.parametrize("world", [BY_TREES], indirect=True, ids=["by-trees"])
async def test_a_commit_with_another_message_keeps_the_label_where_trees_are_noted(world: World) -> None:
    pr = await opened(world)
    await pr.approve("wernher")
    await pr.expect_assignees("wernher")
    await pr.expect_comment("LGTM label has been added.  <details>Git tree hash: ", by=BOT)
    await pr.force_push({"docs/a.md": "# B\n", "main.go": "package x\n"}, message="The same in other words")
    await world.quiet()
    assert "lgtm" in pr.labels
    await pr.push({"docs/a.md": "# C\n"})
    await pr.expect_no_label("lgtm")
    await pr.expect_comment(NOTICE, by=BOT)
    await pr.expect_requested_reviewers("wernher")  # who was assigned is asked to look again
    await pr.approve("wernher")
    await pr.expect_no_comment(NOTICE, by=BOT)
    await pr.review("wernher", "CHANGES_REQUESTED", "Not yet.")
    await pr.expect_no_label("lgtm")
    await pr.expect_requested_reviewers("wernher")
    await pr.expect_no_comment("Git tree hash: ", by=BOT)


@pytest.mark.parametrize("world", [STICKY], indirect=True, ids=["sticky"])
async def test_pull_requests_of_the_trusted_team_keep_the_label(world: World) -> None:
    world.repo.add_team("core", ["mia"])
    pr = await opened(world)
    await pr.comment("wernher", "/lgtm")
    await pr.expect_label("lgtm")
    await pr.expect_assignees("wernher")
    await pr.push({"docs/a.md": "# C\n"})
    await world.quiet()
    assert "lgtm" in pr.labels


async def test_drafts_and_titles_are_work_in_progress(world: World) -> None:
    pr = await opened(world)
    await pr.convert_to_draft()
    await pr.expect_label(WIP)
    await pr.ready_for_review()
    await pr.expect_no_label(WIP)
    await pr.edit("mia", title="[WIP] Change")
    await pr.expect_label(WIP)
    await pr.edit("mia", title="Change")
    await pr.expect_no_label(WIP)


async def test_people_are_assigned_and_asked_and_let_go(world: World) -> None:
    pr = await opened(world)
    await pr.comment("mia", "/assign @wernher\n/cc wernher")
    await pr.expect_assignees("wernher")
    await pr.expect_requested_reviewers("wernher")
    await pr.comment("wernher", "/unassign\n/uncc")
    await pr.expect_assignees()
    await pr.expect_requested_reviewers()
    world.bot.may("nothing POST */assignees")  # that is how one finds out who cannot be assigned
    await pr.comment("mia", "/assign who-is-this")
    await pr.expect_comment("`who-is-this` cannot be assigned", by=BOT)
    await pr.comment("mia", "/cc who-is-this")
    await pr.expect_comment("`who-is-this` cannot be asked for a review", by=BOT)


async def test_a_review_holds_and_is_no_lgtm_and_both_are_heard_in_one_text(world: World) -> None:
    pr = await opened(world)
    await pr.expect_label("size/XS")
    await pr.approve("wernher", "Good, but wait for the release.\n/hold")
    await pr.expect_label("do-not-merge/hold")
    await world.quiet()
    assert "lgtm" not in pr.labels
    await pr.comment("wernher", "/lgtm\n/hold cancel\n/assign @mia")
    await pr.expect_label("lgtm")
    await pr.expect_no_label("do-not-merge/hold")
    await pr.expect_assignees("wernher", "mia")
