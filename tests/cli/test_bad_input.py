"""Bad input gives one clear line that says what to do, an exit code, and never a traceback."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from prow.cli.main import main
from prow.lib import http
from tests.support.sandbox import FLAGS

CONFIG = "prowjob_namespace: default\n"


def process(*arguments: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """Run prow as a process: exit code and standard error."""
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
        **FLAGS,
        "port": "0", "deck-port": "0", "health-port": "0", "metrics-port": "0", "pprof-port": "0",
    }  # fmt: skip


Up = Callable[..., tuple[int, str]]


@pytest.fixture
def up(files: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Up:
    """Run `prow up` in this process, which spares its start: exit code and standard error."""

    def run(**changes: str) -> tuple[int, str]:
        flags = files | {name.replace("_", "-"): value for name, value in changes.items()}
        with pytest.raises(SystemExit) as ended:
            main(["up", *(f"--{name}={value}" for name, value in flags.items())])
        return int(ended.value.code or 0), capsys.readouterr().err

    return run


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"config_path": "/none/config.yaml"}, "--config-path /none/config.yaml: there is no such file"),
        ({"config_path": ""}, "--config-path is required"),
        ({"job_config_path": "/none"}, "--job-config-path /none: there is no such file"),
        ({"hmac_secret_file": "/none"}, "--hmac-secret-file /none: cannot read this secret"),
        ({"github_token_path": "/none"}, "--github-token-path /none: cannot read this secret"),
        ({"engine": "magic"}, "there is no such sandbox; use one of bubblewrap, podman, docker, process"),
        ({"engine": "process", "allow_unsandboxed": "false"}, "--allow-unsandboxed"),
        ({"kubeconfig": "x"}, "--kubeconfig: jobs on Kubernetes come with a later release"),
        ({"github_enabled_repo": "acme"}, '"acme" is not of the form org/repo'),
        ({"confg_path": "x"}, "unknown flag --confg-path; did you mean --config-path?"),
        ({"port": "many"}, "'many' is not a valid integer"),
        ({"github_endpoint": "nonsense"}, '--github-endpoint "nonsense": give an address such as'),
        ({"port": "99999"}, "port 99999: give one from 0 to 65535"),
        ({"log_level": "loud"}, "there is no log level 'loud'; use one of trace, debug, info"),
        ({"webhook_path": "hook"}, "--webhook-path hook: a path begins with a slash"),
        ({"allow_secrets": "a b"}, "--allow-secrets a b: give org/repo, an organisation, periodics, or *"),
        ({"volumes_dir": "/none"}, "--volumes-dir /none: there is no such folder"),
        ({"bucket_dir": "/proc/none"}, "/proc/none: cannot be made"),
        ({"state_dir": "/proc/none"}, "--state-dir /proc/none: cannot be made"),
        ({"s3_credentials_file": "/none"}, "--s3-credentials-file /none: cannot read these credentials"),
        ({"gcs_credentials_file": "/none"}, "--gcs-credentials-file /none: cannot read these credentials"),
        ({"host": "192.0.2.1"}, "cannot listen on 192.0.2.1"),
    ],
)
def test_a_wrong_flag_is_one_line(up: Up, changes: dict[str, str], says: str) -> None:
    code, text = up(**changes)
    assert code == 2, text
    assert says in text
    assert text.count("\n") == 1, text
    assert "Traceback" not in text


@pytest.mark.parametrize(
    ("flag", "content", "says"),
    [
        ("hmac-secret-file", b"\n", "this file is empty; put the secret into it"),
        ("github-token-path", b"", "this file is empty; put the secret into it"),
        ("github-token-path", b"two words", "--github-token-path: this is no token"),
        ("github-token-path", b"\xff\xfe\x00", "--github-token-path: this is no token"),
        ("s3-credentials-file", b"region: here", "not the JSON that is expected"),
        ("config-path", b"\xff\xfe\x00", "not YAML"),
    ],
)
def test_a_file_that_cannot_be_what_it_is_given_for_is_one_line(
    up: Up, tmp_path: Path, flag: str, content: bytes, says: str
) -> None:
    (tmp_path / "wrong").write_bytes(content)
    code, text = up(**{flag: str(tmp_path / "wrong")})
    assert (code, says in text, text.count("\n")) == (2, True, 1), text


@pytest.mark.parametrize(
    ("lock", "says"),
    [
        ("engine/lock", "another prow process runs its jobs in this folder"),
        ("hook.lock", "another process runs hook here; one may"),
        ("plank.lock", "another process runs plank here; one may"),
    ],
)
def test_a_second_process_on_the_same_state_is_refused(up: Up, tmp_path: Path, lock: str, says: str) -> None:
    path = tmp_path / "state" / lock
    path.parent.mkdir(parents=True)
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, text = up()
    assert (code, says in text) == (2, True), text


def test_a_port_in_use_is_named(up: Up) -> None:
    listener = http.bind("127.0.0.1", 0)
    port = listener.getsockname()[1]
    code, text = up(deck_port=str(port))
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
def test_a_wrong_config_names_file_line_and_column(
    up: Up, files: dict[str, str], file: str, text: str, where: str
) -> None:
    Path(files["config-path"]).with_name(file).write_text(text)
    code, said = up()
    assert code == 2, said
    assert where in said
    assert "Traceback" not in said


def test_a_git_that_is_too_old_is_told(files: dict[str, str], tmp_path: Path) -> None:
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "git").write_text("#!/bin/sh\necho git version 2.20.1\n")
    (fake / "git").chmod(0o755)
    env = {"PATH": f"{fake}:/usr/bin:/bin", "HOME": str(tmp_path)}
    code, said = process("up", *(f"--{name}={value}" for name, value in files.items()), env=env)
    assert (code, "git 2.38 or newer is needed" in said) == (2, True), said


def test_commands_of_later_releases_say_so() -> None:
    for name in ("branchprotector", "peribolos", "gerrit"):
        code, said = process(name)
        assert code == 2
        assert said.startswith(f"prow: prow {name} ")


def test_an_unknown_command_is_refused() -> None:
    assert process("versoin")[0] == 2
