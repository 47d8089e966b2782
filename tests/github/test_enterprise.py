"""A GitHub Enterprise Server with an authority of its own: API and git at its addresses, trusted where the environment says so."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.github.client import GitHub
from prow.github.errors import ServerBroken
from prow.github.rules import Options
from prow.github.tokens import FixedToken
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.git.support import world_in
from tests.support.checked import checked
from tests.support.foreign import certificate
from tests.support.github import BOT, R


@pytest.fixture
async def sim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sim]:
    for name in [name for name in os.environ if name.startswith(("SSL_CERT", "GIT_SSL", "CURL_CA"))]:
        monkeypatch.delenv(name)
    with checked(Sim(tmp_path / "github")) as sim:
        async with sim.serve(host="localhost", tls=certificate(tmp_path)):
            repo = await RepoStory.create(sim, "acme/rockets", files={"a": "a\n"})
            repo.collaborator(BOT, "write")
            yield sim


def client(sim: Sim) -> GitHub:
    return GitHub.open(
        clock=sim.clock,
        component="test",
        tokens=FixedToken(sim.world.token(BOT)),
        endpoints=(f"{sim.world.base}/api/v3",),
        options=Options(max_retries=1),
    )


async def test_its_authority_is_named_once_for_everything(
    tmp_path: Path, sim: Sim, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "tls.crt"))
    github = client(sim)
    assert (await github.get_repo(*R)).full_name == "acme/rockets"
    tip = await github.get_ref(*R, "heads/main")
    await github.aclose()
    async with world_in(tmp_path, base=sim.world.base) as world:
        await world.mirror.fetch(["refs/heads/main"])
        assert await world.mirror.read_file(tip, "a") == b"a\n"


async def test_an_authority_that_nobody_named_is_not_trusted(sim: Sim) -> None:
    github = client(sim)
    with pytest.raises(ServerBroken, match="certificate"):
        await github.get_repo(*R)
    await github.aclose()
