"""Answers that are kept, and streams of values, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from prow.deck.fresh import Fresh, FreshByKey
from prow.deck.streams import Streams
from prow.lib.errors import Retry
from prow.lib.virtual_clock import VirtualClock


class Source:
    """Counts the questions; an answer takes a second."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.asked = 0
        self.value = "one"
        self.error: Retry | None = None

    async def ask(self, key: str = "") -> str:
        self.asked += 1
        await self.clock.sleep(1)
        if self.error is not None:
            raise self.error
        return key + self.value


async def test_readers_share_the_answer_that_begins_after_they_came() -> None:
    clock = VirtualClock()
    source = Source(clock)
    fresh = Fresh(source.ask, clock=clock)
    first = asyncio.create_task(fresh.get())
    await clock.sleep(0.5)
    source.value = "two"
    others = [asyncio.create_task(fresh.get()) for _ in range(20)]
    assert {(await task).value for task in others} == {"two"}
    await first
    assert source.asked == 2


async def test_an_answer_that_is_young_enough_is_not_asked_for_again() -> None:
    clock = VirtualClock()
    source = Source(clock)
    fresh = Fresh(source.ask, clock=clock)
    await fresh.get(max_age=10)
    await clock.sleep(5)
    await fresh.get(max_age=10)
    assert source.asked == 1
    await clock.sleep(6)
    await fresh.get(max_age=10)
    assert source.asked == 2


async def test_the_last_good_answer_stays_when_there_is_no_other() -> None:
    clock = VirtualClock()
    source = Source(clock)
    fresh = Fresh(source.ask, clock=clock)
    assert (await fresh.get()).error == ""
    good_at = clock.now()
    source.error = Retry("no route")
    await clock.sleep(60)
    known = await fresh.get()
    assert (known.value, known.error, known.since) == ("one", "no route", good_at)


async def test_answers_are_kept_for_a_bounded_number_of_keys() -> None:
    clock = VirtualClock()
    source = Source(clock)
    answers = FreshByKey(source.ask, clock=clock, most=2)
    for key in ("a", "b", "a", "c", "a"):
        assert (await answers.get(key, max_age=1000)).value == f"{key}one"
    assert source.asked == 3
    await answers.get("b", max_age=1000)
    assert source.asked == 4


async def test_a_stream_gives_changes_signs_of_life_and_an_end() -> None:
    clock = VirtualClock()
    streams = Streams(clock)
    values = {"now": 1}

    async def look() -> int:
        return values["now"]

    stream: AsyncIterator[int | None] = streams.values(look)
    assert await anext(stream) == 1
    values["now"] = 2
    before = clock.monotonic()
    assert await anext(stream) == 2
    assert clock.monotonic() - before <= 1
    assert await anext(stream) is None
    assert 14 < clock.monotonic() < 18
    waiting = asyncio.ensure_future(anext(stream, "end"))
    await clock.sleep(0.1)
    streams.close()
    assert await waiting == "end"
