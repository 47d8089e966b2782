"""Equal questions at the same time become one; nobody suffers from another's haste or departure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from prow.github.flights import Flights
from prow.lib.clock import SystemClock


class Work:
    """Counts how often it begins and is cancelled; ends when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.cancelled = 0
        self.end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.begun += 1
        try:
            return await asyncio.shield(self.end)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def turn() -> None:
    for _ in range(5):
        await SystemClock().sleep(0)


async def test_one_does_the_work_and_the_others_join() -> None:
    flights: Flights[str, str] = Flights("test")
    work = Work()
    asked = [asyncio.create_task(flights.join("a", work)) for _ in range(3)]
    other = asyncio.create_task(flights.join("b", work))
    await turn()
    work.end.set_result("done")
    assert sorted(await asyncio.gather(*asked)) == [("done", False), ("done", True), ("done", True)]
    assert await other == ("done", False)
    assert work.begun == 2


async def test_what_fails_fails_for_all_and_is_forgotten() -> None:
    flights: Flights[str, str] = Flights("test")
    work = Work()
    asked = [asyncio.create_task(flights.join("a", work)) for _ in range(2)]
    await turn()
    work.end.set_exception(ValueError("no"))
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(each) for each in found] == [ValueError, ValueError]
    again = Work()
    again.end.set_result("yes")
    assert await flights.join("a", again) == ("yes", False)


async def test_who_leaves_takes_the_work_away_from_nobody_but_the_last_one_ends_it() -> None:
    flights: Flights[str, str] = Flights("test")
    work = Work()
    first, second = (asyncio.create_task(flights.join("a", work)) for _ in range(2))
    await turn()
    first.cancel()
    await turn()
    assert (work.begun, work.cancelled) == (1, 0)
    second.cancel()
    for task in (first, second):
        with suppress(asyncio.CancelledError):
            await task
    await turn()
    assert work.cancelled == 1


async def test_after_a_change_nobody_joins_what_was_asked_before_it() -> None:
    flights: Flights[str, str] = Flights("test")
    old, new = Work(), Work()
    before = asyncio.create_task(flights.join("a", old))
    await turn()
    flights.leave(lambda key: key == "a")
    after = asyncio.create_task(flights.join("a", new))
    await turn()
    old.end.set_result("old")
    assert await before == ("old", False)
    last = asyncio.create_task(flights.join("a", Work()))
    await turn()
    new.end.set_result("new")
    assert (await after, await last) == (("new", False), ("new", True))


async def test_work_that_nobody_joins_any_more_holds_up_nobody_who_asked_after_it() -> None:
    flights: Flights[str, str] = Flights("test")
    left, turn_comes, new = asyncio.Event(), asyncio.Event(), Work()

    async def old() -> str:
        await left.wait()
        with flights.held("a"):
            await turn_comes.wait()
        return "old"

    before = asyncio.create_task(flights.join("a", old, rank=2))
    await turn()
    flights.leave(lambda key: key == "a")
    after = asyncio.create_task(flights.join("a", new, rank=2))
    await turn()
    left.set()
    await turn()
    urgent = asyncio.create_task(flights.join("a", Work(), rank=0))
    await turn()
    new.end.set_result("new")
    assert (await after, await urgent) == (("new", False), ("new", True))
    turn_comes.set()
    assert await before == ("old", False)


async def test_closing_ends_what_is_under_way() -> None:
    flights: Flights[str, str] = Flights("test")
    work = Work()
    waiting = asyncio.create_task(flights.join("a", work))
    await turn()
    await flights.aclose()
    assert work.cancelled == 1
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_the_urgent_hurry_what_is_not_urgent_and_do_not_wait_for_its_turn() -> None:
    flights: Flights[str, str] = Flights("test")
    turn_comes: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    slow, quick = Work(), Work()
    ranks: list[int] = []

    async def background() -> str:
        ranks.append(flights.rank("a", 2))
        with flights.held("a"):
            await turn_comes
        return await slow()

    async def ask(work: Callable[[], Awaitable[str]], rank: int) -> tuple[str, bool]:
        return await flights.join("a", work, rank=rank)

    first, merging = asyncio.create_task(ask(background, 2)), asyncio.create_task(ask(quick, 1))
    await turn()
    urgent = asyncio.create_task(ask(quick, 0))
    await turn()
    quick.end.set_result("quick")
    slow.end.set_result("slow")
    turn_comes.set_result(None)
    assert ranks == [1]
    assert await urgent == ("quick", False)
    assert await first == ("slow", False)
    assert await merging == ("slow", True)
    assert quick.begun == 1
