"""Events that are asked for."""

from __future__ import annotations

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import bearer, expect, installed

AT = "/repos/acme/widgets"


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
