"""What holds for every test."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Compiled modules are kept, whatever the environment says: else every worker compiles all tests, and every process of prow all of prow.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_MEMORY = Path("/dev/shm")
_MUCH = 4 << 30
if "TMPDIR" not in os.environ and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _MUCH:
    # Nothing that tests write has to survive this machine, so they need not wait for its disk.
    tempfile.tempdir = os.environ["TMPDIR"] = str(_MEMORY)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Commands that run in this process set up its logs; no later test shall notice."""
    root = logging.getLogger("prow")
    before = (root.handlers[:], root.level, root.propagate)
    yield
    root.handlers, root.level, root.propagate = before
