"""Deployments and their statuses."""

from __future__ import annotations

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import expect
from tests.sim.support import Events, client

AT = "/repos/acme/widgets"


async def test_a_commit_is_deployed_and_what_became_of_it_is_told(sim: Sim, repo: RepoStory, events: Events) -> None:
    async with client(sim, "prow-bot") as bot, client(sim) as nobody:
        about = {"ref": "main", "environment": "staging", "payload": {"ring": 1}, "auto_merge": False}
        made = await expect(bot.post(f"{AT}/deployments", json=about), 201)
        assert (made["sha"], made["environment"], made["payload"]) == (await repo.tip(), "staging", {"ring": 1})
        place = f"{AT}/deployments/{made['id']}"
        for state in ("in_progress", "success"):
            await expect(bot.post(f"{place}/statuses", json={"state": state, "log_url": "https://ci.example/1"}), 201)
        await expect(bot.post(f"{place}/statuses", json={"state": "splendid"}), 422)
        listed = await expect(nobody.get(f"{place}/statuses"), 200)
        assert [one["state"] for one in listed] == ["success", "in_progress"]
        one = await expect(nobody.get(f"{place}/statuses/{listed[0]['id']}"), 200)
        assert one["target_url"] == "https://ci.example/1"
        assert await expect(nobody.get(f"{AT}/deployments?environment=production"), 200) == []
        assert len(await expect(nobody.get(f"{AT}/deployments?environment=staging&ref=main"), 200)) == 1
    assert [name for name, _ in events.names] == ["deployment", "deployment_status", "deployment_status"]


async def test_a_commit_whose_checks_are_not_good_is_not_deployed(sim: Sim, repo: RepoStory) -> None:
    tip = await repo.tip()
    await sim.world.set_status(repo.repo, "ci", tip, context="unit", state="failure")
    async with client(sim, "prow-bot") as bot:
        refused = await expect(bot.post(f"{AT}/deployments", json={"ref": "main"}), 409)
        assert refused["errors"][0]["contexts"] == [{"context": "unit", "state": "failure"}]
        await expect(bot.post(f"{AT}/deployments", json={"ref": "main", "required_contexts": []}), 201)
        await expect(bot.post(f"{AT}/deployments", json={"ref": "gone"}), 422)


async def test_a_new_success_makes_the_one_before_inactive(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot:
        places = []
        for _ in range(2):
            made = await expect(bot.post(f"{AT}/deployments", json={"ref": "main", "environment": "staging"}), 201)
            places.append(f"{AT}/deployments/{made['id']}")
            await expect(bot.post(f"{places[-1]}/statuses", json={"state": "success"}), 201)
        assert (await expect(bot.get(f"{places[0]}/statuses"), 200))[0]["state"] == "inactive"
        await expect(bot.delete(places[1]), 422)
        await expect(bot.delete(places[0]), 204)
