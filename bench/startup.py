"""`prow up` with Metal3's config: process start → ready, and memory when idle."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench import support
from prow.lib import http

DATA = Path(__file__).parents[2] / "shared/data/metal3"
ROUNDS = 5


def free_port() -> int:
    listener = http.bind("127.0.0.1", 0)
    port = int(listener.getsockname()[1])
    listener.close()
    return port


def once(folder: Path) -> tuple[float, float]:
    (folder / "hmac").write_text("secret-secret")
    health = free_port()
    flags = {
        "config-path": DATA / "config.yaml", "job-config-path": DATA / "jobs", "plugin-config": DATA / "plugins.yaml",
        "hmac-secret-file": folder / "hmac", "state-dir": folder / "state", "bucket-dir": folder / "buckets", "port": free_port(),
        "deck-port": free_port(), "health-port": health, "metrics-port": free_port(), "pprof-port": free_port(), "log-level": "error",
        "github-endpoint": "http://127.0.0.1:9",
    }  # fmt: skip
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "prow", "up", *(f"--{k}={v}" for k, v in flags.items())])
    try:
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{health}/healthz/ready", timeout=1) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                if process.poll() is not None:
                    raise SystemExit("prow up ended by itself") from None
                time.sleep(0.005)
        ready = (time.perf_counter() - began) * 1000
        time.sleep(1)
        return ready, support.memory_mb(process.pid)
    finally:
        process.terminate()
        process.wait(30)


def main() -> None:
    if not DATA.exists():
        raise SystemExit("put Metal3's config into ../shared/data/metal3")
    runs = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            runs.append(once(Path(folder)))
    support.report(
        "startup",
        work=f"prow up with Metal3's config (41 job files, 632 jobs), {ROUNDS} times",
        figures={"ready_ms": support.percentile([r for r, _ in runs], 0.5), "rss_mb": max(m for _, m in runs)},
        target={"ready_ms": "< 1,500", "rss_mb": "< 120"},
    )


if __name__ == "__main__":
    main()
