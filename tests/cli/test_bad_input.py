"""Bad input gives one clear line that says what to do, an exit code, and never a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from prow.lib import http

CONFIG = "prowjob_namespace: default\n"


def prow(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Exit code and standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "prow", *arguments], capture_output=True, text=True, check=False, timeout=60, env=env
    )
    return done.returncode, done.stderr


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    for name, text in (
        ("config.yaml", CONFIG),
        ("jobs.yaml", "presubmits: {}\n"),
        ("plugins.yaml", "plugins: {}\n"),
        ("hmac", "secret-secret"),
        ("token", "ghp_abcdefgh"),
    ):
        (tmp_path / name).write_text(text)
    return {
        "config-path": str(tmp_path / "config.yaml"),
        "job-config-path": str(tmp_path / "jobs.yaml"),
        "plugin-config": str(tmp_path / "plugins.yaml"),
        "hmac-secret-file": str(tmp_path / "hmac"),
        "github-token-path": str(tmp_path / "token"),
        "state-dir": str(tmp_path / "state"),
        "port": "0", "deck-port": "0", "health-port": "0", "metrics-port": "0", "pprof-port": "0",
    }  # fmt: skip


def up(files: dict[str, str], **changes: str) -> tuple[int, str]:
    flags = files | {name.replace("_", "-"): value for name, value in changes.items()}
    return prow("up", *(f"--{name}={value}" for name, value in flags.items()))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"config_path": "/none/config.yaml"}, "--config-path /none/config.yaml: there is no such file"),
        ({"config_path": ""}, "--config-path is required"),
        ({"job_config_path": "/none"}, "--job-config-path /none: there is no such file"),
        ({"hmac_secret_file": "/none"}, "--hmac-secret-file /none: cannot read this secret"),
        ({"github_token_path": "/none"}, "--github-token-path /none: cannot read this secret"),
        ({"engine": "magic"}, "there is no such sandbox; use one of bubblewrap, podman, docker, process"),
        ({"engine": "process"}, "--allow-unsandboxed"),
        ({"kubeconfig": "x"}, "--kubeconfig: jobs on Kubernetes come with a later release"),
        ({"github_enabled_repo": "acme"}, '"acme" is not of the form org/repo'),
        ({"confg_path": "x"}, "unknown flag --confg-path; did you mean --config-path?"),
        ({"port": "many"}, "'many' is not a valid integer"),
        ({"github_endpoint": "nonsense"}, "is not an address of a GitHub API"),
    ],
)
def test_a_wrong_flag_is_one_line(files: dict[str, str], changes: dict[str, str], says: str) -> None:
    code, text = up(files, **changes)
    assert code == 2, text
    assert says in text
    assert text.count("\n") == 1, text
    assert "Traceback" not in text


def test_a_port_in_use_is_named(files: dict[str, str]) -> None:
    listener = http.bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    code, text = up(files, deck_port=str(port))
    listener.close()
    assert code == 2
    assert f"port {port} on 127.0.0.1 is in use" in text.splitlines()[-1]


@pytest.mark.parametrize(
    ("file", "text", "where"),
    [
        ("config.yaml", "plank:\n  pod_pending_timeout: soon\n", "config.yaml:2:24"),
        ("config.yaml", "plank: [1]\n", "config.yaml:1:8"),
        ("jobs.yaml", "presubmits:\n  acme/rockets:\n  - nam: unit\n", "jobs.yaml:3:"),
        ("jobs.yaml", "presubmits: {acme: [", "jobs.yaml:"),
    ],
)
def test_a_wrong_config_names_file_line_and_column(files: dict[str, str], file: str, text: str, where: str) -> None:
    Path(files["config-path"]).with_name(file).write_text(text)
    code, said = up(files)
    assert code == 2, said
    assert where in said
    assert "Traceback" not in said


def test_a_git_that_is_too_old_is_told(files: dict[str, str], tmp_path: Path) -> None:
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "git").write_text("#!/bin/sh\necho git version 2.20.1\n")
    (fake / "git").chmod(0o755)
    env = {"PATH": f"{fake}:/usr/bin:/bin", "HOME": str(tmp_path)}
    code, said = prow("up", *(f"--{name}={value}" for name, value in files.items()), env=env)
    assert (code, "git 2.38 or newer is needed" in said) == (2, True), said


def test_commands_of_later_releases_say_so() -> None:
    for name in ("ghproxy", "checkconfig", "gerrit"):
        code, said = prow(name)
        assert code == 2
        assert said.startswith(f"prow: prow {name} ")


def test_an_unknown_command_is_refused() -> None:
    assert prow("versoin")[0] == 2
