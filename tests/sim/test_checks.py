"""Check runs and suites, and runs of workflows: made, changed, listed, announced, run again."""

from __future__ import annotations

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import bearer, expect, installed
from tests.sim.support import Events, client

RUNS = "/repos/acme/widgets/check-runs"


async def test_a_check_run_lives_and_is_announced(sim: Sim, repo: RepoStory, events: Events) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"}, from_fork=False)
    listed = f"/repos/acme/widgets/commits/{pr.head_sha}/check-runs"
    async with bearer(sim, installed(sim, "linter", {"checks": "write"})) as app:
        body = {"name": "lint", "head_sha": pr.head_sha, "status": "in_progress", "details_url": "https://ci/1"}
        made = await expect(app.post(RUNS, json=body), 201)
        assert (made["status"], made["conclusion"], made["app"]["slug"]) == ("in_progress", None, "linter")
        path = f"{RUNS}/{made['id']}"
        await expect(app.patch(path, json={"status": "completed"}), 422)
        await expect(app.patch(path, json={"conclusion": "odd"}), 422)
        done = await expect(app.patch(path, json={"conclusion": "skipped"}), 200)
        assert (done["status"], done["conclusion"]) == ("completed", "skipped")
        assert done["completed_at"] is not None
        await expect(app.get(f"{RUNS}/77"), 404)
        await expect(app.post(RUNS, json={"name": "lint", "head_sha": pr.head_sha, "conclusion": "failure"}), 201)
        newest = await expect(app.get(listed), 200)
        assert (newest["total_count"], newest["check_runs"][0]["conclusion"]) == (1, "failure")
        assert (await expect(app.get(f"{listed}?filter=all"), 200))["total_count"] == 2
        assert (await expect(app.get(f"{listed}?check_name=other"), 200))["total_count"] == 0
        await expect(app.post(RUNS, json={"name": "lint", "head_sha": "0" * 40}), 422)
        await expect(app.post(RUNS, json={"head_sha": pr.head_sha}), 422)
    told = events.payloads("check_run")
    assert [p["action"] for p in told] == ["created", "completed", "created", "completed"]
    assert [p["number"] for p in told[0]["check_run"]["pull_requests"]] == [pr.number]


async def test_only_apps_make_checks_and_each_its_own(sim: Sim, repo: RepoStory) -> None:
    body = {"name": "lint", "head_sha": await repo.tip(), "conclusion": "success"}
    async with client(sim, "prow-bot") as bot, client(sim, "mia") as mia:
        refused = await expect(bot.post(RUNS, json=body), 403)
        assert refused["message"] == "You must authenticate via a GitHub App."
        await expect(mia.post(RUNS, json=body), 403)
    async with (
        bearer(sim, installed(sim, "linter", {"checks": "write"})) as linter,
        bearer(sim, installed(sim, "other", {"checks": "write"})) as other,
        bearer(sim, installed(sim, "reader", {"checks": "read"})) as reader,
    ):
        made = await expect(linter.post(RUNS, json=body), 201)
        await expect(other.patch(f"{RUNS}/{made['id']}", json={"conclusion": "failure"}), 403)
        await expect(reader.post(RUNS, json=body), 403)
        await expect(other.post(RUNS, json=body), 201)
        listed = await expect(
            reader.get(f"/repos/acme/widgets/commits/main/check-runs?app_id={made['app']['id']}"), 200
        )
        assert (listed["total_count"], listed["check_runs"][0]["app"]["slug"]) == (1, "linter")


async def test_a_suite_is_as_good_as_its_worst_run(sim: Sim, repo: RepoStory, events: Events) -> None:
    sha = await repo.tip()
    async with bearer(sim, installed(sim, "linter", {"checks": "write"})) as app:
        slow = await expect(app.post(RUNS, json={"name": "slow", "head_sha": sha}), 201)
        await expect(app.post(RUNS, json={"name": "bad", "head_sha": sha, "conclusion": "failure"}), 201)
        suites = f"/repos/acme/widgets/commits/{sha}/check-suites"
        only = (await expect(app.get(suites), 200))["check_suites"][0]
        assert (only["status"], only["conclusion"]) == ("in_progress", None)
        await expect(app.patch(f"{RUNS}/{slow['id']}", json={"conclusion": "success"}), 200)
        only = await expect(app.get(f"/repos/acme/widgets/check-suites/{only['id']}"), 200)
        assert (only["status"], only["conclusion"], only["latest_check_runs_count"]) == ("completed", "failure", 2)
        await expect(app.post(f"/repos/acme/widgets/check-suites/{only['id']}/rerequest"), 201)
        inside = await expect(app.get(f"/repos/acme/widgets/check-suites/{only['id']}/check-runs"), 200)
        assert {run["name"] for run in inside["check_runs"]} == {"slow", "bad"}
    assert [p["action"] for p in events.payloads("check_suite")] == ["completed"], "requests are the app's alone"


async def test_annotations_come_fifty_at_a_time_and_stay(sim: Sim, repo: RepoStory) -> None:
    where = {"path": "README.md", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "Hm"}
    async with bearer(sim, installed(sim, "linter", {"checks": "write"})) as app:
        run = {"name": "lint", "head_sha": await repo.tip()}
        await expect(app.post(RUNS, json=run | {"output": {"title": "Lint"}}), 422)
        many = {"title": "Lint", "summary": "Many", "annotations": [where] * 51}
        assert "50" in (await expect(app.post(RUNS, json=run | {"output": many}), 422))["message"]
        many["annotations"] = [where] * 50
        made = await expect(app.post(RUNS, json=run | {"output": many}), 201)
        assert made["output"]["annotations_count"] == 50
        more = {"output": {"summary": "More", "annotations": [where | {"title": "Last"}]}}
        told = (await expect(app.patch(f"{RUNS}/{made['id']}", json=more), 200))["output"]
        assert (told["title"], told["summary"], told["annotations_count"]) == ("Lint", "More", 51)
        listed = await expect(app.get(f"{RUNS}/{made['id']}/annotations?per_page=100"), 200)
        assert (len(listed), listed[-1]["title"], listed[0]["start_column"]) == (51, "Last", None)
        bad = {"output": {"summary": "x", "annotations": [{"path": "README.md"}]}}
        await expect(app.patch(f"{RUNS}/{made['id']}", json=bad), 422)


async def test_a_workflow_that_failed_is_run_again(sim: Sim, repo: RepoStory, events: Events) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    run = await sim.world.start_workflow(repo.repo, "mia", pr.head_sha, name="Unit tests", branch="change")
    await sim.world.start_workflow(repo.repo, "mia", await repo.tip(), name="Docs", event="push")
    path, listed = f"/repos/acme/widgets/actions/runs/{run.id}", "/repos/acme/widgets/actions/runs"
    async with client(sim, "prow-bot") as bot, client(sim, "mia") as mia:
        found = await expect(bot.get(f"{listed}?head_sha={pr.head_sha}&event=pull_request"), 200)
        assert [(r["name"], r["status"]) for r in found["workflow_runs"]] == [("Unit tests", "in_progress")]
        await expect(bot.post(f"{path}/rerun"), 403)
        await sim.world.finish_workflow(repo.repo, run, "failure")
        assert (await expect(bot.get(f"{listed}?status=failure"), 200))["total_count"] == 1
        await expect(mia.post(f"{path}/rerun-failed-jobs"), 403)
        await expect(bot.post(f"{path}/rerun-failed-jobs"), 201)
        again = await expect(bot.get(path), 200)
        assert (again["run_attempt"], again["status"], again["conclusion"]) == (2, "queued", None)
        await sim.world.finish_workflow(repo.repo, run, "success")
        await expect(bot.post(f"{path}/rerun-failed-jobs"), 403)
    told = [p["action"] for p in events.payloads("workflow_run")]
    assert told == ["requested", "requested", "completed", "requested", "completed"]


async def test_a_workflow_of_somebody_new_waits_for_approval(sim: Sim, repo: RepoStory) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    run = await sim.world.start_workflow(
        repo.repo, "mia", pr.head_sha, status="completed", conclusion="action_required"
    )
    path = f"/repos/acme/widgets/actions/runs/{run.id}"
    async with client(sim, "prow-bot") as bot:
        found = await expect(bot.get("/repos/acme/widgets/actions/runs?status=action_required"), 200)
        assert found["total_count"] == 1
        await expect(bot.post(f"{path}/rerun"), 403)
        await expect(bot.post(f"{path}/approve"), 201)
        assert (await expect(bot.get(path), 200))["status"] == "queued"
        await expect(bot.post(f"{path}/approve"), 403)


async def test_a_workflow_run_has_a_job(sim: Sim, repo: RepoStory, events: Events) -> None:
    run = await sim.world.start_workflow(repo.repo, "mia", await repo.tip(), name="CI", branch="main")
    place = f"/repos/acme/widgets/actions/runs/{run.id}"
    async with client(sim, "prow-bot") as bot:
        (job,) = (await expect(bot.get(f"{place}/jobs"), 200))["jobs"]
        assert (job["status"], job["completed_at"], job["name"]) == ("in_progress", None, "CI")
        await sim.world.finish_workflow(repo.repo, run, "failure")
        one = f"/repos/acme/widgets/actions/jobs/{job['id']}"
        assert (await expect(bot.get(one), 200))["conclusion"] == "failure"
        assert (await expect(bot.get(f"{place}/attempts/1/jobs"), 200))["total_count"] == 1
        await expect(bot.post(f"{one}/rerun"), 201)
        await expect(bot.get(one), 404)
        await expect(bot.get(f"{place}/attempts/1"), 404)
        assert (await expect(bot.get(f"{place}/attempts/2"), 200))["run_attempt"] == 2
        (again,) = (await expect(bot.get(f"{place}/jobs"), 200))["jobs"]
        assert (again["status"], again["id"] != job["id"]) == ("queued", True)
    assert [payload["action"] for payload in events.payloads("workflow_job")] == [
        "queued", "in_progress", "completed", "queued",
    ]  # fmt: skip


async def test_a_run_that_waits_for_approval_has_no_job_yet(sim: Sim, repo: RepoStory, events: Events) -> None:
    run = await sim.world.start_workflow(
        repo.repo, "mia", await repo.tip(), name="CI", status="completed", conclusion="action_required"
    )
    async with client(sim, "prow-bot") as bot:
        assert (await expect(bot.get(f"/repos/acme/widgets/actions/runs/{run.id}/jobs"), 200))["total_count"] == 0
    assert events.payloads("workflow_job") == []
