"""Metrics have the names and labels that operators' dashboards know from upstream, and count what was really asked."""

from __future__ import annotations

import httpx2
import pytest
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from prow.ghproxy.rules import token_hash
from prow.github.call import Cost
from prow.github.client import GitHub
from prow.github.errors import NotFound, ServerBroken
from prow.github.rules import Options
from prow.github.tokens import FixedToken
from prow.lib.clock import SystemClock
from tests.support.github import World

UPSTREAM = {
    "github_request_duration": ("histogram", {"token_hash", "path", "status", "user_agent"}),
    "github_request_timeouts": ("histogram", {"token_hash", "path", "user_agent"}),
    "github_token_usage": ("gauge", {"token_hash", "api_version", "ratelimit_resource"}),
    "github_token_reset": ("gauge", {"token_hash", "api_version", "ratelimit_resource"}),
    "github_user_info": ("gauge", {"token_hash", "login", "email"}),
}


class Told:
    """A component's client, and what is told of its identity."""

    def __init__(self, github: GitHub, token: str) -> None:
        self.github = github
        self._hash = token_hash(f"Bearer {token}")

    def said(self, name: str, **labels: str) -> dict[tuple[str, ...], float]:
        """Samples of this test's token, which ghproxies call the same, by the values of their labels in order of name."""
        found: dict[tuple[str, ...], float] = {}
        for family in text_string_to_metric_families(generate_latest(REGISTRY).decode()):
            for sample in family.samples:
                about = sample.labels
                mine = about.get("token_hash") == self._hash and labels.items() <= about.items()
                if sample.name == name and mine:
                    found[tuple(value for key, value in sorted(about.items()) if key != "token_hash")] = sample.value
        return found


@pytest.fixture
def told(world: World) -> Told:
    return Told(world.client(component="hook"), world.token())


async def test_they_have_upstreams_names_types_and_labels(told: Told) -> None:
    await told.github.current_user()
    families = {family.name: family for family in text_string_to_metric_families(generate_latest(REGISTRY).decode())}
    for name, (kind, labels) in UPSTREAM.items():
        assert families[name].type == kind, name
        for sample in families[name].samples:
            assert set(sample.labels) - {"le"} == labels, name


async def test_calls_are_counted_by_path_and_status_whoever_they_are_about(told: Told) -> None:
    for github in (told.github, told.github.bound(caller="lgtm", cost=Cost.INTERACTIVE)):
        await github.get_repo("acme", "rockets")
    with pytest.raises(NotFound):
        await told.github.get_repo("acme", "unknown")
    counted = told.said("github_request_duration_count", path="/repos/:owner/:repo")
    assert counted == {
        ("/repos/:owner/:repo", "200", "hook"): 1,
        ("/repos/:owner/:repo", "304", "hook.lgtm"): 1,
        ("/repos/:owner/:repo", "404", "hook"): 1,
    }


async def test_what_is_left_is_told_by_version_and_resource(told: Told) -> None:
    await told.github.get_repo("acme", "rockets")
    await told.github.bound(caller="tide", cost=Cost.MERGE).open_pull_pages("acme", "rockets").__anext__()
    usage = told.said("github_token_usage")
    assert usage["v3", "core"] == 4999
    assert 4990 <= usage["v4", "graphql"] < 5000
    resets = told.said("github_token_reset")
    assert 3.5e12 < resets["v3", "core"] <= 3.6e12


async def test_who_the_token_is_is_told(told: Told) -> None:
    await told.github.current_user()
    ((_, login),) = told.said("github_user_info")
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
    counted = Told(github, "timeouts").said("github_request_timeouts_count")
    assert list(counted.values()) == [1]
    await github.aclose()
