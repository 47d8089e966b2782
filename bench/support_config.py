"""Real configurations for benches: Kubernetes' instance unpacked, Metal3's as it is; and the original's checkconfig."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).parents[2] / "shared/data"
METAL3 = DATA / "metal3"
WORK = "Kubernetes' instance (603 job files, 11.55 MB, 6,079 jobs)"
# What that project switches on in its own checks.
WARNINGS = (
    "mismatched-tide-lenient", "tide-strict-branch", "needs-ok-to-test", "validate-owners", "missing-trigger",
    "validate-urls", "unknown-fields", "duplicate-job-refs", "unknown-fields-all", "non-decorated-jobs",
    "valid-decoration-config",
)  # fmt: skip


class Instance(NamedTuple):
    config: Path
    jobs: Path
    plugins: Path

    @property
    def flags(self) -> list[str]:
        return [
            f"--config-path={self.config}",
            f"--job-config-path={self.jobs}",
            f"--plugin-config={self.plugins}",
        ]


@contextmanager
def kubernetes() -> Iterator[Instance]:
    archive = DATA / "kubernetes.tar.gz"
    if not archive.exists():
        raise SystemExit("put Kubernetes' config into ../shared/data/kubernetes.tar.gz")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        top = Path(folder) / "config"
        yield Instance(top / "prow/config.yaml", top / "jobs", top / "prow/plugins.yaml")


def metal3() -> Instance:
    if not METAL3.exists():
        raise SystemExit("put Metal3's config into ../shared/data/metal3")
    return Instance(METAL3 / "config.yaml", METAL3 / "jobs", METAL3 / "plugins.yaml")


class Run(NamedTuple):
    seconds: float
    mb: float
    status: int


def timed(command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None) -> Run:
    """Run a command; wall time, and the most memory that it and its children held at one moment."""
    peak = 0.0
    began = time.perf_counter()
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, _tree_mb(process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    done.set()
    watcher.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    return Run(seconds, max(peak, usage.ru_maxrss / 1024), process.returncode)


def _tree_mb(pid: int) -> float:
    total, pending = 0.0, [pid]
    page = resource.getpagesize() / 1024 / 1024
    while pending:
        each = pending.pop()
        try:
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * page
            for thread in Path(f"/proc/{each}/task").iterdir():
                pending += map(int, (thread / "children").read_text().split())
        except (OSError, IndexError):
            continue
    return total


def best(command: Sequence[str | Path], *, rounds: int = 3, environment: Mapping[str, str] | None = None) -> Run:
    """The quickest of some runs, with the most memory of all."""
    runs = [timed(command, environment=environment) for _ in range(rounds)]
    if wrong := [run.status for run in runs if run.status not in {0, 1}]:
        raise SystemExit(f"{command[0]} {command[1]} ended with {wrong[0]}")
    return Run(min(run.seconds for run in runs), max(run.mb for run in runs), runs[-1].status)


def checkconfig(instance: Instance, *more: str) -> list[str | Path]:
    return [sys.executable, "-m", "prow", "checkconfig", *instance.flags, *more]


def own_warnings() -> list[str]:
    return ["--strict", *(f"--warnings={name}" for name in WARNINGS)]


def peer(instance: Instance, *more: str) -> Run | None:
    """The original on the same files, when PEER_BIN names a folder that has it."""
    binary = Path(os.environ.get("PEER_BIN", "/nonexistent")) / "checkconfig"
    return best([binary, *instance.flags, *more]) if binary.exists() else None
