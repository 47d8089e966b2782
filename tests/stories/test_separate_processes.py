"""Every component as its own process: together they do what `prow up` does, and each may die and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec

from prow.bus.endpoint import Endpoint
from prow.github.webhook import Verifier
from prow.lib import http
from prow.lib.clock import SystemClock
from prow.lib.http_client import http_client
from prow.lib.secrets import Secret
from prow.model.events import EventKind, PullRequestEvent
from prow.sim.verbs import PullStory
from tests.bus.support import Noting
from tests.support.deck import page_when
from tests.support.processes import Component, Processes, free_port, processes
from tests.support.prow import BOT, CONFIG, OWNERS, REVIEWED, SECRET, TIDE, github, job, running, settings_for

FILES = {"run.sh": "#!/bin/sh\nexit 0\n", "gate": "", "OWNERS": OWNERS}
JOBS = (
    "presubmits:\n  acme/rockets:\n"
    + job("unit", "echo testing; while test -e gate; do sleep 0.05; done; sh run.sh")
    + job("lint", "true")
)
MORE_JOBS = (
    "postsubmits:\n  acme/rockets:\n"
    + job("publish", "true", extra="branches: ['^main$']")
    + "periodics:\n"
    + job("hourly", "echo on the hour", extra="interval: 1h")
)


MAY = ("label size/*", "status tide")


async def page(prow: Processes, path: str, holds: Callable[[str], bool]) -> str:
    return await page_when(prow["deck"].url, path, holds)


async def change(prow: Processes, author: str, branch: str, files: dict[str, str]) -> PullStory:
    return await prow.repo.open_pull_request(author, title=branch, files={"gate": None, **files}, branch=branch)


async def test_a_pull_request_goes_from_opened_to_merged(tmp_path: Path) -> None:
    async with processes(
        tmp_path, jobs=JOBS + MORE_JOBS, files=FILES, config=CONFIG + TIDE, plugins=REVIEWED, may=MAY
    ) as prow:
        pr = await change(prow, "mia", "one", {"run.sh": "exit 3\n"})
        await pr.expect_label("needs-ok-to-test")
        await pr.expect_comment("What happens next", by=BOT)
        await pr.comment("wernher", "/ok-to-test")
        await pr.expect_label("ok-to-test")
        await pr.expect_no_label("needs-ok-to-test")
        await pr.expect_statuses({"unit": "failure", "lint": "success"})
        report = await pr.expect_comment("unit |", by=BOT)
        await pr.push({"run.sh": "exit 0\n"})
        await pr.expect_statuses({"unit": "success", "lint": "success"})
        assert await pr.expect_comment("has passed since", by=BOT) is report
        await pr.comment("katherine", "/lgtm")
        await pr.expect_label("lgtm")
        await pr.comment("wernher", "/hold")
        await pr.expect_label("do-not-merge/hold")
        await pr.comment("wernher", "/approve")
        await pr.expect_label("approved")
        await page(prow, "/pr/acme/rockets/1", lambda text: "do-not-merge/hold" in text)
        pr.expect_not_merged()
        await pr.comment("wernher", "/hold cancel")
        merge = await pr.expect_merged()
        await pr.expect_no_label("do-not-merge/hold")
        await pr.expect_comment("This PR is **APPROVED**", by=BOT)
        await prow.repo.expect_status(merge, "publish", "success")
        await the_base_has_moved(prow)
        await page(prow, "/?type=postsubmit", lambda text: "publish" in text and "success" in text)
        await page(prow, "/?type=periodic", lambda text: "hourly" in text and "success" in text)
        await page(prow, "/pr/acme/rockets/1", lambda text: "Merged" in text)
        await page(prow, "/tide-history", lambda text: "acme/rockets" in text)
        await finished_jobs_age_out(prow, tmp_path)


async def the_base_has_moved(prow: Processes) -> None:
    """A second pull request is tested again on the new main; a third one conflicts."""
    pr = await change(prow, "katherine", "two", {"notes.txt": "x\n"})
    conflicting = await change(prow, "katherine", "three", {"run.sh": "exit 0 # three\n"})
    await pr.expect_status("unit", "success")
    base = await prow.repo.push("wernher", {"run.sh": "exit 0 # main\n", "gate": None})
    for each in (pr, conflicting):
        await each.comment("wernher", "/lgtm\n/approve")
    merge = await pr.expect_merged()
    await conflicting.expect_status("tide", "error")
    conflicting.expect_not_merged()
    for commit in (base, merge):
        await prow.repo.expect_status(commit, "publish", "success")
    await prow.told()
    for each in (pr, conflicting):
        await each.expect_statuses({"unit": "success", "lint": "success"})
        for label in ("lgtm", "approved"):
            await each.expect_label(label)
        await each.expect_comment("This PR is **APPROVED**", by=BOT)


async def finished_jobs_age_out(prow: Processes, folder: Path) -> None:
    await page(prow, "/", lambda text: "state pending" not in text and "state triggered" not in text)
    (folder / "aged.yaml").write_text(CONFIG + "sinker: {max_prowjob_age: 1ms}\n")
    flags = {"config-path": folder / "aged.yaml", "job-store": folder / "shared", "dry-run": False, "run-once": True}
    sinker = Component(folder, "sinker", flags)
    await sinker.start()
    assert await sinker.ended() == 0
    await page(prow, "/", lambda text: "lint" not in text)


async def test_the_log_of_a_running_job_is_seen_from_another_process(tmp_path: Path) -> None:
    only = ("hook", "prow-controller-manager", "crier", "deck")
    async with processes(tmp_path, jobs=JOBS, files=FILES, only=only, may=MAY) as prow:
        pr = await prow.repo.open_pull_request("wernher", title="Slow", files={"run.sh": "exit 0\n"})
        await pr.wait_for(lambda p: "unit" in p.statuses and "/view/" in p.statuses["unit"].target_url, "a page")
        view = "/view/" + pr.statuses["unit"].target_url.partition("/view/")[2]
        text = await page(prow, view, lambda text: "testing" in text)
        assert "/follow/" in text
        await pr.comment("wernher", "/hold")
        await pr.expect_label("do-not-merge/hold")
        jobs = tmp_path / "prow-controller-manager/engine/jobs"
        for gate in await asyncio.to_thread(lambda: list(jobs.glob("*/*/code/src/**/gate"))):
            gate.unlink()
        await pr.expect_statuses({"unit": "success", "lint": "success"}, within=30)


async def test_what_happens_while_one_of_them_is_dead_is_not_lost(tmp_path: Path) -> None:
    mortal = ("prow-controller-manager", "crier", "tide")
    async with processes(
        tmp_path, jobs=JOBS, files=FILES, config=CONFIG + TIDE, only=("hook", *mortal), may=MAY
    ) as prow:
        await asyncio.gather(*(prow[name].kill() for name in mortal))
        pr = await change(prow, "wernher", "one", {"run.sh": "exit 0\n"})
        await pr.label("wernher", "lgtm", "approved")
        await prow.sim.world.hooks.settled()
        assert not pr.statuses
        await asyncio.gather(*(prow[name].start() for name in mortal))
        await pr.expect_statuses({"unit": "success", "lint": "success"}, within=30)
        await pr.expect_merged(within=30)


async def test_one_look_of_tide_merges_what_is_ready_and_its_exit_code_says_whether_it_saw_everything(
    tmp_path: Path,
) -> None:
    looks = {"all": "orgs: [acme]", "one too many": "repos: [acme/rockets, acme/none]"}
    async with github(tmp_path, files=FILES) as (sim, repo):
        (tmp_path / "token").write_text(sim.world.token(BOT))
        codes = {}
        for name, where in looks.items():
            pr = await repo.open_pull_request("wernher", title=name, files={f"{name}.txt": "x\n"})
            (tmp_path / "config.yaml").write_text(f"tide: {{queries: [{{{where}}}]}}")
            tide = Component(
                tmp_path,
                "tide",
                {
                    "config-path": tmp_path / "config.yaml",
                    "github-endpoint": sim.world.base,
                    "github-graphql-endpoint": f"{sim.world.base}/graphql",
                    "github-token-path": tmp_path / "token",
                    "run-once": True,
                    "dry-run": False,
                },
            )
            await tide.start()
            codes[name] = await tide.ended()
            await pr.expect_merged()
    assert codes == {"all": 0, "one too many": 1}
    assert "not everything could be done: The open pull requests cannot be listed (acme/none)" in tide.log()


async def test_others_may_ask_the_tide_of_up_and_get_its_events(tmp_path: Path) -> None:
    taken = Noting("watcher", kinds=set(EventKind))
    verifier = Verifier(Secret(tmp_path / "hmac", SECRET.encode()))
    endpoint = Endpoint(taken, verifier, clock=SystemClock())
    async with github(tmp_path, files=FILES) as (sim, repo), http.serve(endpoint.app) as port:
        settings = msgspec.structs.replace(
            await settings_for(tmp_path, sim, config=CONFIG + TIDE, jobs="", plugins="plugins: {}"),
            tide_port=free_port(),
            event_endpoints={"watcher": f"http://127.0.0.1:{port}/hook"},
        )
        async with running(settings, sim, repo):
            pr = await repo.open_pull_request("wernher", title="Change", files={"run.sh": "exit 1\n"})
            await sim.world.wait_until(
                lambda: any(isinstance(event, PullRequestEvent) for event in taken.events), within=20
            )
            await pr.expect_status("tide")
            async with http_client(f"http://127.0.0.1:{settings.tide_port}") as client:
                explanation = (await client.get("/explain?org=acme&repo=rockets&pr=1")).json()
    assert explanation["number"] == 1
