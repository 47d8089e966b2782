"""Jobs in podman and docker. No test may need a daemon: `program` stands in for both clients, it reads the options that they read
and makes what they ask for with bubblewrap.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from prow.engines.local.containers import ContainerEngine
from prow.engines.local.model import Bind, View
from prow.jobs.engine import Phase
from tests.engines.support import build_log, engine, finished, has_said, job, pod, reaches, run_job, running

CLIENT = r"""
import csv, os, sys

flags, arguments = {"--mount": []}, sys.argv[1:]
with open(os.environ["DOCKER_CONFIG"], "a") as log:
    print(*arguments[:1], *arguments[-1:], file=log)
if arguments[0] == "version":
    sys.exit(0)
if arguments[0] == "rm":
    sys.exit("no such container")
assert arguments.pop(0) == "run"
while arguments[0].startswith("-"):
    name = arguments.pop(0)
    if name == "--mount":
        flags[name].append(dict(f.partition("=")[::2] for f in next(csv.reader([arguments.pop(0)]))))
    elif name != "--rm":
        flags[name] = arguments.pop(0)
assert arguments.pop(0) == "docker.io/library/debian:12"
argv = ["bwrap", "--unshare-pid", "--die-with-parent", "--as-pid-1", "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
for folder in ("bin", "lib", "lib64"):
    argv += ["--symlink", f"usr/{folder}", f"/{folder}"]
for mount in flags["--mount"]:
    assert mount["type"] == "bind"
    argv += ["--ro-bind" if "readonly" in mount else "--bind", mount["source"], mount["target"]]
os.execvp("bwrap", [*argv, "--clearenv", "--", flags["--entrypoint"], *arguments])
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins in front of PATH; gives the file in which they say what they were called for."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("docker", "podman"):
        (folder / name).write_text(f"#!{sys.executable}\n{CLIENT}")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "calls"))
    return tmp_path / "calls"


def image_pod(*command: str) -> dict[str, object]:
    spec = pod(*command)
    spec["containers"][0]["image"] = "docker.io/library/debian:12"
    return spec


@pytest.mark.usefixtures("bubblewrap")
@pytest.mark.parametrize("name", ["podman", "docker"])
async def test_a_job_runs_in_a_container_of_its_image(name: str, tmp_path: Path, calls: Path) -> None:
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    script = 'echo "$JOB_NAME in $PWD by $(id -u)"; echo 3 > $ARTIFACTS/count.txt; exit 4'
    async with running(engine(tmp_path / "state", sandbox=name)) as one:
        ended = await run_job(one, job(image_pod("sh", "-c", script), bucket=bucket))
    assert (ended.phase, ended.message) == (Phase.FAILED, "exit code 4")
    assert "nightly in /" in build_log(bucket)
    assert (bucket / "logs/nightly/17/artifacts/count.txt").read_text() == "3\n"
    assert calls.read_text().splitlines()[-1] == "rm prow-run-1-test"


@pytest.mark.usefixtures("bubblewrap")
@pytest.mark.usefixtures("calls")
async def test_an_abort_reaches_the_command_in_the_container(tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"
    bucket.mkdir()
    async with running(engine(tmp_path / "state", sandbox="docker")) as one:
        await one.start(job(image_pod("bash", "-c", "echo begun; sleep 99"), bucket=bucket))
        await has_said(tmp_path / "state", "begun")
        await one.abort("run-1")
        await reaches(one, "run-1", frozenset({Phase.FAILED}))
    assert finished(bucket)["result"] == "ABORTED"


def view(**changes: object) -> View:
    given: dict[str, object] = {
        "name": "prow-1-test", "hostname": "1", "image": "quay.io/x/y:1", "binds": (), "entrypoint": Path("/e"),
        "env_file": Path("/env"), "workdir": "/home", "args": ("make", "test"),
    }  # fmt: skip
    return View(**(given | changes))  # type: ignore[arg-type]


def test_a_container_gets_no_new_privileges_and_is_removed() -> None:
    argv = ContainerEngine("docker").command(view())
    assert argv[:4] == ("docker", "run", "--rm", "--name")
    assert "--privileged" not in argv
    assert argv[argv.index("--security-opt") + 1] == "no-new-privileges"
    assert argv[argv.index("--entrypoint") + 1 :][:2] == ("/tools/entrypoint", "quay.io/x/y:1")
    assert argv[-3:] == ("--", "make", "test")


def test_paths_cannot_add_options_to_a_mount() -> None:
    bind = Bind(source=Path('/a,readonly=false/"b"'), path="/c,d")
    argv = ContainerEngine("podman").command(view(binds=(bind,)))
    assert 'type=bind,"source=/a,readonly=false/""b""","target=/c,d"' in argv


@pytest.mark.parametrize(
    ("image", "pull", "says"),
    [
        ("debian", "", "always"),
        ("debian:latest", "", "always"),
        ("debian:12", "", "missing"),
        ("quay.io:5000/x", "", "always"),
        ("debian@sha256:00", "", "missing"),
        ("debian:12", "Always", "always"),
        ("debian", "Never", "never"),
        ("debian", "IfNotPresent", "missing"),
    ],
)
def test_images_are_pulled_as_kubernetes_pulls_them(image: str, pull: str, says: str) -> None:
    argv = ContainerEngine("docker").command(view(image=image, pull=pull))
    assert argv[argv.index("--pull") + 1] == says
