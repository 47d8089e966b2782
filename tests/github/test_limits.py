"""GitHub's limits are kept before GitHub says so: by window, by bucket, by what is left of the hour; the urgent goes first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prow.github.call import Answer, Call, Cost
from prow.github.client import GitHub
from prow.github.limiter import Limiter, Limits, Paces
from prow.github.rules import Options
from prow.github.tokens import FixedToken
from prow.github.windows import RESERVE, Bucket, Standing, Window, standing
from prow.lib.errors import RateLimited
from prow.lib.virtual_clock import VirtualClock
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
READ = Call(method="GET", template="/repos/:owner/:repo", path="/repos/acme/rockets", org="acme", caller="tide")
COMMENT = Call(method="POST", template="/comments", path="/comments", org="acme", content=True, cost=Cost.INTERACTIVE)
QUERY = Call(method="POST", template="/graphql", path="", reads=True, cost=Cost.INTERACTIVE)


def of(call: Call, cost: Cost) -> Call:
    return Call(
        method=call.method,
        template=call.template,
        path=call.path,
        org=call.org,
        content=call.content,
        reads=call.reads,
        cost=cost,
    )


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.5, 3)), max_size=60), st.floats(3, 20), st.sampled_from([1.0, 0.75])
)
def test_no_window_is_ever_fuller_than_it_may_be(events: list[tuple[float, float]], limit: float, share: float) -> None:
    window, now, booked = Window(limit, 60.0), 0.0, []
    for pause, weight in events:
        now += pause
        now += window.wait(now, share, weight)
        while (more := window.wait(now, share, weight)) > 0:  # a float may fall just short
            now += max(more, 1e-6)
        window.book(now, weight)
        booked.append((now, weight))
        within = sum(size for at, size in booked if at > now - 60.0 + 1e-6)
        assert within <= max(limit * share, weight) + 1e-6


def test_a_bucket_gives_its_burst_at_once_and_then_by_the_hour() -> None:
    bucket = Bucket(3600, 2)
    for _ in range(2):
        assert bucket.wait(0.0) == 0
        bucket.take()
    assert bucket.wait(0.0) == pytest.approx(1.0)
    bucket.give_back()
    assert bucket.wait(0.0) == 0


@pytest.mark.parametrize(
    ("remaining", "minutes", "waits"),
    [
        (5000, 60, set()),
        (1400, 60, {Cost.BACKGROUND}),
        (400, 60, {Cost.BACKGROUND, Cost.MERGE}),
        (400, 10, set()),
        (1, 60, {Cost.BACKGROUND, Cost.MERGE}),
        (1, 0, set()),
    ],
)
def test_what_runs_low_is_left_to_the_more_urgent_until_its_end_comes_near(
    remaining: int, minutes: int, waits: set[Cost]
) -> None:
    left = Standing("core", 5000, remaining, NOON + timedelta(minutes=minutes))
    assert {cost for cost in Cost if left.wait(cost, NOON) > 0} == waits


@settings(max_examples=50)
@given(st.integers(0, 5000), st.floats(0, 3600), st.sampled_from(list(Cost)))
def test_a_class_may_go_on_when_it_was_told_to_and_not_before(remaining: int, left: float, cost: Cost) -> None:
    said = Standing("core", 5000, remaining, NOON + timedelta(seconds=left))
    wait = said.wait(cost, NOON)
    assert 0 <= wait <= left + 1e-6
    assert said.wait(cost, NOON + timedelta(seconds=wait + 0.001)) == 0
    if wait > 1:
        assert said.wait(cost, NOON + timedelta(seconds=wait - 1)) > 0
    assert RESERVE[Cost.INTERACTIVE] == 0


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-remaining": "5"},
        {"x-ratelimit-remaining": "-1", "x-ratelimit-reset": "5"},
        {"x-ratelimit-remaining": "٣", "x-ratelimit-reset": "5"},
        {"x-ratelimit-remaining": "9" * 40, "x-ratelimit-reset": "5"},
    ],
)
def test_headers_that_say_nothing_limit_nothing(headers: dict[str, str]) -> None:
    assert standing(headers, "core") is None


def test_the_books_of_an_identity_are_shared_by_all_clients_of_a_process() -> None:
    clock = VirtualClock()
    paces = Paces(clock)
    one, other = (Limiter(clock, Limits(content_per_minute=2), paces) for _ in range(2))
    assert one.reserve(COMMENT, "bot").seconds == 0
    assert other.reserve(COMMENT, "bot").seconds == 0
    assert one.reserve(COMMENT, "bot").reason == "content"
    assert one.reserve(COMMENT, "another bot").seconds == 0


def test_each_class_leaves_a_part_of_a_window_to_the_more_urgent() -> None:
    clock = VirtualClock()
    limiter = Limiter(clock, Limits(content_per_minute=20))

    def written(cost: Cost) -> int:
        count = 0
        while limiter.reserve(of(COMMENT, cost), "bot").seconds == 0:
            count += 1
        return count

    assert [written(cost) for cost in (Cost.BACKGROUND, Cost.MERGE, Cost.INTERACTIVE)] == [15, 3, 2]


def test_writes_at_one_address_are_limited_by_points_and_reads_elsewhere_are_not() -> None:
    limiter = Limiter(VirtualClock(), Limits())
    label = Call(method="POST", template="/labels", path="/labels", cost=Cost.INTERACTIVE)
    for _ in range(180):
        assert limiter.reserve(label, "bot").seconds == 0
    assert limiter.reserve(label, "bot").reason == "points"
    assert limiter.reserve(of(READ, Cost.INTERACTIVE), "bot").seconds == 0


def test_graphql_has_points_and_time_of_its_own() -> None:
    clock = VirtualClock()
    limiter = Limiter(clock, Limits(graphql_points_per_minute=3))
    pace = limiter.pace("bot")
    for _ in range(3):
        assert limiter.reserve(QUERY, "bot").seconds == 0
    assert limiter.reserve(QUERY, "bot").reason == "points"
    slow = Limiter(clock, Limits())
    pace = slow.pace("bot")
    pace.answered(QUERY, Answer(200), 0.1)
    for _ in range(10):
        pace.answered(QUERY, Answer(200), 6.1)
    assert slow.reserve(QUERY, "bot").reason == "time"
    assert slow.reserve(of(READ, Cost.INTERACTIVE), "bot").seconds == 0
    for _ in range(5):
        pace.answered(READ, Answer(200), 6.1)
    assert slow.reserve(of(READ, Cost.INTERACTIVE), "bot").reason == "time"


def test_the_way_there_and_back_is_not_counted_as_githubs_time() -> None:
    limiter = Limiter(VirtualClock(), Limits())
    for _ in range(1_000):
        limiter.pace("bot").answered(READ, Answer(200), 0.2)
    assert limiter.reserve(READ, "bot").seconds == 0


def test_an_organisation_may_have_a_limit_of_its_own() -> None:
    limiter = Limiter(VirtualClock(), Limits(hourly_tokens=1, allowed_burst=1, orgs={"acme": (60, 2)}))
    other = Call(method="GET", template="/x", path="/x", org="other")
    assert [limiter.reserve(READ, "bot").reason for _ in range(3)][2] == "throttle"
    assert limiter.reserve(READ, "bot").seconds == pytest.approx(60)
    assert limiter.reserve(other, "bot").seconds == 0
    assert limiter.reserve(other, "bot").reason == "throttle"
    limiter.refund(other)
    assert limiter.reserve(other, "bot").seconds == 0


async def test_never_more_in_flight_than_github_allows_and_the_urgent_first() -> None:
    limiter = Limiter(VirtualClock(), Limits(in_flight=2))
    pace, order, most, now = limiter.pace("bot"), [], 0, 0
    gate = asyncio.Event()

    async def ask(cost: Cost, name: str) -> None:
        nonlocal most, now
        async with pace.slot(cost):
            now += 1
            most = max(most, now)
            order.append(name)
            await gate.wait()
            now -= 1

    tasks = [asyncio.create_task(ask(Cost.BACKGROUND, "early")) for _ in range(2)]
    await VirtualClock().sleep(0)
    for cost in (Cost.BACKGROUND, Cost.MERGE, Cost.INTERACTIVE):
        tasks.append(asyncio.create_task(ask(cost, cost.name)))
        await VirtualClock().sleep(0)
    gate.set()
    await asyncio.gather(*tasks)
    assert most == 2
    assert order == ["early", "early", "INTERACTIVE", "MERGE", "BACKGROUND"]


class World:
    def __init__(self, sim: Sim, clock: VirtualClock, github: GitHub) -> None:
        self.sim = sim
        self.clock = clock
        self.github = github


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = VirtualClock()
    sim = Sim(tmp_path / "github", clock=clock)
    sim.world.org("acme")
    sim.world.budgets.limit = 100
    async with sim.serve():
        repo = await RepoStory.create(sim, "acme/rockets", files={"a": "a\n"})
        repo.collaborator("prow-bot")
        await repo.open_issue("mia", title="Talk")
        token = sim.world.token("prow-bot")
        github = GitHub.open(
            clock=clock,
            component="test",
            tokens=FixedToken(token),
            endpoints=(sim.world.base,),
            options=Options(initial_delay=0.01),
        )
        yield World(sim, clock, github)
        await github.aclose()


async def test_background_work_waits_first_and_says_so_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    views = {cost: world.github.bound(caller=cost.name.lower(), cost=cost, patience=0) for cost in Cost}
    asked = 0

    async def went(cost: Cost) -> bool:
        nonlocal asked
        asked += 1
        try:
            await views[cost].list_pull_requests("acme", "rockets", base=f"branch-{asked}")
        except RateLimited:
            return False
        return True

    with caplog.at_level(logging.WARNING):
        for _ in range(72):
            assert await went(Cost.INTERACTIVE)
        assert not await went(Cost.BACKGROUND)
        assert not await went(Cost.BACKGROUND)
        assert await went(Cost.MERGE)
        for _ in range(18):
            assert await went(Cost.INTERACTIVE)
        assert not await went(Cost.MERGE)
        assert await went(Cost.INTERACTIVE)
    said = [record for record in caplog.records if "runs low" in record.getMessage()]
    assert len(said) == 2
    (left,) = world.github.account().left
    assert (left.resource, left.limit, left.remaining) == ("core", 100, 8)
    await world.clock.sleep(3601)
    assert await went(Cost.BACKGROUND)


async def test_more_comments_than_github_takes_in_a_minute_are_spread(world: World) -> None:
    began = world.clock.monotonic()
    world.sim.world.budgets.limit = 5000
    people = world.github.bound(caller="test", cost=Cost.INTERACTIVE, patience=600)
    await asyncio.gather(*(people.create_comment("acme", "rockets", 1, f"c{n}") for n in range(100)))
    assert 60 <= world.clock.monotonic() - began < 120
    held = world.github.account().held
    assert held == ()
