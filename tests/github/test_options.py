"""How stubborn the client is, as operators say it by flags: attempts, waits, timeouts, endpoints. GitHub is simulated, time is virtual."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from prow.github.call import Cost
from prow.github.client import GitHub
from prow.github.errors import MaybeDone, NotFound, ServerBroken
from prow.github.limiter import Limits
from prow.github.rules import Options
from prow.lib import open_work
from prow.lib.errors import RateLimited
from prow.lib.virtual_clock import VirtualClock
from prow.sim.plan import Error, Match, NoAnswer, PrimaryLimit, Rule, SecondaryLimit
from tests.support.github import R, World, world_in

NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path, clock=VirtualClock()) as made:
        yield made


def patient(world: World, **options: float) -> GitHub:
    github = world.client(options=Options(**options))  # type: ignore[arg-type]
    return github.bound(caller="test", cost=Cost.BACKGROUND)


async def test_max_retries_is_the_number_of_attempts(world: World) -> None:
    world.sim.faults.add(Rule(what=Error(502)))
    with pytest.raises(ServerBroken):
        await patient(world, max_retries=3).get_repo(*R)
    assert len(world.sim.faults.struck) == 3


async def test_max_404_retries_is_how_often_the_new_is_looked_for_again(world: World) -> None:
    world.sim.faults.add(Rule(match=Match(path="*/issues/*"), what=Error(404, "Not Found")))
    for again in (0, 2):
        before = len(world.sim.faults.struck)
        with pytest.raises(NotFound):
            await patient(world, max_404_retries=again).get_issue(*R, 1)
        assert len(world.sim.faults.struck) - before == 1 + again


async def test_initial_delay_is_the_first_wait_and_each_is_twice_the_one_before(world: World) -> None:
    world.sim.faults.add(Rule(what=Error(502), times=3))
    began = world.clock.monotonic()
    await patient(world, initial_delay=5).get_repo(*R)
    assert world.clock.monotonic() - began == pytest.approx(5 + 10 + 20)


@pytest.mark.parametrize("what", [PrimaryLimit(seconds=90), SecondaryLimit(seconds=90)], ids=["primary", "secondary"])
async def test_backoff_timeout_is_the_longest_wait_for_a_limit(
    world: World, what: PrimaryLimit | SecondaryLimit
) -> None:
    world.sim.faults.add(Rule(what=what, times=1))
    with pytest.raises(RateLimited):
        await patient(world, backoff_timeout=60).get_repo(*R)
    assert world.clock.monotonic() == pytest.approx(0)
    await patient(world, backoff_timeout=120).get_repo(*R)
    assert 85 < world.clock.monotonic() < 95
    assert world.sim.faults.ignored == []


async def test_a_limit_that_begins_again_and_again_is_told_after_so_many_attempts(world: World) -> None:
    world.sim.faults.add(Rule(what=SecondaryLimit(seconds=5)))
    with pytest.raises(RateLimited):
        await patient(world, max_retries=3).get_repo(*R)
    assert len(world.sim.faults.struck) == 3
    assert world.sim.faults.ignored == []


async def test_request_timeout_is_the_longest_wait_for_an_answer(world: World) -> None:
    world.sim.faults.add(Rule(what=NoAnswer(), times=1))
    began = world.clock.monotonic()
    assert (await patient(world, request_timeout=7, initial_delay=1).get_repo(*R)).full_name == "acme/rockets"
    assert world.clock.monotonic() - began == pytest.approx(7 + 1)


async def test_an_endpoint_where_nobody_is_costs_no_time_while_there_is_another(world: World) -> None:
    github = world.client(endpoints=(NOWHERE, world.sim.world.base), options=Options(initial_delay=3))
    for _ in range(2):
        began = world.clock.monotonic()
        await github.get_repo(*R)
        assert world.clock.monotonic() - began == pytest.approx(0)


class Proxied:
    """GitHub behind a proxy that is `there` or not: `trouble` says how it is not."""

    def __init__(self, trouble: Exception) -> None:
        self.trouble = trouble
        self.there = False
        self.asked: list[str] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request.url.host)
        if request.url.host == "ghproxy" and not self.there:
            raise self.trouble
        return httpx2.Response(200, json={"full_name": "acme/rockets", "id": 1})


@pytest.mark.parametrize(
    "trouble",
    [httpx2.ConnectError("refused"), httpx2.ConnectTimeout("lost"), httpx2.ReadError("reset"), TimeoutError()],
    ids=repr,
)
async def test_an_endpoint_that_does_not_answer_comes_last_for_a_while_and_one_line_says_so(
    trouble: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    clock, proxied = VirtualClock(), Proxied(trouble)
    github = GitHub.open(
        clock=clock,
        component="test",
        endpoints=("http://ghproxy", "https://api.github.com"),
        options=Options(initial_delay=2),
        http=httpx2.MockTransport(proxied),
    )
    with caplog.at_level(logging.INFO):
        await github.get_repo(*R)
        began = clock.monotonic()
        await github.create_comment(*R, 1, "goes to who answers")
        assert clock.monotonic() == began
        assert proxied.asked == ["ghproxy", "api.github.com", "api.github.com"]
        proxied.there = True
        await clock.sleep(31)
        await github.get_repo(*R)
    assert proxied.asked[3:] == ["ghproxy"]
    said = [record.getMessage() for record in caplog.records if record.name.startswith("prow")]
    assert said == [
        "An address of GitHub's API does not answer; the others are asked first.",
        "An address of GitHub's API answers again.",
    ]
    await github.aclose()


async def test_a_page_of_something_else_and_a_proxy_that_cannot_go_on_send_reads_to_the_next_endpoint() -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.host)
        match request.url.host:
            case "captive":
                return httpx2.Response(200, headers={"content-type": "text/html"}, text="<html>Log in</html>")
            case "ghproxy":
                return httpx2.Response(502, text="GitHub cannot be reached")
        return httpx2.Response(200, json={"full_name": "acme/rockets", "id": 1})

    github = GitHub.open(
        clock=VirtualClock(),
        component="test",
        endpoints=("http://captive", "http://ghproxy", "https://api.github.com"),
        http=httpx2.MockTransport(answer),
    )
    for _ in range(2):
        await github.get_repo(*R)
    assert asked == ["captive", "ghproxy", "api.github.com", "ghproxy", "api.github.com"]
    await github.aclose()


async def test_a_comment_whose_answer_is_lost_is_not_sent_to_the_next_endpoint() -> None:
    proxied = Proxied(httpx2.ReadError("reset"))
    github = GitHub.open(
        clock=VirtualClock(),
        component="test",
        endpoints=("http://ghproxy", "https://api.github.com"),
        http=httpx2.MockTransport(proxied),
    )
    with pytest.raises(MaybeDone):
        await github.create_comment(*R, 1, "once")
    assert proxied.asked == ["ghproxy"]
    await github.aclose()


async def test_asking_where_nobody_is_takes_nothing_from_the_component_s_own_limit() -> None:
    clock = VirtualClock()
    github = GitHub.open(
        clock=clock,
        component="test",
        endpoints=("http://ghproxy", "https://api.github.com"),
        limits=Limits(hourly_tokens=1, allowed_burst=1),
        http=httpx2.MockTransport(Proxied(httpx2.ConnectError("refused"))),
    )
    began = clock.monotonic()
    await github.get_repo(*R)
    assert clock.monotonic() == began
    await github.aclose()


async def test_an_endpoint_that_hangs_costs_one_caller_his_patience_and_is_tried_by_one_read_at_a_time() -> None:
    clock, asked = VirtualClock(), list[str]()

    async def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(f"{request.method} {request.url.host}")
        if request.url.host == "ghproxy":
            with open_work.held_up():
                await clock.sleep(1e6)
        return httpx2.Response(200, json={"full_name": "acme/rockets", "id": 1})

    github = GitHub.open(
        clock=clock,
        component="test",
        endpoints=("http://ghproxy", "https://api.github.com"),
        http=httpx2.MockTransport(answer),
    )
    with pytest.raises(TimeoutError):
        async with clock.timeout(60):
            await github.create_comment(*R, 1, "hello")
    began = clock.monotonic()
    await github.create_comment(*R, 1, "hello")
    await github.get_repo(*R)
    assert clock.monotonic() == began
    assert asked == ["POST ghproxy", "POST api.github.com", "GET api.github.com"]
    await clock.sleep(31)
    await github.create_comment(*R, 1, "a write tries nothing")
    assert asked[3:] == ["POST api.github.com"]
    asked.clear()
    tries = asyncio.create_task(github.get_repo("acme", "tries"))
    await clock.sleep(1)
    began = clock.monotonic()
    await asyncio.gather(github.create_comment(*R, 1, "hello"), *(github.get_repo("acme", f"{n}") for n in range(3)))
    assert clock.monotonic() == began
    assert sorted(asked) == ["GET api.github.com"] * 3 + ["GET ghproxy", "POST api.github.com"]
    await tries
    await github.aclose()


async def test_what_never_reached_github_is_not_spent() -> None:
    github = GitHub.open(clock=VirtualClock(), component="test", endpoints=(NOWHERE,), options=Options(max_retries=3))
    with pytest.raises(ServerBroken):
        await github.get_repo(*R)
    assert (github.spent().total, github.spent().charged) == (3, 0)
    (line,) = github.account().lines
    assert (line.failed, line.charged) == (3, 0)
    await github.aclose()


async def test_that_nobody_is_at_github_s_address_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    github = GitHub.open(clock=VirtualClock(), component="test", endpoints=(NOWHERE,), options=Options(max_retries=4))
    for _ in range(2):
        with pytest.raises(ServerBroken):
            await github.get_repo(*R)
    assert [record.getMessage() for record in caplog.records] == ["An address of GitHub's API does not answer."]
    await github.aclose()


async def test_when_nobody_is_at_any_endpoint_all_are_tried_again_later(world: World) -> None:
    github = world.client(endpoints=(NOWHERE, NOWHERE), options=Options(initial_delay=3, max_retries=3))
    began = world.clock.monotonic()
    with pytest.raises(ServerBroken, match="no answer from GitHub"):
        await github.get_repo(*R)
    assert world.clock.monotonic() - began == pytest.approx(3 + 6)


async def test_graphql_has_one_endpoint_and_no_other_is_asked(world: World) -> None:
    github = GitHub.open(
        clock=world.clock,
        component="test",
        endpoints=(world.sim.world.base,),
        graphql_endpoint=f"{NOWHERE}/graphql",
        options=Options(max_retries=2),
    )
    world.stack.push_async_callback(github.aclose)
    with pytest.raises(ServerBroken, match="no answer from GitHub"):
        await github.graphql(dict, "{viewer {login}}", {})
    assert world.asked(("POST", "/graphql")) == 0
