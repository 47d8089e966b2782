"""Check runs: created, changed, listed, announced."""

from __future__ import annotations

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.support import Events, client


async def test_a_check_run_lives_and_is_announced(sim: Sim, repo: RepoStory, events: Events) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"}, from_fork=False)
    runs, listed = "/repos/acme/widgets/check-runs", f"/repos/acme/widgets/commits/{pr.head_sha}/check-runs"
    async with client(sim, "prow-bot") as bot, client(sim, "mia") as mia:
        body = {"name": "lint", "head_sha": pr.head_sha, "status": "in_progress", "details_url": "https://ci/1"}
        assert (await mia.post(runs, json=body)).status_code == 403
        made = await bot.post(runs, json=body)
        assert (made.status_code, made.json()["status"], made.json()["conclusion"]) == (201, "in_progress", None)
        path = f"{runs}/{made.json()['id']}"
        assert (await bot.patch(path, json={"status": "completed"})).status_code == 422
        assert (await bot.patch(path, json={"conclusion": "odd"})).status_code == 422
        done = (await bot.patch(path, json={"conclusion": "skipped"})).json()
        assert (done["status"], done["conclusion"]) == ("completed", "skipped")
        assert done["completed_at"] is not None
        assert (await bot.get(f"{runs}/77")).status_code == 404
        await bot.post(runs, json={"name": "lint", "head_sha": pr.head_sha, "conclusion": "failure"})
        newest = (await bot.get(listed)).json()
        assert (newest["total_count"], newest["check_runs"][0]["conclusion"]) == (1, "failure")
        assert (await bot.get(f"{listed}?filter=all")).json()["total_count"] == 2
        assert (await bot.get(f"{listed}?check_name=other")).json()["total_count"] == 0
        assert (await bot.post(runs, json={"name": "lint", "head_sha": "0" * 40})).status_code == 422
        assert (await bot.post(runs, json={"head_sha": pr.head_sha})).status_code == 422
    told = events.payloads("check_run")
    assert [p["action"] for p in told] == ["created", "completed", "created", "completed"]
    assert [p["number"] for p in told[0]["check_run"]["pull_requests"]] == [pr.number]
