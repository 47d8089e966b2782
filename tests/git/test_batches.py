"""Requests that are merged, without a git: who gets what together, and who hears of which failure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from prow.git.batches import Batches
from prow.git.errors import GitFailed, NoSuchRef
from prow.git.locks import Alone
from prow.lib.clock import SystemClock


class Work:
    """`done`: what was asked for together. `faults`: what goes wrong when one of these is wanted."""

    def __init__(self) -> None:
        self.done: list[tuple[str, ...]] = []
        self.faults: dict[str, Exception] = {}
        self.begun = asyncio.Event()
        self.go = asyncio.Event()

    async def __call__(self, wants: Sequence[str]) -> None:
        self.done.append(tuple(wants))
        self.begun.set()
        await self.go.wait()
        for want in wants:
            if want in self.faults:
                raise self.faults[want]


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def batches(tmp_path: Path, work: Work) -> Batches:
    return Batches("things", alone=Alone(tmp_path / "x.lock", SystemClock()), work=work)


async def second(batches: Batches, work: Work, *wants: str) -> list[BaseException | None]:
    """What comes of these, asked for while something else is under way."""
    first = asyncio.create_task(batches.ask(["first"]))
    await work.begun.wait()
    rest = [asyncio.create_task(batches.ask([want])) for want in wants]
    while batches._next is None or len(batches._next.members) < len(wants):
        await SystemClock().sleep(0)
    work.go.set()
    await first
    return await asyncio.gather(*rest, return_exceptions=True)


async def test_what_is_asked_for_meanwhile_is_done_together(batches: Batches, work: Work) -> None:
    assert await second(batches, work, "a", "b", "a") == [None] * 3
    assert work.done == [("first",), ("a", "b")]


async def test_only_who_wants_what_cannot_be_hears_of_it(batches: Batches, work: Work) -> None:
    work.faults["b"] = NoSuchRef("no b")
    assert await second(batches, work, "a", "b", "c") == [None, work.faults["b"], None]


async def test_all_hear_of_what_may_pass(batches: Batches, work: Work) -> None:
    work.faults["b"] = GitFailed("the server is away")
    assert await second(batches, work, "a", "b") == [work.faults["b"]] * 2
    assert work.done == [("first",), ("a", "b")]


async def test_a_disk_that_fails_is_a_failure_that_may_pass(batches: Batches, work: Work) -> None:
    work.faults["a"] = OSError(28, "No space left on device")
    (told,) = await second(batches, work, "a")
    assert isinstance(told, GitFailed)
    assert str(told) == "things: No space left on device"


async def test_nobody_waits_for_ever_for_what_broke(batches: Batches, work: Work) -> None:
    work.faults["a"] = ZeroDivisionError("a fault of ours")
    assert await second(batches, work, "a") == [work.faults["a"]]


async def test_who_gives_up_takes_nobody_along(batches: Batches, work: Work) -> None:
    first = asyncio.create_task(batches.ask(["a"]))
    other = asyncio.create_task(batches.ask(["b"]))
    await work.begun.wait()
    first.cancel()
    work.go.set()
    await other
    assert work.done == [("a", "b")]


async def test_the_end_ends_what_is_under_way(batches: Batches, work: Work) -> None:
    asked = asyncio.create_task(batches.ask(["a"]))
    await work.begun.wait()
    await batches.aclose()
    with pytest.raises(asyncio.CancelledError):
        await asked
