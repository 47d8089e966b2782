"""The git that stays to answer reads: few of them, replaced when they end, never believed when they were interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from prow.git.errors import TooLarge
from prow.git.objects import Readers
from prow.lib.clock import SystemClock
from prow.lib.virtual_clock import VirtualClock
from tests.git.support import World, world_in


def running() -> float:
    return REGISTRY.get_sample_value("prow_git_readers") or 0.0


@pytest.fixture
async def readers(world: World) -> AsyncIterator[Readers]:
    made = Readers(world.git, clock=SystemClock(), most=2)
    yield made
    await made.aclose()


async def test_a_reader_that_ended_is_replaced(world: World, readers: Readers) -> None:
    blob = await world.blob(b"x\n")
    assert (await readers.contents(world.remote, [blob], seconds=20, most=10))[blob].data == b"x\n"
    process = readers._readers[world.remote].process
    os.kill(process.pid, signal.SIGKILL)
    await process.wait()
    assert (await readers.contents(world.remote, [blob], seconds=20, most=10))[blob].data == b"x\n"
    assert running() == 1


async def test_what_is_not_there_is_left_out_and_what_is_too_large_is_said(world: World, readers: Readers) -> None:
    blobs = [await world.blob(b"x" * size) for size in (1, 11)]
    assert set(await readers.facts(world.remote, [*blobs, "1" * 40], seconds=20)) == set(blobs)
    with pytest.raises(TooLarge, match="11 bytes, more than 10"):
        await readers.contents(world.remote, blobs, seconds=20, most=10)
    assert set(await readers.contents(world.remote, ["1" * 40, blobs[0]], seconds=20, most=10)) == {blobs[0]}


async def test_a_question_that_was_given_up_spoils_no_later_answer(world: World, readers: Readers) -> None:
    blobs = [await world.blob(f"{n}\n".encode() * 10_000) for n in range(4)]
    for _ in range(3):
        asked = asyncio.create_task(readers.contents(world.remote, blobs, seconds=20, most=100_000))
        while not readers._readers:
            await SystemClock().sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        one = (await readers.contents(world.remote, [blobs[3]], seconds=20, most=100_000))[blobs[3]].data
        assert one[:2] == b"3\n"


async def test_many_questions_at_once_are_all_answered(world: World, readers: Readers) -> None:
    stream = b"".join(b"blob\nmark :%d\ndata 6\n%06d\n" % (n + 1, n) for n in range(1_000))
    await world.raw("fast-import", "--quiet", f"--export-marks={world.folder}/marks", stdin=stream)
    shas = [line.split()[1] for line in (world.folder / "marks").read_text().splitlines()]
    halves = (shas[:600], shas[400:])
    answers = await asyncio.gather(*(readers.contents(world.remote, half, seconds=20, most=10) for half in halves))
    assert [set(answer) for answer in answers] == [set(half) for half in halves]


async def test_no_more_than_so_many_stay_and_none_for_ever(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with world_in(tmp_path, clock=clock) as world:
        readers = Readers(world.git, clock=clock, most=2, idle=60)
        folders = [tmp_path / f"{n}.git" for n in range(3)]
        for folder in folders:
            await world.raw("init", "-q", "--bare", str(folder), where=tmp_path)
            await readers.facts(folder, ["1" * 40], seconds=20)
        assert running() == 2
        assert set(readers._readers) == set(folders[1:])
        await clock.sleep(200)
        assert running() == 0
        await readers.facts(folders[0], ["1" * 40], seconds=20)
        await readers.aclose()
        assert running() == 0
