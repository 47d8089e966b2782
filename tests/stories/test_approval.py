"""Approval by OWNERS, from the pull request to the label, against the simulated GitHub with real git."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.prow import BOT, World, prow

FILES = {
    "OWNERS": "approvers: [wernher]\n",
    "docs/OWNERS": "approvers: [writers]\n",
    "OWNERS_ALIASES": "aliases: {writers: [Dora, katherine]}\n",
    "docs/a.md": "# A\n",
    "main.go": "package main\n",
}
PLUGINS = """
plugins:
  acme:
    plugins: [approve]
owners:
  skip_collaborators: [acme]
approve:
- repos: [acme]
  require_self_approval: true
  lgtm_acts_as_approve: false
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with prow(tmp_path, jobs="", files=FILES, plugins=PLUGINS) as found:
        yield found


async def test_approvers_of_all_touched_folders_bring_the_label(world: World) -> None:
    pr = await world.repo.open_pull_request(
        "mia", title="Change", files={"docs/a.md": "# B\n", "main.go": "package x\n"}
    )
    notice = await pr.expect_comment("**NOT APPROVED**", by=BOT)
    # The root's approver may approve what lies below, so he is the one to ask.
    assert '<!-- META={"approvers":["wernher"]} -->' in notice.body
    await pr.comment("katherine", "/approve")
    await world.quiet()
    assert "approved" not in pr.labels
    await pr.comment("wernher", "/approve")
    await pr.expect_label("approved")
    await pr.expect_comment("This PR is **APPROVED**", by=BOT)
    await pr.comment("wernher", "/approve cancel")
    await pr.expect_no_label("approved")
    await pr.expect_comment("**NOT APPROVED**", by=BOT)


async def test_one_review_that_says_lgtm_and_approves_is_an_approval(world: World) -> None:
    pr = await world.repo.open_pull_request("mia", title="Change", files={"docs/a.md": "# B\n"})
    await pr.comment("dora", "/lgtm")
    await world.quiet()
    assert "approved" not in pr.labels
    await pr.approve("dora", "/lgtm")
    await pr.expect_label("approved")
    await pr.expect_comment('title="LGTM">dora</a>', by=BOT)


async def test_owners_are_those_of_the_base_branch_as_it_is_now(world: World) -> None:
    files = {"docs/OWNERS": "approvers: [mia]\n", "docs/a.md": "# B\n"}
    pr = await world.repo.open_pull_request("mia", title="Let me approve myself", files=files)
    await pr.comment("mia", "/approve")
    await world.quiet()
    assert "approved" not in pr.labels
    await world.repo.push("wernher", {"docs/OWNERS": "approvers: [mia]\n"})
    await pr.comment("mia", "/approve")
    await pr.expect_label("approved")
    await pr.expect_comment("This PR is **APPROVED**", by=BOT)


async def test_a_label_set_by_hand_stays_until_someone_takes_it(world: World) -> None:
    pr = await world.repo.open_pull_request("mia", title="Change", files={"docs/a.md": "# B\n"})
    await pr.label("wernher", "approved")
    await world.quiet()
    await pr.push({"docs/a.md": "# C\n"})
    await world.quiet()
    assert "approved" in pr.labels
    await pr.expect_comment("set the label `approved` by hand", by=BOT)


async def test_approval_from_open_to_label_costs_nine_calls_and_who_we_are(world: World) -> None:
    pr = await world.repo.open_pull_request("mia", title="Change", files={"docs/a.md": "# B\n"})
    await world.quiet()
    await pr.comment("dora", "/approve")
    await pr.expect_label("approved")
    await world.quiet()
    rows = world.system.github.spent().rows
    calls = sorted((row.method, row.path.rpartition("/")[2]) for row in rows for _ in range(row.count))
    assert calls == [
        ("GET", ":pullId"),
        ("GET", "comments"),
        ("GET", "files"),
        ("GET", "files"),
        ("GET", "labels"),
        ("GET", "reviews"),
        ("GET", "user"),
        ("PATCH", ":commentId"),
        ("POST", "comments"),
        ("POST", "labels"),
    ]
    await pr.expect_comment("This PR is **APPROVED**", by=BOT)
