"""What is not simulated says so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from prow.sim import unbuilt
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.sim.callers import expect
from tests.sim.support import client
from tests.support.github_calls import FILE, text
from tests.support.github_description import needs_foreign


@needs_foreign
def test_the_list_of_calls_is_githubs() -> None:
    assert FILE.read_text(encoding="ascii") == text(), "run `python -m tests.support.github_calls`"


@pytest.fixture
async def unjudged(tmp_path: Path) -> Sim:
    """Whoever holds calls against GitHub's description would not have these asked."""
    sim = Sim(tmp_path)
    await RepoStory.create(sim, "acme/widgets")
    return sim


async def test_every_call_that_github_has_is_answered_or_refused_as_not_simulated(unjudged: Sim) -> None:
    async with client(unjudged) as nobody:
        for method, template in unbuilt.told():
            path = re.sub(r"\{[^}]*\}", "1", template.replace("{owner}/{repo}", "acme/widgets"))
            answer = await nobody.request(method, path)
            answered = "x-github-request-id" in answer.headers
            assert answered or (answer.status_code, template in answer.json()["message"]) == (501, True), path


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/nonsense"), ("GET", "/repos/acme/widgets/nonsense"), ("PUT", "/repos/acme/widgets")]
)
async def test_what_github_has_not_either_is_not_found(unjudged: Sim, method: str, path: str) -> None:
    async with client(unjudged) as nobody:
        assert (await expect(nobody.request(method, path), 404))["message"] == "Not Found"


async def test_calls_that_are_not_simulated_are_counted(sim: Sim, repo: RepoStory) -> None:
    async with client(sim, "prow-bot") as bot:
        refused = await expect(bot.get("/repos/acme/widgets/autolinks"), 501)
    assert refused["message"].startswith("Not simulated: GET /repos/{owner}/{repo}/autolinks")
    assert sim.world.calls["GET", "/repos/{owner}/{repo}/autolinks"] == 1
