"""`prow jobs --pull`: what a pull request changes is asked from GitHub, here the simulated one."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from prow.github.pulls import FILES_LISTED
from prow.sim.verbs import RepoStory
from tests.support.github import served

CONFIG = """\
presubmits:
  acme/rockets:
  - {name: unit, run_if_changed: \\.go$, branches: [^release-1$], agent: jenkins}
  - {name: docs, run_if_changed: \\.md$, agent: jenkins}
"""


async def prow(*arguments: str) -> tuple[int, str, str]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "prow", *arguments, stdout=pipe, stderr=pipe)
    out, errors = await process.communicate()
    return process.returncode or 0, out.decode(), errors.decode()


@pytest.mark.parametrize("number", [1, 99])
async def test_the_jobs_of_a_pull_request_are_told(tmp_path: Path, number: int) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    async with served(tmp_path) as sim:
        repo = await RepoStory.create(sim, "acme/rockets", files={"main.go": "one"})
        repo.collaborator("mary")
        await repo.push("mary", {"main.go": "one, released"}, branch="release-1", start=await repo.tip())
        await repo.open_pull_request("mary", title="Fix", files={"main.go": "two"}, base="release-1")
        code, out, errors = await prow(
            "jobs",
            f"--config-path={config}",
            "--repo=acme/rockets",
            f"--pull={number}",
            f"--github-endpoint={sim.world.base}",
        )
    if number == 1:
        assert code == 0, errors
        assert out.splitlines()[1].split(maxsplit=3) == ["yes", "unit", "required", "a change matches \\.go$"]
    else:
        assert code == 1
        assert len(errors.splitlines()) == 1
        assert "Traceback" not in errors


async def test_that_github_lists_no_more_files_is_said(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    async with served(tmp_path) as sim:
        repo = await RepoStory.create(sim, "acme/rockets", files={"main.go": "one"})
        files = {f"src/{number:04}": "x" for number in range(FILES_LISTED)} | {"zzz.md": "last"}
        await repo.open_pull_request("mary", title="Much", files=files)
        code, out, errors = await prow(
            "jobs", f"--config-path={config}", "--repo=acme/rockets", "--pull=1", f"--github-endpoint={sim.world.base}"
        )
    assert code == 0, errors
    assert "no change matches \\.md$" in out
    assert "prow: GitHub lists only the first 3,000 files of a pull request; jobs see no others" in errors.splitlines()
