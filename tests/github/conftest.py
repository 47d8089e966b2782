from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.github import World, world_in


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """mia changes one file and adds another. Modules that need more, less, or a virtual clock, make their own."""
    async with world_in(tmp_path, change={"a": "b\n", "c": "c\n"}) as made:
        yield made
