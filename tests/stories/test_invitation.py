"""Whoever contributed before is invited to join the organisation when a member has to let the tests run."""

from __future__ import annotations

from pathlib import Path

from tests.support.prow import BOT, CONFIG, OWNERS, PLUGINS, github, job, running, settings_for

JOBS = "presubmits:\n  acme/rockets:\n" + job("unit", "true")

INVITING = """
triggers:
- repos: [acme/rockets]
  join_org_url: https://join.example
  org_invite:
    prominent:
      merged_pr_threshold: 1
"""


async def test_an_author_whose_pull_request_was_merged_is_invited_and_a_newcomer_is_not(tmp_path: Path) -> None:
    async with github(tmp_path, files={"a": "a\n", "OWNERS": OWNERS}) as (sim, repo):
        before = await repo.open_pull_request("mia", title="One", files={"a": "b\n"}, branch="before")
        await before.expect_mergeable()
        await before.merge("wernher")
        settings = await settings_for(tmp_path, sim, config=CONFIG, jobs=JOBS, plugins=PLUGINS + INVITING)
        async with running(settings, sim, repo, may=["label *"]):
            again = await repo.open_pull_request("mia", title="Two", files={"a": "c\n"}, branch="again")
            said = await again.expect_comment("/ok-to-test", by=BOT)
            assert "You have contributed here before" in said.body
            assert "https://join.example" in said.body
            first = await repo.open_pull_request("newcomer", title="First", files={"a": "d\n"}, branch="first")
            said = await first.expect_comment("/ok-to-test", by=BOT)
            assert "You have contributed here before" not in said.body
            assert sim.world.calls["GET", "/search/issues"] == 2
