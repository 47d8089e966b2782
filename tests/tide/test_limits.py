"""tide when GitHub cannot be asked: it says so once, asks again when it may, and goes on with what it can do meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from prow.github.call import Cost
from prow.jobs.index import JobIndex
from prow.jobs.sqlite_store import SQLiteJobStore
from prow.lib.virtual_clock import VirtualClock
from prow.sim.plan import Error, Match, PrimaryLimit, Rule, SecondaryLimit
from prow.tide.service import Settings, Tide
from tests.support.github import BOT, R, World, world_in
from tests.tide.configs import config_of

CONFIG = """
tide:
  blocker_label: tide/merge-blocker
  queries:
  - orgs: [acme]
    labels: [lgtm]
"""
LISTS = "/orgs/*/repos"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path, clock=VirtualClock(), change={"a": "b\n"}) as made:
        yield made


@asynccontextmanager
async def tide(world: World) -> AsyncIterator[Tide]:
    """tide alone, which hears of no events."""
    config = config_of({"config": CONFIG})
    async with AsyncExitStack() as stack:
        store = await SQLiteJobStore.open(world.folder / "jobs.db", clock=world.clock, poll=1e9)
        stack.push_async_callback(store.close)
        index = JobIndex(store, clock=world.clock)
        made = Tide(
            Settings(),
            config=lambda: config,
            github=world.github.bound(caller="tide", cost=Cost.MERGE),
            background=world.github.bound(caller="tide", cost=Cost.BACKGROUND),
            jobs=store,
            index=index,
            clock=world.clock,
        )
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(index.run()), group.create_task(made.run())]
            yield made
            for task in tasks:
                task.cancel()


@pytest.mark.parametrize("limit", [PrimaryLimit(2_990), SecondaryLimit(2_990)], ids=["primary", "secondary"])
async def test_nothing_is_asked_during_a_limit_and_one_line_says_so(
    world: World, caplog: pytest.LogCaptureFixture, limit: PrimaryLimit | SecondaryLimit
) -> None:
    world.sim.faults.add(Rule(what=limit, times=1))
    with caplog.at_level(logging.WARNING):
        async with tide(world) as made:
            await made.ready()
            await world.clock.sleep(2_900)
            assert await made.explain(*R, world.pr.number) is None
            await world.clock.sleep(100)
            await made.idle()
            assert await made.explain(*R, world.pr.number) is not None
    assert [record.getMessage() for record in caplog.records] == [
        "GitHub's limit is reached; nothing is asked until it is over."
    ]
    assert world.sim.faults.ignored == []


async def test_a_token_that_was_revoked_is_asked_with_seldom_and_the_next_one_merges_soon(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async with tide(world) as made:
        await made.ready()
        world.sim.faults.add(Rule(match=Match(login=BOT), what=Error(401, message="Bad credentials")))
        await world.pr.label("wernher", "lgtm")
        before = sum(world.sim.world.calls.values())
        with caplog.at_level(logging.WARNING):
            await world.clock.sleep(5_000)
        assert sum(world.sim.world.calls.values()) - before < 2 * 5_000 / 120
        world.sim.faults.clear()
        await world.clock.sleep(240)
        await made.idle()
        await world.pr.expect_merged()
    assert [record for record in caplog.records if record.name.endswith("tide")] == []


async def test_a_pull_request_of_which_nothing_could_be_read_is_read_alone_as_soon_as_that_works(world: World) -> None:
    world.sim.faults.add(Rule(match=Match(path="/graphql"), what=Error(502), times=9))
    async with tide(world) as made:
        await world.clock.sleep(60)
        await made.idle()
        assert await made.explain(*R, world.pr.number) is not None
    assert not world.sim.faults.pending
    assert sum(count for (_, path), count in world.sim.world.calls.items() if path.endswith("/{org}/repos")) == 1


async def test_a_repository_without_issues_holds_nobody_up(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.sim.faults.add(Rule(match=Match(path="/repos/*/issues"), what=Error(410, message="Issues are disabled")))
    async with tide(world) as made:
        await made.ready()
        await world.pr.label("wernher", "lgtm")
        await world.clock.sleep(700)
        await made.idle()
        await world.pr.expect_merged()
        assert made.troubles.count == 0
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
