"""Every component as its own process: together they do what `prow up` does, and each may die and come back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx2

from prow.sim.verbs import PullStory
from tests.support.processes import Processes, processes
from tests.support.prow import BOT, CONFIG, TIDE, job

FILES = {"run.sh": "#!/bin/sh\nexit 0\n", "gate": ""}
JOBS = (
    "presubmits:\n  acme/rockets:\n"
    + job("unit", "echo testing; while test -e gate; do sleep 0.05; done; sh run.sh")
    + job("lint", "true")
)
PERIODICS = "periodics:\n" + job("hourly", "echo on the hour", extra="interval: 1h")


async def page(prow: Processes, path: str, holds: Callable[[str], bool]) -> str:
    """A page of the dashboard, when it has become so."""
    async with httpx2.AsyncClient(base_url=prow["deck"].url, trust_env=False) as client:
        for _ in range(400):
            text = (await client.get(path)).text
            if holds(text):
                return text
            await prow.sim.clock.sleep(0.05)
    raise AssertionError(f"{path}: {text}")


async def change(prow: Processes, branch: str, script: str) -> PullStory:
    return await prow.repo.open_pull_request(
        "wernher", title=f"Change {branch}", files={"run.sh": script, "gate": None}, branch=branch
    )


async def test_a_pull_request_is_opened_tested_reported_and_merged(tmp_path: Path) -> None:
    async with processes(tmp_path, jobs=JOBS + PERIODICS, files=FILES, config=CONFIG + TIDE) as prow:
        pr = await change(prow, "one", "exit 3\n")
        await pr.expect_status("unit", "failure")
        await pr.expect_status("lint", "success")
        await pr.expect_comment("unit |", by=BOT)
        await page(prow, "/", lambda text: "unit" in text and "lint" in text)
        await pr.push({"run.sh": "exit 0\n"})
        await pr.expect_status("unit", "success")
        await pr.label("wernher", "lgtm", "approved")
        await pr.expect_merged()
        await page(prow, "/pr/acme/rockets/1", lambda text: "Merged" in text)
        await page(prow, "/tide-history", lambda text: "merge" in text.lower() and "acme/rockets" in text)
        await page(prow, "/?type=periodic", lambda text: "hourly" in text and "success" in text)


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
        pr = await change(prow, "one", "exit 0\n")
        await pr.label("wernher", "lgtm", "approved")
        await prow.sim.world.hooks.settled()
        assert not pr.statuses
        await asyncio.gather(*(prow[name].start() for name in ("prow-controller-manager", "crier", "tide")))
        await pr.expect_status("unit", "success", within=30)
        await pr.expect_merged(within=30)
