"""The commands as people type them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import prow
from prow.cli.demo.world import SAMPLE
from tests.support.sandbox import FLAGS


def run(*arguments: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "prow", *arguments],
        capture_output=True, text=True, check=False, timeout=110, cwd=cwd, env={**os.environ, **env},
    )  # fmt: skip


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
def test_help_helps(command: tuple[str, ...]) -> None:
    done = run(*command, "--help")
    assert done.returncode == 0
    assert "Usage: prow" in done.stdout
    assert len(done.stdout) > 200


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


def test_the_demo_plays_with_any_repository(checkout: Path) -> None:
    (checkout / ".prow.yaml").write_text(
        "presubmits:\n- name: own\n  always_run: true\n  decorate: true\n  spec:\n    containers:\n"
        "    - image: debian\n      command: [sh, tests/run.sh]\n"
    )
    commit(checkout, "Jobs of its own")
    done = run("demo", f"--clone={checkout}", "--port=0", "--once")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("reports: own success") == 2


def test_a_step_that_does_not_come_true_is_named(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "plugins.yaml").write_text("plugins: {acme: {plugins: [trigger]}}\n")
    done = run("demo", f"--clone={checkout}", f"--plugin-config={tmp_path}/nothing.yaml", "--port=0", "--once")
    assert done.returncode == 2
    assert "nothing.yaml: there is no such file" in done.stderr


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
