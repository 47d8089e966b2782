"""Pushes of a GitHub App: to the repository and to a fork of another account, each with the token of its own installation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.cli.github_client import GitTokens
from prow.git.errors import PushRefused, Refusal
from prow.git.mirror import Mirror
from prow.git.model import NOTHING
from prow.git.pushing import Fork, Update, push
from prow.github.app_key import AppKey
from prow.github.installations import Installations, NotInstalled
from prow.lib.clock import SystemClock
from prow.lib.secrets import Secrets
from prow.sim import gitrepo
from prow.sim.server import Sim
from prow.sim.state import Repo
from prow.sim.verbs import RepoStory
from tests.git.support import world_in
from tests.support.github import served

PICK = "refs/heads/cherry-pick-1-to-release"


class Hub:
    """acme/rockets, its fork acme-forks/rockets, and the App's mirror of the first. `base`: the commit of main."""

    def __init__(self, sim: Sim, repo: RepoStory, fork: Repo, mirror: Mirror, base: str) -> None:
        self.sim = sim
        self.repo = repo
        self.fork = fork
        self.mirror = mirror
        self.base = base


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    """The App is installed at acme, where it may only read, and at acme-forks; not at mia's account."""
    async with served(tmp_path) as sim:
        for org in ("acme", "acme-forks"):
            sim.world.org(org)
        app = sim.world.app("prow", permissions={"contents": "write", "metadata": "read"})
        sim.world.install(app, "acme-forks")
        sim.world.install(app, "acme").permissions["contents"] = "read"
        key = tmp_path / "app.pem"
        key.write_text(sim.world.new_private_key(app))
        repo = await RepoStory.create(sim, "acme/rockets", files={"f": "1\n"})
        fork = await sim.world.fork(repo.repo, "acme-forks")
        clock = SystemClock()
        secrets = Secrets(clock)
        installed = Installations(
            str(app.id), AppKey(secrets.load(str(key))), clock=clock, component="test", endpoints=(sim.world.base,)
        )
        async with world_in(tmp_path, base=sim.world.base, tokens=GitTokens(installed)) as world:
            await world.mirror.fetch(["refs/heads/main"])
            yield Hub(sim, repo, fork, world.mirror, await repo.tip())
        await installed.aclose()


async def test_a_fork_is_pushed_to_with_the_token_of_its_own_installation(hub: Hub) -> None:
    await push(hub.mirror, [Update(PICK, hub.base, NOTHING)], to=Fork("acme-forks", "rockets"))
    assert await gitrepo.resolve(hub.fork.path, PICK) == hub.base
    with pytest.raises(PushRefused) as caught:  # what it may do at the fork it may not do here
        await push(hub.mirror, [Update(PICK, hub.base, NOTHING)])
    assert caught.value.reason is Refusal.NO_PERMISSION


async def test_a_fork_where_the_app_is_not_installed_is_told(hub: Hub) -> None:
    fork = await hub.sim.world.fork(hub.repo.repo, "mia")
    with pytest.raises(NotInstalled, match="mia"):
        await push(hub.mirror, [Update(PICK, hub.base, NOTHING)], to=Fork("mia", "rockets"))
    assert await gitrepo.resolve(fork.path, PICK) is None
