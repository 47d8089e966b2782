"""What the life of a pull request costs in processes of git: few, since most of what is asked has not changed."""

from __future__ import annotations

from pathlib import Path

from tests.git.support import processes
from tests.support.prow import CONFIG, OWNERS, REVIEWED, TIDE, prow

JOB = "- {name: NAME, run_if_changed: ^never$, agent: jenkins}\n"
JOBS = "presubmits:\n  acme/rockets:\n  " + JOB.replace("NAME", "unit")
OWN = "presubmits:\n" + JOB.replace("NAME", "own")
IN_REPO = "in_repo_config:\n  enabled:\n    '*': true\n"
MAY = ("comment", "label", "status", "assignee", "reviewer")


async def test_a_life_of_a_pull_request_takes_a_process_of_git_for_each_time_its_base_moved(tmp_path: Path) -> None:
    """That was before it was opened, and when it was merged. All other times the OWNERS files are looked at without one."""
    assert await of_a_life(tmp_path, config=CONFIG + TIDE, files={"OWNERS": OWNERS}) <= 2


async def test_with_a_config_of_its_own_it_takes_one_for_each_commit_that_is_looked_at(tmp_path: Path) -> None:
    """The head as it was opened, and as it was pushed, what it merges with, and the merge; once more where the branch is asked for beside."""
    files = {"OWNERS": OWNERS, ".prow.yaml": OWN}
    assert await of_a_life(tmp_path, config=CONFIG + TIDE + IN_REPO, files=files) <= 6


async def of_a_life(folder: Path, *, config: str, files: dict[str, str]) -> float:
    """Opened, pushed to, reviewed, approved, merged, of a second pull request: the first has made the mirror."""
    async with prow(folder, jobs=JOBS, config=config, plugins=REVIEWED, files=files, may=MAY) as world:
        await world.system.tide.ready()
        first = await world.repo.open_pull_request("katherine", title="First", files={"a": "a\n"})
        await world.quiet()
        await first.close("katherine")
        await world.repo.push("wernher", {"b": "b\n"})
        await world.quiet()
        before = processes()
        pr = await world.repo.open_pull_request("katherine", title="A change", files={"c": "c\n"})
        await world.quiet()
        await pr.push({"c": "d\n"})
        await world.quiet()
        await pr.comment("wernher", "/lgtm")
        await pr.expect_label("lgtm")
        await pr.comment("wernher", "/approve")
        await pr.expect_merged()
        await world.quiet()
        return processes() - before
