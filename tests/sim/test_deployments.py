"""Deployments and their statuses, comments on commits, events that are asked for."""

from __future__ import annotations

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import bearer, expect, installed
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


async def test_commits_are_commented_on(sim: Sim, repo: RepoStory, events: Events) -> None:
    tip = await repo.push("mia", {"song.txt": "one\ntwo\n"})
    async with client(sim, "mia") as mia, client(sim, "ada") as ada:
        place = f"{AT}/commits/{tip}/comments"
        first = await expect(mia.post(place, json={"body": "Nice."}), 201)
        second = await expect(ada.post(place, json={"body": "Here?", "path": "song.txt", "position": 2}), 201)
        assert (second["line"], second["position"]) == (2, 2)
        await expect(ada.post(place, json={"body": "There?", "path": "song.txt", "position": 9}), 422)
        await expect(ada.post(f"{AT}/commits/{'f' * 40}/comments", json={"body": "x"}), 422)
        assert [one["id"] for one in await expect(ada.get(f"{AT}/comments"), 200)] == [first["id"], second["id"]]
        await expect(ada.patch(f"{AT}/comments/{first['id']}", json={"body": "No."}), 403)
        await expect(ada.patch(f"{AT}/comments/{second['id']}", json={"body": "There."}), 200)
        await expect(ada.post(f"{AT}/comments/{first['id']}/reactions", json={"content": "heart"}), 201)
        assert (await expect(ada.get(f"{AT}/comments/{first['id']}"), 200))["reactions"]["heart"] == 1
        await expect(mia.delete(f"{AT}/comments/{first['id']}"), 204)
        assert len(await expect(ada.get(place), 200)) == 1
    assert [name for name, _ in events.names].count("commit_comment") == 2


async def test_an_app_hears_of_what_is_dispatched(sim: Sim, repo: RepoStory) -> None:
    sim.faults.lose_webhooks()
    token = installed(sim, "ops", {"contents": "write", "actions": "write"})
    app = sim.world.apps["ops"]
    app.events = ("repository_dispatch", "workflow_dispatch", "workflow_run")
    sim.world.set_app_hook(app, url="http://nobody.invalid/", secret="s")
    async with bearer(sim, token) as ops:
        asked = {"event_type": "refuel", "client_payload": {"tank": 3}}
        await expect(ops.post(f"{AT}/dispatches", json=asked), 204)
        await expect(ops.post(f"{AT}/dispatches", json={"event_type": ""}), 422)
        await expect(ops.post(f"{AT}/actions/workflows/ci.yml/dispatches", json={"ref": "main"}), 404)
        await repo.push("mia", {".github/workflows/ci.yml": "on: workflow_dispatch\n"})
        await expect(ops.post(f"{AT}/actions/workflows/ci.yml/dispatches", json={"ref": "gone"}), 422)
        await expect(ops.post(f"{AT}/actions/workflows/ci.yml/dispatches", json={"ref": "main"}), 204)
        (run,) = (await expect(ops.get(f"{AT}/actions/runs?event=workflow_dispatch"), 200))["workflow_runs"]
        assert (run["status"], run["head_branch"]) == ("queued", "main")
    assert app.hook is not None
    assert [one.event for one in app.hook.deliveries if one.event.endswith("dispatch")] == [
        "repository_dispatch", "workflow_dispatch",
    ]  # fmt: skip
