"""GitHub's limits are kept before GitHub says so: by window, by bucket, by what is left of the hour; the urgent goes first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prow.github.call import Answer, Call, Cost
from prow.github.client import GitHub
from prow.github.errors import NotFound
from prow.github.graph_search import GraphSearch
from prow.github.limiter import Limiter, Limits, Paces
from prow.github.rules import Options
from prow.github.windows import RESERVE, Bucket, Standing, Window, standing
from prow.lib import http, open_work
from prow.lib.clock import Clock
from prow.lib.errors import RateLimited
from prow.lib.virtual_clock import VirtualClock
from prow.model.forge import CommitStatus
from tests.support.github import World, world_in

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
READ = Call(method="GET", template="/repos/:owner/:repo", path="/repos/acme/rockets", org="acme", caller="tide")
COMMENT = Call(method="POST", template="/comments", path="/comments", org="acme", content=True, cost=Cost.INTERACTIVE)
LABEL = Call(method="POST", template="/labels", path="/labels", org="acme", cost=Cost.INTERACTIVE)
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


def blank() -> memoryview[float]:
    return memoryview(bytearray(Window.FLOATS * 8)).cast("d")


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.5, 3)), max_size=60), st.floats(3, 20), st.sampled_from([1.0, 0.75])
)
def test_no_window_is_ever_fuller_than_it_may_be(events: list[tuple[float, float]], limit: float, share: float) -> None:
    window, now, booked = Window(limit, 60.0, blank()), 1e9, []
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
        assert bucket.wait(0.0, 1.0) == 0
        bucket.take()
    assert bucket.wait(0.0, 1.0) == pytest.approx(1.0)
    bucket.give_back()
    assert bucket.wait(0.0, 1.0) == 0


def test_a_bucket_never_holds_more_than_its_burst() -> None:
    bucket = Bucket(3600, 2)
    bucket.give_back()
    assert bucket.wait(1_000.0, 1.0) == 0
    for _ in range(2):
        bucket.take()
    assert bucket.wait(1_000.0, 1.0) == pytest.approx(1.0)
    bucket.give_back()
    bucket.give_back()
    bucket.give_back()
    for _ in range(2):
        bucket.take()
    assert bucket.wait(1_000.0, 1.0) == pytest.approx(1.0)


def test_a_clock_that_is_set_back_a_little_forgets_nothing() -> None:
    window = Window(5, 60, memoryview(bytearray(8 * Window.FLOATS)).cast("d"))
    for _ in range(5):
        window.book(1_000_000.0)
    assert window.used(1_000_000.0 - 20) == 5
    assert window.wait(1_000_000.0 - 20, 1.0) > 60


def test_a_component_s_own_limit_leaves_a_part_to_the_more_urgent_too() -> None:
    limiter = Limiter(VirtualClock(), Limits(hourly_tokens=3600, allowed_burst=40))
    went = dict.fromkeys(Cost, 0)
    for cost in reversed(Cost):
        while limiter.reserve(of(READ, cost), "bot").seconds == 0:
            went[cost] += 1
    assert went == {Cost.BACKGROUND: 30, Cost.MERGE: 6, Cost.INTERACTIVE: 4}
    assert limiter.reserve(of(READ, Cost.BACKGROUND), "bot").seconds == pytest.approx(11)
    single = Limiter(VirtualClock(), Limits(hourly_tokens=60, allowed_burst=1))
    assert single.reserve(of(READ, Cost.BACKGROUND), "bot").seconds == 0


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
    one, other = (Limiter(clock, Limits(writes_per_minute=2), paces) for _ in range(2))
    assert one.reserve(COMMENT, "bot").seconds == 0
    assert other.reserve(COMMENT, "bot").seconds == 0
    assert one.reserve(COMMENT, "bot").reason == "content"
    assert one.reserve(COMMENT, "another bot").seconds == 0


def test_each_class_leaves_a_part_of_a_window_to_the_more_urgent() -> None:
    clock = VirtualClock()
    limiter = Limiter(clock, Limits(writes_per_minute=20))

    def written(cost: Cost) -> int:
        count = 0
        while limiter.reserve(of(COMMENT, cost), "bot").seconds == 0:
            count += 1
        return count

    assert [written(cost) for cost in (Cost.BACKGROUND, Cost.MERGE, Cost.INTERACTIVE)] == [15, 3, 2]


def test_a_minute_has_room_for_so_many_points_of_reads_and_writes_together() -> None:
    limiter, read = Limiter(VirtualClock(), Limits()), of(READ, Cost.INTERACTIVE)
    for _ in range(60):
        assert limiter.reserve(LABEL, "bot").seconds == 0
    for _ in range(600):
        assert limiter.reserve(read, "bot").seconds == 0
    assert limiter.reserve(read, "bot").reason == "points"
    assert limiter.reserve(QUERY, "bot").seconds == 0


def test_a_write_needs_room_for_all_of_its_points() -> None:
    limiter = Limiter(VirtualClock(), Limits(points_per_minute=10))
    for _ in range(6):
        assert limiter.reserve(of(READ, Cost.INTERACTIVE), "bot").seconds == 0
    assert limiter.reserve(LABEL, "bot").reason == "points"
    assert limiter.reserve(of(READ, Cost.INTERACTIVE), "bot").seconds == 0


def test_answers_that_overtake_each_other_do_not_fill_the_budget_again() -> None:
    pace = Limiter(VirtualClock(), Limits()).pace("bot")

    def left(remaining: int, reset: int) -> int:
        told = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": f"{remaining}", "x-ratelimit-reset": f"{reset}"}
        pace.answered(READ, Answer(200, headers=told), 0.1)
        return pace.standings["core"].remaining

    assert [left(51, 3_600), left(49, 3_600), left(50, 3_600), left(4_999, 7_200)] == [51, 49, 49, 4_999]


def test_a_budget_that_runs_low_is_said_once_though_github_names_its_end_differently(
    caplog: pytest.LogCaptureFixture,
) -> None:
    limiter = Limiter(VirtualClock(), Limits())
    pace, reset = limiter.pace("bot"), int(VirtualClock().now().timestamp()) + 3_000
    for later in (0, 1, 0, 1, 4_000):
        low = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "90", "x-ratelimit-reset": f"{reset + later}"}
        pace.answered(READ, Answer(200, headers=low), 0.1)
        assert limiter.reserve(of(READ, Cost.BACKGROUND), "bot").reason == "budget"
    assert len(caplog.records) == 2


def test_an_hour_has_room_for_so_many_writes_that_people_hear_of_and_for_more_of_others() -> None:
    clock = VirtualClock()
    limiter = Limiter(clock, Limits(writes_per_minute=1_000, points_per_minute=10_000))
    for _ in range(500):
        assert limiter.reserve(COMMENT, "bot").seconds == 0
    wait = limiter.reserve(COMMENT, "bot")
    assert (wait.reason, 3600 <= wait.seconds <= 3720) == ("content", True)
    assert limiter.reserve(LABEL, "bot").seconds == 0


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
    assert limiter.reserve(msgspec.structs.replace(READ, org="Acme"), "bot").reason == "throttle"
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
        async with pace.under_way(of(READ, cost)):
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


async def test_a_person_does_not_wait_for_an_equal_question_that_waits_for_a_place() -> None:
    gate, seen = asyncio.Event(), list[str]()

    async def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.url.path)
        if request.url.path.endswith("slow"):
            with open_work.held_up():
                await gate.wait()
        return httpx2.Response(200, json={"full_name": "acme/quick"})

    limits, clock = Limits(in_flight=3), VirtualClock()
    github = GitHub.open(clock=clock, component="test", limits=limits, http=httpx2.MockTransport(answer))
    tide, person = github.bound(caller="tide"), github.bound(caller="hook", cost=Cost.INTERACTIVE)
    waiting = [asyncio.create_task(tide.get_repo(org, "slow")) for org in ("acme", "other")]
    waiting.append(asyncio.create_task(tide.get_repo("acme", "quick")))
    await clock.sleep(1)
    assert seen == ["/repos/acme/slow", "/repos/other/slow"]
    asked = clock.monotonic()
    assert (await person.get_repo("acme", "quick")).full_name == "acme/quick"
    assert clock.monotonic() == asked
    gate.set()
    await asyncio.gather(*waiting)
    await github.aclose()


async def test_a_person_does_not_wait_for_an_equal_question_that_waits_for_the_next_minute() -> None:
    clock, asked = VirtualClock(), list[str]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        return httpx2.Response(200, json={"full_name": "acme/rockets"})

    limits = Limits(points_per_minute=4)
    github = GitHub.open(clock=clock, component="test", limits=limits, http=httpx2.MockTransport(answer))
    tide, person = github.bound(caller="tide"), github.bound(caller="hook", cost=Cost.INTERACTIVE)
    for number in range(3):
        await tide.get_repo("acme", f"{number}")
    waits = asyncio.create_task(tide.get_repo("acme", "rockets"))
    await clock.sleep(1)
    began = clock.monotonic()
    await person.get_repo("acme", "rockets")
    assert clock.monotonic() == began
    await waits
    assert clock.monotonic() > began + 50
    assert len(asked) == 5
    await github.aclose()


async def test_a_person_hurries_an_equal_question_that_background_work_has_to_ask_again() -> None:
    clock, asked, late = VirtualClock(), list[str](), asyncio.Event()

    async def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        reset = int(clock.now().timestamp()) + 3_000
        low = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "100", "x-ratelimit-reset": f"{reset}"}
        if len(asked) > 1:
            return httpx2.Response(200, headers=low, json={"full_name": "acme/rockets"})
        await late.wait()
        return httpx2.Response(502, headers=low)

    github = GitHub.open(clock=clock, component="test", http=httpx2.MockTransport(answer))
    tide, person = github.bound(caller="tide"), github.bound(caller="hook", cost=Cost.INTERACTIVE)
    both = [asyncio.create_task(view.get_repo("acme", "rockets")) for view in (tide, person)]
    await clock.sleep(0)
    late.set()
    assert [found.full_name for found in await asyncio.gather(*both)] == ["acme/rockets"] * 2
    assert clock.monotonic() == pytest.approx(2)
    assert len(asked) == 2
    with pytest.raises(RateLimited):
        await tide.get_repo("acme", "others")
    await github.aclose()


async def test_a_person_does_not_share_the_patience_of_background_work() -> None:
    clock, asked, there = VirtualClock(), list[float](), False

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(clock.monotonic())
        return httpx2.Response(200, json={"full_name": "acme/rockets"}) if there else httpx2.Response(502)

    github = GitHub.open(clock=clock, component="test", http=httpx2.MockTransport(answer))
    tide, person = github.bound(caller="tide"), github.bound(caller="hook", cost=Cost.INTERACTIVE)
    early = asyncio.create_task(tide.get_repo("acme", "rockets"))
    await clock.sleep(100)
    there, began = True, clock.monotonic()
    assert (await person.get_repo("acme", "rockets")).full_name == "acme/rockets"
    assert clock.monotonic() == began
    await early
    assert clock.monotonic() > began
    await github.aclose()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with world_in(tmp_path, clock=VirtualClock(), options=Options(initial_delay=0.01)) as made:
        made.sim.world.budgets.limit = 100
        await made.repo.open_issue("mia", title="Talk")
        yield made


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


async def test_who_wrote_all_that_an_hour_has_room_for_is_told_when_to_come_back(world: World) -> None:
    background = world.client(limits=Limits(content_per_hour=4)).bound(caller="test")
    for number in range(3):
        await background.create_comment("acme", "rockets", 1, f"comment {number}")
    with pytest.raises(RateLimited, match="as much as GitHub allows was written until") as told:
        await background.create_comment("acme", "rockets", 1, "one too many")
    assert 3_600 <= (told.value.until - world.clock.now()).total_seconds() <= 3_720
    await world.clock.sleep(3_720)
    await background.create_comment("acme", "rockets", 1, "after an hour")


async def found(github: GitHub) -> int:
    """One GraphQL query."""
    return len([pull async for pull in github.area(GraphSearch).search_pulls("is:pr repo:acme/rockets", org="acme")])


async def test_a_greedy_burst_of_everything_is_spread_so_that_github_refuses_nothing(world: World) -> None:
    world.sim.world.budgets.limit = 5_000
    github, began = world.client(http=httpx2.ASGITransport(world.sim.app)), world.clock.monotonic()
    views = [github.bound(caller=cost.name.lower(), cost=cost, patience=3_600) for cost in Cost]
    sha = await github.get_branch_sha("acme", "rockets", "main")

    def calls(number: int) -> Iterator[Coroutine[Any, Any, object]]:
        view = views[number % 3]
        yield view.list_pull_requests("acme", "rockets", base=f"branch-{number}")
        if number % 2:
            yield view.list_issue_labels("acme", "rockets", 1 + number)
        if number % 6 == 0:
            yield found(view)
        if number % 8 == 0:
            yield view.create_comment("acme", "rockets", 1, f"comment {number}")
        if number % 8 == 3:
            yield view.create_status("acme", "rockets", sha, CommitStatus(context=f"c{number}", state="success"))
        if number % 8 == 6:
            yield view.add_labels("acme", "rockets", 1, [f"label-{number}"])

    done = await asyncio.gather(*(call for number in range(272) for call in calls(number)), return_exceptions=True)
    assert {type(answer) for answer in done if isinstance(answer, Exception)} <= {NotFound}
    rows = github.spent().rows
    reads, writes = (
        sum(row.count for row in rows if row.method == method and row.path != "/graphql") for method in ("GET", "POST")
    )
    assert writes == 3 * 34
    assert reads + 5 * writes > 900, "more points than a minute has"
    assert {row.status for row in rows if row.status >= 400} <= {404}
    assert world.clock.monotonic() - began < 300


class Slow(httpx2.AsyncBaseTransport):
    """A GitHub that is far away and needs `seconds` for every answer, whatever is asked, and remembers when."""

    def __init__(self, clock: Clock, app: http.App, seconds: float) -> None:
        self.spans: list[tuple[float, float]] = []
        self._clock = clock
        self._inner = httpx2.ASGITransport(app)
        self._seconds = seconds

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        with open_work.held_up():
            await self._clock.sleep(0.25)
            began = self._clock.monotonic()
            await self._clock.sleep(self._seconds)
        self.spans.append((began, self._clock.monotonic()))
        return await self._inner.handle_async_request(request)

    def most_in_a_minute(self) -> float:
        """Seconds of answers between the beginning of one and a minute later."""
        return max(
            sum(max(0.0, min(end, start + 60) - max(began, start)) for began, end in self.spans)
            for start, _ in self.spans
        )


async def test_a_github_that_is_slow_with_graphql_is_asked_less(world: World) -> None:
    slow = Slow(world.clock, world.sim.app, 3.0)
    people = world.client(http=slow).bound(caller="test", cost=Cost.INTERACTIVE, patience=3_600)

    await asyncio.gather(*(found(people) for _ in range(50)))
    assert len(slow.spans) == 50
    assert 50 <= slow.most_in_a_minute() <= 60
