"""`tests/data/hook-vN.sql` is an inbox of schema version N as a release wrote it; every later release goes on with it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from prow.hook.effects_store import Ledger
from prow.hook.inbox import MIGRATIONS, Inbox
from prow.lib.clock import SystemClock
from prow.lib.sqlite import Database
from tests.contract.effects import Writer

DATA = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
async def test_an_inbox_of_before_is_worked_off_where_it_was_left(version: int, tmp_path: Path) -> None:
    path = tmp_path / "hook.db"
    with closing(sqlite3.connect(path)) as file:
        file.executescript((DATA / f"hook-v{version}.sql").read_text())
    database = await Database.open(path, MIGRATIONS)
    inbox = Inbox(database, clock=SystemClock(), window=600)
    assert [(left.seq, left.lane) for left in await inbox.unfinished(after=0, limit=9)] == [(2, "acme/rockets#5")]
    delivery = await inbox.load(2)
    assert delivery is not None
    assert (delivery.guid, delivery.body, delivery.done) == ("guid-2", b'{"action":"created"}', frozenset({"trigger"}))
    assert await inbox.failures() == [("guid-1", "size", "it was given up")]
    effects = Ledger(database, clock=SystemClock()).of("guid-2", "hold")
    writer = Writer()
    assert await effects.once("label", act=writer.act, find=writer.find) == "done"
    assert writer.writes == 0
    await inbox.finish([2])
    assert not await inbox.unfinished(after=0, limit=9)
    await database.close()
