"""From an opened pull request to a reported result, with everything real but GitHub."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.lib.http_client import http_client
from tests.support.prow import BOT, World, job, prow

FILES = {"run.sh": "#!/bin/sh\nexit 0\n", "docs/a.md": "a\n"}
JOBS = (
    "presubmits:\n  acme/rockets:\n"
    + job("unit", "cat run.sh; sh run.sh")
    + job("docs", "true", extra="run_if_changed: '^docs/'")
    + job("code", "true", extra="skip_if_only_changed: '\\.md$'")
    + job("manual", "echo by hand", extra="optional: true")
    + "postsubmits:\n  acme/rockets:\n"
    + job("publish", "echo published $PULL_REFS", extra="branches: ['^main$']")
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with prow(tmp_path, jobs=JOBS, files=FILES, may=["label size/*"]) as world:
        yield world


async def test_a_members_pull_request_is_tested_on_its_merge_and_reported(world: World) -> None:
    pr = await world.repo.open_pull_request(
        "wernher", title="Fail", files={"run.sh": "#!/bin/sh\necho $PULL_NUMBER; exit 3\n"}
    )
    unit = await pr.expect_status("unit", "failure")
    await pr.expect_status("code", "success")
    report = await pr.expect_comment("unit |", by=BOT)
    assert unit.target_url in report.body
    assert "docs" not in pr.statuses
    assert "manual" not in pr.statuses
    assert unit.description.startswith("Job failed.")
    row = next(r for r in world.system.index.rows() if r.job == "unit")
    log = (
        world.settings.state_dir.parent
        / f"buckets/gs/prow-logs/pr-logs/pull/acme_rockets/1/unit/{row.build_id}/build-log.txt"
    )
    assert "exit 3" in log.read_text()
    finished = log.with_name("finished.json").read_text()
    assert '"passed":false' in finished


async def test_a_fix_is_tested_and_the_report_is_edited_in_place(world: World) -> None:
    pr = await world.repo.open_pull_request("wernher", title="Fail", files={"run.sh": "exit 3\n"})
    await pr.expect_statuses({"unit": "failure", "code": "success"})
    first = await pr.expect_comment("unit |", by=BOT)
    await pr.push({"run.sh": "exit 0\n"})
    await pr.expect_statuses({"unit": "success", "code": "success"})
    report = await pr.expect_comment("has passed since", by=BOT)
    assert (report, "unit |" in report.body) == (first, False)


async def test_an_unknown_author_waits_for_a_member(world: World) -> None:
    pr = await world.repo.open_pull_request("mia", title="Hello", files={"docs/a.md": "b\n"})
    await pr.expect_label("needs-ok-to-test")
    await pr.expect_comment("/ok-to-test", by=BOT)
    await pr.comment("mia", "/test all")
    await pr.expect_comment("may not be tested yet", by=BOT)
    assert not pr.statuses
    await pr.comment("wernher", "/ok-to-test")
    await pr.expect_statuses({"docs": "success", "unit": "success"})
    await pr.expect_label("ok-to-test")
    await pr.expect_no_label("needs-ok-to-test")
    assert "code" not in pr.statuses


async def test_commands_run_single_jobs_and_retest_runs_what_failed(world: World) -> None:
    pr = await world.repo.open_pull_request("wernher", title="Fail", files={"run.sh": "exit 3\n"})
    await pr.expect_statuses({"unit": "failure", "code": "success"})
    await pr.comment("wernher", "/test manual")
    await pr.expect_status("manual", "success")
    await world.quiet()
    before = len(tuple(world.system.index.rows()))
    failed = pr.statuses["unit"].id
    await pr.comment("wernher", "/retest")
    await pr.wait_for(lambda p: p.statuses["unit"].id > failed and p.statuses["unit"].state == "failure", "unit again")
    await world.quiet()
    await pr.expect_status("unit", "failure")
    await pr.expect_comment("unit |", by=BOT)
    assert len(tuple(world.system.index.rows())) == before + 1
    await pr.comment("wernher", "/test ?")
    await pr.expect_comment("/test manual", by=BOT)
    await pr.comment("wernher", "/test nonsense")
    await pr.expect_comment("were not found", by=BOT)


async def test_new_commits_end_the_runs_of_old_ones(world: World) -> None:
    pr = await world.repo.open_pull_request("wernher", title="Slow", files={"run.sh": "sleep 60\n"})
    await pr.expect_status("unit", "pending")
    old = pr.head_sha
    await pr.push({"run.sh": "exit 0\n"})
    await pr.expect_statuses({"unit": "success", "code": "success"})
    await pr.wait_for(
        lambda _: any(r.complete and r.state == "aborted" for r in world.system.index.by_job("unit")),
        "the old run aborted",
    )
    assert old != pr.head_sha


async def test_hold_changes_the_label_at_the_price_of_two_calls(world: World) -> None:
    pr = await world.repo.open_pull_request("mia", title="Hello", files={"docs/a.md": "b\n"})
    await pr.expect_label("needs-ok-to-test")
    await pr.expect_comment("/ok-to-test", by=BOT)
    await world.quiet()
    world.sim.world.calls.clear()
    await pr.comment("anyone", "/hold for a moment")
    await pr.expect_label("do-not-merge/hold")
    await world.quiet()
    assert sum(world.sim.world.calls.values()) == 2
    await pr.comment("anyone", "/hold cancel")
    await pr.expect_no_label("do-not-merge/hold")


async def test_a_comment_without_a_command_costs_no_call(world: World) -> None:
    pr = await world.repo.open_pull_request("mia", title="Hello", files={"docs/a.md": "b\n"})
    await pr.expect_label("needs-ok-to-test")
    await pr.expect_comment("/ok-to-test", by=BOT)
    await world.quiet()
    world.sim.world.calls.clear()
    await pr.comment("anyone", "I like this a lot.\n\n> /hold is what I would say")
    await world.quiet()
    assert not world.sim.world.calls


async def test_a_push_runs_postsubmits(world: World) -> None:
    sha = await world.repo.push("wernher", {"run.sh": "exit 0\n"})
    await world.repo.expect_status(sha, "publish", "success")
    await world.repo.push("wernher", {"run.sh": "exit 1\n"}, branch="other")
    await world.quiet()
    assert len(list(world.system.index.by_job("publish"))) == 1


async def test_conflicts_are_not_tested(world: World) -> None:
    pr = await world.repo.open_pull_request("wernher", title="One", files={"run.sh": "exit 1\n"})
    await pr.expect_statuses({"unit": "failure", "code": "success"})
    await pr.expect_comment("unit |", by=BOT)
    await world.repo.expect_status(await world.repo.push("wernher", {"run.sh": "exit 2\n"}), "publish", "success")
    await pr.expect_conflict()
    await world.quiet()
    before = len(list(world.system.index.by_job("unit")))
    await pr.comment("wernher", "/test unit")
    await world.quiet()
    assert len(list(world.system.index.by_job("unit"))) == before


async def test_hostile_text_changes_nothing(world: World) -> None:
    title = "`$(touch /tmp/owned)`; rm -rf / <script>alert(1)</script>"
    pr = await world.repo.open_pull_request("wernher", title=title, files={"docs/$(id).md": "x\n"}, branch="a;b")
    await pr.expect_statuses({"unit": "success", "docs": "success"})
    async with http_client(world.system.deck_url) as client:
        page = (await client.get("/")).text
    assert "<script>alert" not in page
    assert not Path("/tmp/owned").exists()
