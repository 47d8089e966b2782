from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.lib import http
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.support import Receiver

FILES = {"README.md": "# widgets\n", "run.sh": "#!/bin/sh\necho ok\n"}


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[Sim]:
    sim = Sim(tmp_path / "sim")
    sim.world.org("acme", members=["wernher"])
    async with sim.serve():
        yield sim


@pytest.fixture
async def repo(sim: Sim) -> RepoStory:
    story = await RepoStory.create(sim, "acme/widgets", files=FILES)
    story.collaborator("prow-bot", "write")
    return story


@pytest.fixture
async def receiver(sim: Sim, repo: RepoStory) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with http.serve(receiver.app) as port:
        sim.world.add_hook(repo.repo, url=f"http://127.0.0.1:{port}/hook", secret="s3cret")
        await sim.world.hooks.settled()
        yield receiver
