"""Webhooks come late, twice, in the wrong order, under a new name or not at all: what is done is what GitHub says now, and once."""

from __future__ import annotations

import json
from pathlib import Path

from prow.sim.plan import Late, Match, Reorder, Repeat, Rule
from prow.sim.verbs import PullStory
from tests.support.prow import BOT, CONFIG, OWNERS, REVIEWED, TIDE, World, job, prow

FILES = {"run.sh": "exit 0\n", "OWNERS": OWNERS}
UNIT = "presubmits:\n  acme/rockets:\n" + job("unit", "sh run.sh")
SIZE = "label size/*"


async def told_again(world: World) -> None:
    """Everything that was told so far is told once more, under new GUIDs, as where the organisation has a webhook, too."""
    (hook,) = world.repo.repo.hooks
    for delivery in tuple(hook.deliveries):
        world.sim.world.hooks.send(hook, delivery.event, json.loads(delivery.body))
    await world.quiet()


async def reviewed(pr: PullStory) -> None:
    await pr.expect_label("lgtm")
    await pr.expect_label("approved")
    await pr.expect_comment("This PR is **APPROVED**", by=BOT)


async def test_what_is_told_again_under_a_new_name_is_done_once(tmp_path: Path) -> None:
    async with prow(tmp_path, jobs=UNIT, files=FILES, plugins=REVIEWED, may=[SIZE]) as world:
        pr = await world.repo.open_pull_request("mia", title="Change", files={"run.sh": "exit 3\n"})
        await pr.expect_label("needs-ok-to-test")
        await pr.expect_comment("What happens next", by=BOT)
        await pr.expect_comment("This PR is **NOT APPROVED**", by=BOT)
        await told_again(world)
        world.bot.expect_no_more_comments()
        await pr.comment("wernher", "/ok-to-test")
        await pr.expect_label("ok-to-test")
        await pr.expect_no_label("needs-ok-to-test")
        await pr.expect_status("unit", "failure")
        await pr.expect_comment("unit |", by=BOT)
        await pr.comment("mia", "/lgtm")
        await pr.expect_comment("cannot LGTM your own", by=BOT)
        await pr.comment("katherine", "/lgtm")
        await pr.comment("wernher", "/test unknown\n/approve\n/hold")
        await pr.expect_comment("were not found", by=BOT)
        await pr.expect_label("do-not-merge/hold")
        await reviewed(pr)
        await pr.comment("wernher", "/hold cancel")
        await pr.expect_no_label("do-not-merge/hold")
        jobs = len(tuple(world.system.index.rows()))
        await told_again(world)
        assert len(tuple(world.system.index.rows())) == jobs
        assert {"lgtm", "approved"} <= pr.labels
        assert "do-not-merge/hold" not in pr.labels


async def test_a_label_that_is_told_when_it_is_gone_merges_nothing(tmp_path: Path) -> None:
    async with prow(tmp_path, jobs="", files=FILES, config=CONFIG + TIDE, may=[SIZE, "status tide"]) as world:
        pr = await world.repo.open_pull_request("wernher", title="Change", files={"a.txt": "a\n"})
        await pr.label("wernher", "approved")
        await pr.expect_mergeable()
        world.sim.faults.add(Rule(match=Match(action="labeled", body='"lgtm"'), what=Late(seconds=0.2), times=1))
        await pr.label("wernher", "lgtm")
        await pr.unlabel("wernher", "lgtm")
        await world.quiet()
        pr.expect_not_merged()
        await pr.expect_status("tide", "pending", text="Needs lgtm label")


async def test_of_two_pushes_that_are_told_in_the_wrong_order_the_last_one_is_tested(tmp_path: Path) -> None:
    jobs = UNIT.replace("sh run.sh", "while ! test -s run.sh; do sleep 1; done; sh run.sh")
    async with prow(tmp_path, jobs=jobs, files=FILES, may=[SIZE]) as world:
        pr = await world.repo.open_pull_request("wernher", title="Change", files={"run.sh": ""})
        await pr.expect_status("unit", "pending")
        world.sim.faults.add(Rule(match=Match(action="synchronize"), what=Reorder(by=1), times=1))
        await pr.push({"run.sh": "# one\n"})
        await pr.push({"run.sh": "# two\n"})
        await pr.expect_status("unit", "success")
        await world.quiet()
        await pr.expect_status("unit", "success")


async def test_a_command_that_comes_three_times_is_obeyed_once(tmp_path: Path) -> None:
    async with prow(tmp_path, jobs=UNIT, files=FILES, may=[SIZE]) as world:
        pr = await world.repo.open_pull_request("wernher", title="Change", files={"run.sh": "exit 0 #\n"})
        await pr.expect_status("unit", "success")
        world.sim.faults.add(Rule(match=Match(event="issue_comment", action="created"), what=Repeat(times=3), times=2))
        await pr.comment("wernher", "/test unit")
        await pr.comment("wernher", "/test unknown")
        await world.quiet()
        await pr.expect_status("unit", "success")
        await pr.expect_comment("were not found", by=BOT)
        assert len(tuple(world.system.index.by_job("unit"))) == 2


async def test_a_command_that_was_lost_is_obeyed_when_github_is_told_to_send_it_again(tmp_path: Path) -> None:
    async with prow(tmp_path, jobs="", files=FILES, may=[SIZE]) as world:
        pr = await world.repo.open_pull_request("wernher", title="Change", files={"a.txt": "a\n"})
        lost = world.sim.faults.lose_webhooks(Match(event="issue_comment"))
        await pr.comment("wernher", "/hold")
        await world.quiet()
        assert "do-not-merge/hold" not in pr.labels
        world.sim.faults.remove(lost)
        (hook,) = world.repo.repo.hooks
        world.sim.world.hooks.redeliver(hook, next(d for d in hook.deliveries if d.event == "issue_comment"))
        await pr.expect_label("do-not-merge/hold")
        assert len(world.sim.faults.struck) == 1
