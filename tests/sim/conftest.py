from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.support import Events, simulated

FILES = {"README.md": "# widgets\n", "run.sh": "#!/bin/sh\necho ok\n"}


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[Sim]:
    async with simulated(tmp_path) as sim:
        yield sim


@pytest.fixture
async def repo(sim: Sim) -> RepoStory:
    story = await RepoStory.create(sim, "acme/widgets", files=FILES)
    story.collaborator("prow-bot", "write")
    return story


@pytest.fixture
def events(sim: Sim, repo: RepoStory) -> Events:
    return Events(sim, repo.repo)
