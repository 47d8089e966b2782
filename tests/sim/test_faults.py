"""Planned misfortune strikes as often as it was planned, before or after the call takes effect."""

from __future__ import annotations

import pytest

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory, Unexpected
from tests.sim.support import client


async def test_merge_calls_fail_as_planned(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    sim.faults.next_merge_finds_base_modified()
    sim.faults.next_merge(409)
    sim.faults.next_merge(422, "Odd")
    sim.faults.next_merge(502, times=2)
    answers = []
    async with client(sim, "prow-bot") as bot:
        path = f"/repos/acme/widgets/pulls/{pr.number}/merge"
        while sim.faults.pending:
            answer = await bot.put(path, json={})
            answers.append((answer.status_code, answer.json()["message"]))
        pr.expect_not_merged()
        sim.faults.next_merge(502, after=True)
        assert (await bot.put(path, json={})).status_code == 502
        assert await pr.expect_merged() == pr.merge_commit
        assert (await bot.put(path, json={})).status_code == 405
    assert answers == [
        (405, "Base branch was modified. Review and try the merge again."),
        (409, "Head branch was modified. Review and try the merge again."),
        (422, "Odd"),
        (502, "Server Error"),
        (502, "Server Error"),
    ]


async def test_plans_can_be_given_up_and_touch_nothing_else(sim: Sim, repo: RepoStory) -> None:
    sim.faults.next("GET", "/user", 500)
    async with client(sim, "prow-bot") as bot:
        assert (await bot.get("/repos/acme/widgets")).status_code == 200
        sim.faults.clear()
        assert (await bot.get("/user")).status_code == 200


async def test_a_merge_that_should_not_be_shows_the_state(repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    await pr.merge("prow-bot")
    with pytest.raises(Unexpected, match=r"acme/widgets#1 \(\w{7}, MERGED\)"):
        pr.expect_not_merged()
