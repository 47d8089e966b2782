"""How stubborn the client is, as operators say it by flags: attempts, waits, timeouts, endpoints. GitHub is simulated, time is virtual."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.github.call import Cost
from prow.github.client import GitHub
from prow.github.errors import NotFound, ServerBroken
from prow.github.rules import Options
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
