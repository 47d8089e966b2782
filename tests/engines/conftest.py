"""What the tests of the local engine need of the machine, and what to do when it is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from prow.engines.local.detect import detect
from prow.engines.local.settings import BUBBLEWRAP, Settings
from prow.lib.clock import SystemClock

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def entrypoint() -> Path:
    """The static program, built when it is missing."""
    subprocess.run([sys.executable, ROOT / "native" / "build.py"], check=True, stdout=subprocess.DEVNULL)
    return ROOT / "build" / "entrypoint"


@pytest.fixture
async def bubblewrap(entrypoint: Path, tmp_path: Path) -> None:
    """Skips, with what to do, where bubblewrap cannot make sandboxes."""
    findings = await detect(Settings(state=tmp_path, entrypoint=entrypoint), SystemClock())
    found = next(finding for finding in findings if finding.name == BUBBLEWRAP)
    if not found.works:
        pytest.skip(f"bubblewrap does not work here: {found.why}")
