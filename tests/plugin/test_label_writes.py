"""Labels that several handlers of one delivery add become one call."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from prow.lib.errors import Retry
from prow.lib.virtual_clock import VirtualClock
from prow.plugin.label_writes import MOMENT, LabelWrites


class Calls:
    def __init__(self) -> None:
        self.made: list[tuple[str, ...]] = []
        self.saved = 0
        self.error: Exception | None = None

    async def write(self, labels: Sequence[str]) -> None:
        self.made.append(tuple(labels))
        if self.error is not None:
            raise self.error

    def joined(self, calls: int) -> None:
        self.saved += calls


async def test_handlers_that_add_at_the_same_time_share_one_call() -> None:
    calls = Calls()
    writes = LabelWrites(VirtualClock(), joined=calls.joined)
    writes.expect(3)

    async def handler(*labels: str) -> None:
        with writes.handling():
            await writes.add(labels, calls.write)

    await asyncio.gather(handler("size/XS"), handler("needs-ok-to-test", "size/XS"), handler("kind/bug"))
    assert calls.made == [("size/XS", "needs-ok-to-test", "kind/bug")]
    assert calls.saved == 2


async def test_the_last_handler_that_runs_waits_for_nobody() -> None:
    calls, clock = Calls(), VirtualClock()
    writes = LabelWrites(clock)
    writes.expect(2)
    began = clock.monotonic()

    async def quick() -> None:
        with writes.handling():
            await clock.sleep(0)

    async def adding() -> None:
        with writes.handling():
            await writes.add(["lgtm"], calls.write)

    await asyncio.gather(adding(), quick())
    assert calls.made == [("lgtm",)]
    assert clock.monotonic() == began


async def test_a_slow_handler_holds_nobody_up_for_longer_than_a_moment() -> None:
    calls, clock = Calls(), VirtualClock()
    writes = LabelWrites(clock)
    writes.expect(2)
    began = clock.monotonic()
    took: list[float] = []

    async def slow() -> None:
        with writes.handling():
            await clock.sleep(30)
            await writes.add(["late"], calls.write)

    async def adding() -> None:
        with writes.handling():
            await writes.add(["lgtm"], calls.write)
            took.append(clock.monotonic() - began)

    await asyncio.gather(slow(), adding())
    assert calls.made == [("lgtm",), ("late",)]
    assert took == [MOMENT]


async def test_a_failed_call_is_told_to_all_who_shared_it() -> None:
    calls = Calls()
    calls.error = Retry("GitHub is down")
    writes = LabelWrites()
    writes.expect(2)
    outcomes = await asyncio.gather(
        writes.add(["a"], calls.write), writes.add(["b"], calls.write), return_exceptions=True
    )
    assert all(outcome is calls.error for outcome in outcomes)
    calls.error = None
    await writes.add(["a"], calls.write)
    assert calls.made[-1] == ("a",)


async def test_one_who_gives_up_does_not_stop_the_call_of_the_others() -> None:
    calls = Calls()
    writes = LabelWrites()
    writes.expect(2)
    impatient = asyncio.create_task(writes.add(["a"], calls.write))
    other = asyncio.create_task(writes.add(["b"], calls.write))
    await VirtualClock().sleep(0)
    impatient.cancel()
    await other
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert calls.made == [("a", "b")]
