"""Metrics have the names and labels that operators' dashboards know from upstream, and count what was really asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from prow.github.call import Cost
from prow.github.client import GitHub
from prow.github.errors import NotFound, ServerBroken
from prow.github.rules import Options
from prow.github.tokens import FixedToken, identity_of
from prow.lib.clock import SystemClock
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory

UPSTREAM = {
    "github_request_duration": ("histogram", {"token_hash", "path", "status", "user_agent"}),
    "github_request_timeouts": ("histogram", {"token_hash", "path", "user_agent"}),
    "github_token_usage": ("gauge", {"token_hash", "api_version", "ratelimit_resource"}),
    "github_token_reset": ("gauge", {"token_hash", "api_version", "ratelimit_resource"}),
    "github_user_info": ("gauge", {"token_hash", "login", "email"}),
}


class World:
    def __init__(self, github: GitHub, identity: str) -> None:
        self.github = github
        self.identity = identity

    def said(self, name: str, **labels: str) -> dict[tuple[str, ...], float]:
        """Samples of this test's identity, by the values of their labels in order of name."""
        found: dict[tuple[str, ...], float] = {}
        for family in text_string_to_metric_families(generate_latest(REGISTRY).decode()):
            for sample in family.samples:
                about = sample.labels
                mine = about.get("token_hash") == self.identity and labels.items() <= about.items()
                if sample.name == name and mine:
                    found[tuple(value for key, value in sorted(about.items()) if key != "token_hash")] = sample.value
        return found


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    sim = Sim(tmp_path / "github")
    sim.world.org("acme")
    async with sim.serve():
        repo = await RepoStory.create(sim, "acme/rockets", files={"a": "a\n"})
        repo.collaborator("prow-bot")
        token = sim.world.token("prow-bot")
        github = GitHub.open(
            clock=SystemClock(),
            component="hook",
            tokens=FixedToken(token),
            endpoints=(sim.world.base,),
            graphql_endpoint=f"{sim.world.base}/graphql",
        )
        yield World(github, identity_of(token))
        await github.aclose()


async def test_they_have_upstreams_names_types_and_labels(world: World) -> None:
    await world.github.current_user()
    families = {family.name: family for family in text_string_to_metric_families(generate_latest(REGISTRY).decode())}
    for name, (kind, labels) in UPSTREAM.items():
        assert families[name].type == kind, name
        for sample in families[name].samples:
            assert set(sample.labels) - {"le"} == labels, name


async def test_calls_are_counted_by_path_and_status_whoever_they_are_about(world: World) -> None:
    for _ in range(2):
        await world.github.get_repo("acme", "rockets")
    with pytest.raises(NotFound):
        await world.github.get_repo("acme", "unknown")
    counted = world.said("github_request_duration_count", path="/repos/:owner/:repo")
    assert all(agent.startswith("hook/") for _, _, agent in counted)
    assert {(path, status): count for (path, status, _), count in counted.items()} == {
        ("/repos/:owner/:repo", "200"): 1,
        ("/repos/:owner/:repo", "304"): 1,
        ("/repos/:owner/:repo", "404"): 1,
    }


async def test_what_is_left_is_told_by_version_and_resource(world: World) -> None:
    await world.github.get_repo("acme", "rockets")
    await world.github.bound(caller="tide", cost=Cost.MERGE).open_pull_pages("acme", "rockets").__anext__()
    usage = world.said("github_token_usage")
    assert usage["v3", "core"] == 4999
    assert 4990 <= usage["v4", "graphql"] < 5000
    resets = world.said("github_token_reset")
    assert 3.5e12 < resets["v3", "core"] <= 3.6e12


async def test_who_the_token_is_is_told(world: World) -> None:
    await world.github.current_user()
    ((_, login),) = world.said("github_user_info")
    assert login == "prow-bot"


async def test_a_call_without_an_answer_in_time_is_counted() -> None:
    async def never(_: httpx2.Request) -> httpx2.Response:
        await SystemClock().sleep(5)
        raise AssertionError

    github = GitHub.open(
        clock=SystemClock(),
        component="hook",
        tokens=FixedToken("timeouts"),
        options=Options(request_timeout=0.01, max_retries=1),
        http=httpx2.MockTransport(never),
    )
    with pytest.raises(ServerBroken):
        await github.get_repo("acme", "rockets")
    counted = World(github, identity_of("timeouts")).said("github_request_timeouts_count")
    assert list(counted.values()) == [1]
    await github.aclose()
