"""What holds for every test."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator

import pytest

# Compiled modules are kept, whatever the environment says: else every worker compiles all tests, and every process of prow all of prow.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """Commands that run in this process set up its logs; no later test shall notice."""
    root = logging.getLogger("prow")
    before = (root.handlers[:], root.level, root.propagate)
    yield
    root.handlers, root.level, root.propagate = before
