"""How stories run their jobs: in bubblewrap where it works, else as plain processes, as the demo does. What the sandbox must hold is asked in tests/engines."""

from __future__ import annotations

import subprocess

import pytest

from prow.engines.local.settings import BUBBLEWRAP, PROCESS


def _works() -> bool:
    command = ["bwrap", "--unshare-user", "--disable-userns", "--unshare-pid", "--ro-bind", "/", "/", "--proc", "/proc", "true"]  # fmt: skip
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=20).returncode == 0
    except OSError:
        return False


SANDBOX = BUBBLEWRAP if _works() else PROCESS
FLAGS: dict[str, str] = {} if SANDBOX == BUBBLEWRAP else {"engine": PROCESS, "allow-unsandboxed": "true"}
"""What says so on a command line."""

needs_bubblewrap = pytest.mark.skipif(SANDBOX != BUBBLEWRAP, reason="its jobs need paths that only a sandbox can give")
