"""The commands as people type them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import prow
from prow.cli.demo.world import SAMPLE
from prow.cli.main import main
from tests.support.sandbox import FLAGS


def run(*arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "prow", *arguments],
        capture_output=True, text=True, check=False, timeout=110, cwd=cwd, env={**os.environ, **env},
    )  # fmt: skip


Here = Callable[..., tuple[int, str, str]]


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Here:
    """Run a command in this process, which spares its start: exit code, standard output, standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([*arguments])
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A local git repository with the sample's files."""
    folder = tmp_path / "rockets"
    subprocess.run(["cp", "-r", str(SAMPLE / "repo"), str(folder)], check=True)
    commit(folder, "First")
    return folder


def commit(folder: Path, message: str) -> None:
    for arguments in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", message],
    ):
        subprocess.run(["git", *arguments], cwd=folder, check=True)


def test_version() -> None:
    assert run("version").stdout == f"{prow.__version__}\n"


@pytest.mark.parametrize("command", [(), ("up",), ("hook",), ("demo",), ("run",), ("sim", "github")])
def test_help_helps(command: tuple[str, ...], here: Here) -> None:
    code, said, _ = here(*command, "--help")
    assert code == 0
    assert "Usage: prow" in said
    assert len(said) > 200


def test_the_demo_comes_true() -> None:
    done = run("demo", "--port=0", ONCE="1")
    assert done.returncode == 0, done.stderr
    for line in (
        "adds needs-ok-to-test",
        "reports: unit failed, lint passed",
        "edits its comment",
        "removes do-not-merge/hold",
        "API calls that count",
    ):
        assert line in done.stdout
    assert "Traceback" not in done.stderr


OWN_JOB = (
    "presubmits:\n- name: own\n  {when}\n  decorate: true\n  spec:\n    containers:\n"
    "    - image: debian\n      command: [sh, tests/run.sh]\n"
)


@pytest.mark.parametrize(
    ("when", "reports", "says"),
    [
        ("always_run: true", 2, "pushes another commit"),
        ("run_if_changed: ^docs/", 1, "comments /test own"),
        ("branches: [release]", 0, "There is no job to run for branch main."),
    ],
)
def test_the_demo_plays_with_any_repository(checkout: Path, when: str, reports: int, says: str) -> None:
    (checkout / ".prow.yaml").write_text(OWN_JOB.format(when=when))
    commit(checkout, "Jobs of its own")
    done = run("demo", f"--clone={checkout}", "--port=0", "--once")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("reports: own success") == reports
    assert says in done.stdout


def test_the_demo_plays_with_the_jobs_of_a_config(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "jobs.yaml").write_text((SAMPLE / "jobs.yaml").read_text().replace("acme/rockets", "nasa/rockets"))
    flags = (f"--config-path={SAMPLE}/config.yaml", f"--job-config-path={tmp_path}/jobs.yaml")
    done = run("demo", f"--clone={checkout}", *flags, "--port=0", "--once")
    assert done.returncode == 0, done.stderr
    assert "pull/nasa_rockets/1/unit/" in done.stdout


def test_what_the_demo_cannot_play_with_is_one_line(checkout: Path, tmp_path: Path, here: Here) -> None:
    empty, broken = tmp_path / "empty", tmp_path / "broken"
    subprocess.run(["git", "init", "-q", str(empty)], check=True)
    subprocess.run(["cp", "-r", str(checkout), str(broken)], check=True)
    (broken / ".prow.yaml").write_text("presubmits: 1\n")
    commit(broken, "Wrong")
    for folder, wrong in (
        (tmp_path / "nothing", "this is no git repository"),
        (tmp_path, "this is no git repository"),
        (empty, "this repository has no commit yet"),
        (broken, ".prow.yaml:1:13: presubmits: expected a list, found the number 1"),
    ):
        code, _, said = here("demo", f"--clone={folder}", "--port=0", "--once")
        assert (code, wrong in said, said.count("\n")) == (2, True, 1), said


def test_a_step_that_does_not_come_true_is_named(checkout: Path, tmp_path: Path, here: Here) -> None:
    (tmp_path / "plugins.yaml").write_text("plugins: {acme: {plugins: [trigger]}}\n")
    code, _, said = here(
        "demo", f"--clone={checkout}", f"--plugin-config={tmp_path}/nothing.yaml", "--port=0", "--once"
    )
    assert code == 2
    assert "nothing.yaml: there is no such file" in said


def test_one_job_runs_as_ci_would_run_it(checkout: Path, tmp_path: Path) -> None:
    flags = [f"--config-path={SAMPLE}/config.yaml", f"--job-config-path={SAMPLE}/jobs.yaml", f"--output={tmp_path}/out"]
    flags += [f"--{name}={value}" for name, value in FLAGS.items()]
    done = run("run", "unit", *flags, cwd=checkout)
    assert done.returncode == 0, done.stderr
    assert "3 passed" in done.stdout
    assert "passed: unit" in done.stderr
    assert list((tmp_path / "out").rglob("finished.json"))
    (checkout / "countdown.sh").write_text("#!/bin/sh\n# broken\nexit 1\n")
    commit(checkout, "Break it")
    assert run("run", "unit", *flags, cwd=checkout).returncode == 1
    wrong = run("run", "nothing", *flags, cwd=checkout)
    assert (wrong.returncode, "there is no job named nothing" in wrong.stderr) == (2, True)
