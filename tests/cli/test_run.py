"""`prow run JOB`: what a person at a checkout may expect."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from prow.cli.demo.world import SAMPLE
from tests.support.sandbox import FLAGS

JOB = """
  - name: {name}
    decorate: true
    branches: [{branch}]
    spec: {{containers: [{{image: x, command: [sh, -c, "{command}"]}}]}}
"""


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@x", *arguments], cwd=folder, check=True)


def job(name: str, command: str, *, branch: str = "main") -> str:
    return JOB.format(name=name, command=command, branch=branch)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone of acme/rockets with a release branch; config.yaml beside it lets it have jobs of its own."""
    folder = tmp_path / "rockets"
    folder.mkdir()
    (folder / "README.md").write_text("Rockets\n")
    (folder / ".prow.yaml").write_text("presubmits:" + job("own", "echo its own").replace("\n  ", "\n"))
    git(folder, "init", "-q", "-b", "main")
    git(folder, "remote", "add", "origin", "https://github.com/acme/rockets.git")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "First")
    git(folder, "branch", "release-1")
    (tmp_path / "config.yaml").write_text(
        (SAMPLE / "config.yaml").read_text() + "in_repo_config: {enabled: {acme/rockets: true}}\n"
    )
    return folder


def command(checkout: Path, jobs: str, *arguments: str) -> list[str]:
    (checkout.parent / "jobs.yaml").write_text(jobs)
    where = (f"--config-path={checkout.parent}/config.yaml", f"--job-config-path={checkout.parent}/jobs.yaml")
    how = (f"--{name}={value}" for name, value in FLAGS.items())
    return [sys.executable, "-m", "prow", "run", *arguments, *where, *how, f"--output={checkout.parent}/out"]


def run(checkout: Path, jobs: str, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        command(checkout, jobs, *arguments), cwd=checkout, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


TWO_BRANCHES = (
    "presubmits:\n  acme/rockets:"
    + job("unit", "echo for main", branch="main")
    + job("unit", "echo for the release", branch="release-1")
)


def test_of_jobs_with_one_name_that_of_the_branch_runs(checkout: Path) -> None:
    assert "for main" in run(checkout, TWO_BRANCHES, "unit")[1]
    code, out, err = run(checkout, TWO_BRANCHES, "unit", "--base-ref=release-1")
    assert (code, "for the release" in out) == (0, True), err
    assert f"Testing {checkout} as acme/rockets at release-1" in err
    git(checkout, "branch", "other")
    code, _, err = run(checkout, TWO_BRANCHES, "unit", "--base-ref=other")
    assert (code, err) == (2, "prow: unit does not run on branch other; name another by --base-ref\n")


def test_of_repositories_with_one_job_name_the_one_of_this_checkout_is_meant(checkout: Path) -> None:
    jobs = TWO_BRANCHES + "  acme/planes:" + job("unit", "echo planes")
    code, out, err = run(checkout, jobs, "unit")
    assert (code, "for main" in out) == (0, True), err
    git(checkout, "remote", "remove", "origin")
    code, _, err = run(checkout, jobs, "unit")
    assert (code, "choose one by --repo (acme/planes, acme/rockets)" in err) == (2, True), err


def test_jobs_that_the_repository_keeps_itself_run_too(checkout: Path) -> None:
    code, out, err = run(checkout, "presubmits: {}\n", "own")
    assert (code, "its own" in out) == (0, True), err


def test_what_is_not_committed_is_left_out_and_that_is_said(checkout: Path) -> None:
    (checkout / "README.md").write_text("Planes\n")
    code, out, err = run(checkout, "presubmits:\n  acme/rockets:" + job("show", "cat README.md"), "show")
    assert (code, "Rockets" in out, "what is not committed is left out" in err) == (0, True, True), err


def test_a_branch_that_is_not_there_is_told_at_once(checkout: Path) -> None:
    code, _, err = run(checkout, TWO_BRANCHES, "unit", "--base-ref=nothing")
    assert (code, "there is no commit nothing; name a branch of it by --base-ref" in err) == (2, True), err


def test_files_are_where_it_says(checkout: Path) -> None:
    err = run(checkout, TWO_BRANCHES, "unit")[2]
    folder = Path(err.rpartition("logs and artifacts: ")[2].strip())
    assert (folder / "finished.json").exists()


def test_an_interrupt_ends_the_job_as_ci_would(checkout: Path) -> None:
    jobs = "presubmits:\n  acme/rockets:" + job("slow", "echo begun; sleep 50")
    with subprocess.Popen(command(checkout, jobs, "slow"), cwd=checkout, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "begun" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    (finished,) = (checkout.parent / "out").rglob("finished.json")
    assert '"result":"ABORTED"' in finished.read_text()
