"""Components in a dry run: they look at GitHub as ever, write nothing anywhere, and their logs say what they would have done."""

from __future__ import annotations

from pathlib import Path

from prow.jobs.sqlite_store import SQLiteJobStore
from tests.support.processes import processes
from tests.support.prow import CONFIG, OWNERS, REVIEWED, TIDE, job

JOBS = "presubmits:\n  acme/rockets:\n" + job("unit", "true", extra="run_if_changed: ^code/")
FILES = {"run.sh": "", "OWNERS": OWNERS}


async def test_a_dry_run_writes_nothing_and_says_what_it_would(tmp_path: Path) -> None:
    async with processes(
        tmp_path,
        jobs=JOBS,
        files=FILES,
        config=CONFIG + TIDE.replace("[lgtm, approved]", "[ready]"),
        plugins=REVIEWED,
        only=("hook", "tide", "crier"),
        dry_run=True,
    ) as prow:
        code = await prow.repo.open_pull_request("wernher", title="Code", files={"code/a": "a\n"})
        await code.comment("katherine", "/lgtm")
        await prow["hook"].says("Dry run: this job would be created.", '"unit"')
        await prow["hook"].says("Dry run: a write to GitHub is left out.", "/issues/1/labels", "lgtm")
        await code.label("wernher", "ready")
        await prow["tide"].says("Dry run: this job would be created.", '"unit"')
        words = await prow.repo.open_pull_request("wernher", title="Words", files={"words": "a\n"})
        await words.label("wernher", "ready")
        await prow["tide"].says("Dry run: this pull request would be merged.", "acme/rockets#2")
        words.expect_not_merged()
        store = await SQLiteJobStore.open(tmp_path / "shared/jobs.db", clock=prow.sim.clock)
        assert (await store.list()).items == ()
        await store.close()
        logs = "".join(component.log() for component in prow.components.values())
    for claim in ("Created a job.", "Merged.", "Aborted a job.", "Traceback"):
        assert claim not in logs
