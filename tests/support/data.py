"""Recorded answers and real configs beside the checkout, used when they are there."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "data"
METAL3 = DATA / "metal3"

needs_data = pytest.mark.skipif(not DATA.exists(), reason="put the recorded answers and configs into ../shared/data")


def golden(name: str) -> Iterator[dict[str, Any]]:
    """The cases of one recorded file: `{"case", "in", "out"}`."""
    with gzip.open(DATA / "golden" / f"{name}.jsonl.gz") as lines:
        for line in lines:
            yield msgspec.json.decode(line)
