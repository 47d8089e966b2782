"""Every component as its own process: together they do what `prow up` does, and each may die and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx2

from prow.sim.verbs import PullStory
from tests.support.processes import Component, Processes, processes
from tests.support.prow import BOT, CONFIG, OWNERS, REVIEWED, TIDE, job

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


async def page(prow: Processes, path: str, holds: Callable[[str], bool]) -> str:
    """A page of the dashboard, when it has become so."""
    async with httpx2.AsyncClient(base_url=prow["deck"].url, trust_env=False) as client:
        for _ in range(400):
            text = (await client.get(path)).text
            if holds(text):
                return text
            await prow.sim.clock.sleep(0.05)
    raise AssertionError(f"{path}: {text}")


async def change(prow: Processes, author: str, branch: str, files: dict[str, str]) -> PullStory:
    return await prow.repo.open_pull_request(author, title=branch, files={"gate": None, **files}, branch=branch)


async def test_a_pull_request_goes_from_opened_to_merged(tmp_path: Path) -> None:
    async with processes(tmp_path, jobs=JOBS + MORE_JOBS, files=FILES, config=CONFIG + TIDE, plugins=REVIEWED) as prow:
        pr = await change(prow, "mia", "one", {"run.sh": "exit 3\n"})
        await pr.expect_label("needs-ok-to-test")
        await pr.comment("wernher", "/ok-to-test")
        await pr.expect_status("unit", "failure")
        await pr.expect_comment("unit |", by=BOT)
        await pr.push({"run.sh": "exit 0\n"})
        await pr.expect_status("unit", "success")
        await pr.comment("katherine", "/lgtm")
        await pr.comment("wernher", "/hold")
        await pr.expect_label("do-not-merge/hold")
        await pr.comment("wernher", "/approve")
        await pr.expect_label("approved")
        await page(prow, "/pr/acme/rockets/1", lambda text: "do-not-merge/hold" in text)
        pr.expect_not_merged()
        await pr.comment("wernher", "/hold cancel")
        await pr.expect_merged()
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
    await prow.repo.push("wernher", {"run.sh": "exit 0 # main\n", "gate": None})
    for each in (pr, conflicting):
        await each.comment("wernher", "/lgtm\n/approve")
    await pr.expect_merged()
    await conflicting.wait_for(lambda p: "tide" in p.statuses and p.statuses["tide"].state == "error", "tide=error")
    conflicting.expect_not_merged()


async def finished_jobs_age_out(prow: Processes, folder: Path) -> None:
    await page(prow, "/", lambda text: "state pending" not in text and "state triggered" not in text)
    (folder / "aged.yaml").write_text(CONFIG + "sinker: {max_prowjob_age: 1ms}\n")
    flags = {"config-path": folder / "aged.yaml", "job-store": folder / "shared", "dry-run": False, "run-once": True}
    sinker = Component(folder, "sinker", flags, prow.sim)
    await sinker.start()
    assert await sinker.ended() == 0
    await page(prow, "/", lambda text: "lint" not in text)


async def test_the_log_of_a_running_job_is_seen_from_another_process(tmp_path: Path) -> None:
    async with processes(tmp_path, jobs=JOBS, files=FILES) as prow:
        pr = await prow.repo.open_pull_request("wernher", title="Slow", files={"run.sh": "exit 0\n"})
        await pr.wait_for(lambda p: "unit" in p.statuses and "/view/" in p.statuses["unit"].target_url, "a page")
        view = "/view/" + pr.statuses["unit"].target_url.partition("/view/")[2]
        text = await page(prow, view, lambda text: "testing" in text)
        assert "/follow/" in text
        await pr.comment("wernher", "/hold")
        await pr.expect_label("do-not-merge/hold")


async def test_what_happens_while_one_of_them_is_dead_is_not_lost(tmp_path: Path) -> None:
    async with processes(tmp_path, jobs=JOBS, files=FILES, config=CONFIG + TIDE) as prow:
        await asyncio.gather(*(prow[name].kill() for name in ("prow-controller-manager", "crier", "tide")))
        pr = await change(prow, "wernher", "one", {"run.sh": "exit 0\n"})
        await pr.label("wernher", "lgtm", "approved")
        await prow.sim.world.hooks.settled()
        assert not pr.statuses
        await asyncio.gather(*(prow[name].start() for name in ("prow-controller-manager", "crier", "tide")))
        await pr.expect_status("unit", "success", within=30)
        await pr.expect_merged(within=30)
