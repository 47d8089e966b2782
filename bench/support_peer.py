"""The original's programs on the work of our benches, where PEER_BIN names a folder with its binaries. Its hook needs a GitHub that tells
it its name, and a Kubernetes that it does not talk to for this work.
"""

from __future__ import annotations

import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench import support
from prow.lib import http

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: default, context: {cluster: nowhere, user: nobody}}]
users: [{name: nobody, user: {}}]
current-context: default
"""
_PATIENCE = 60.0


class Peer(NamedTuple):
    pid: int
    port: int


def program(name: str) -> Path | None:
    """The original's binary; None when there is none."""
    folder = os.environ.get("PEER_BIN", "")
    path = Path(folder, name).resolve()
    return path if folder and os.access(path, os.X_OK) else None


def pin(pid: int, cores: set[int]) -> None:
    """Keep a process and all its threads on these cores."""
    for task in Path(f"/proc/{pid}/task").iterdir() if cores else ():
        os.sched_setaffinity(int(task.name), cores)


def _free_port() -> int:
    listener = http.bind("127.0.0.1", 0)
    port = int(listener.getsockname()[1])
    listener.close()
    return port


@contextmanager
def hook(folder: Path, *, github: str, token: str, cores: set[int] | None = None) -> Iterator[Peer]:
    """The original's hook with the benches' config. It may block; `github` has to be served by somebody else meanwhile."""
    binary = program("hook")
    assert binary is not None
    folder.mkdir()
    for name, text in (
        ("config.yaml", support.CONFIG), ("plugins.yaml", support.PLUGINS), ("hmac", support.SECRET), ("token", token),
        ("kubeconfig", KUBECONFIG),
    ):  # fmt: skip
        (folder / name).write_text(text)
    port, health = _free_port(), _free_port()
    flags = {
        "config-path": "config.yaml", "plugin-config": "plugins.yaml", "hmac-secret-file": "hmac", "github-token-path": "token",
        "kubeconfig": "kubeconfig", "github-endpoint": github, "github-graphql-endpoint": f"{github}/graphql", "dry-run": "false",
        "port": port, "health-port": health, "metrics-port": _free_port(), "pprof-port": _free_port(), "grace-period": "1s",
    }  # fmt: skip
    environment = os.environ | ({"GOMAXPROCS": str(len(cores))} if cores else {})
    with (folder / "hook.log").open("wb") as log:
        process = subprocess.Popen(
            [binary, *(f"--{name}={value}" for name, value in flags.items())], cwd=folder, env=environment, stdout=log, stderr=log
        )  # fmt: skip
    try:
        pin(process.pid, cores or set())
        _until_ready(process, health, folder / "hook.log")
        pin(process.pid, cores or set())
        yield Peer(process.pid, port)
    finally:
        process.kill()
        process.wait()


@contextmanager
def ghproxy(
    argv: Sequence[str], flags: Mapping[str, object], *, log: Path, cores: set[int] | None = None
) -> Iterator[Peer]:
    """A ghproxy, whoever's: `argv` starts it, the flags are the same."""
    port, health = _free_port(), _free_port()
    own = {"port": port, "health-port": health, "metrics-port": _free_port(), "pprof-port": _free_port(), **flags}
    environment = os.environ | ({"GOMAXPROCS": str(len(cores))} if cores else {})
    with log.open("wb") as said:
        process = subprocess.Popen(
            [*argv, *(f"--{name}={value}" for name, value in own.items())], env=environment, stdout=said, stderr=said
        )
    try:
        pin(process.pid, cores or set())
        _until_ready(process, health, log)
        pin(process.pid, cores or set())
        yield Peer(process.pid, port)
    finally:
        process.kill()
        process.wait()


def _until_ready(process: subprocess.Popen[bytes], health: int, log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{health}/healthz/ready", timeout=1) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"it did not start: {log.read_text()[-300:]}")
