from __future__ import annotations

import asyncio
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from prow.lib.sqlite import Database, DatabaseClosed

TABLE = "CREATE TABLE t (n INTEGER UNIQUE); CREATE INDEX i ON t (n);"


def insert(n: int) -> Callable[[sqlite3.Connection], int]:
    def work(connection: sqlite3.Connection) -> int:
        connection.execute("INSERT INTO t (n) VALUES (?)", (n,))
        return n

    return work


def numbers(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT n FROM t ORDER BY n")]


async def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "room.db", [TABLE])
    assert await database.write(insert(7)) == 7
    await database.close()
    database = await Database.open(tmp_path / "room.db", [TABLE])
    assert await database.read(numbers) == [7]
    await database.close()


async def test_one_failing_work_does_not_undo_its_neighbours(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "room.db", [TABLE])
    answers = await asyncio.gather(*(database.write(insert(n)) for n in (1, 2, 2, 3)), return_exceptions=True)
    assert [a for a in answers if not isinstance(a, BaseException)] == [1, 2, 3]
    assert isinstance(answers[2], sqlite3.IntegrityError)
    assert await database.read(numbers) == [1, 2, 3]
    await database.close()


async def test_a_newer_file_is_refused_in_one_line(tmp_path: Path) -> None:
    await (await Database.open(tmp_path / "room.db", [TABLE, "CREATE TABLE u (n INTEGER)"])).close()
    with pytest.raises(UsageError, match="newer release") as refused:
        await Database.open(tmp_path / "room.db", [TABLE])
    assert "\n" not in str(refused.value)


async def test_migrations_run_once_each_in_order(tmp_path: Path) -> None:
    await (await Database.open(tmp_path / "room.db", [TABLE])).close()
    database = await Database.open(tmp_path / "room.db", [TABLE, "ALTER TABLE t ADD COLUMN word TEXT DEFAULT 'a;b'"])
    await database.write(insert(1))
    assert await database.read(lambda c: c.execute("SELECT word FROM t").fetchone()[0]) == "a;b"
    await database.close()


async def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "room.db").write_bytes(b"this is not a database, but long enough to look at" * 20)
    with pytest.raises(UsageError, match=r"room\.db"):
        await Database.open(tmp_path / "room.db", [TABLE])


async def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "room.db", [TABLE])
    assert stat.S_IMODE((tmp_path / "room.db").stat().st_mode) == 0o600
    await database.close()


async def test_commits_of_another_process_are_seen(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "room.db", [TABLE])
    other = await Database.open(tmp_path / "room.db", [TABLE])
    before = await database.data_version()
    await other.write(insert(1))
    assert await database.data_version() != before
    await database.close()
    await other.close()


async def test_a_closed_database_says_so(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "room.db", [TABLE])
    await database.close()
    await database.close()
    with pytest.raises(DatabaseClosed):
        await database.write(insert(1))


async def test_several_may_make_the_file_at_the_same_time(tmp_path: Path) -> None:
    for attempt in range(10):
        path = tmp_path / f"room-{attempt}.db"
        databases = await asyncio.gather(*(Database.open(path, [TABLE]) for _ in range(6)))
        await asyncio.gather(*(database.close() for database in databases))


async def test_writes_are_answered_in_the_order_in_which_they_were_asked(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "room.db", [TABLE])
    answered: list[int] = []

    async def write(n: int) -> None:
        answered.append(await database.write(insert(n)))

    await asyncio.gather(*map(write, range(700)))
    assert answered == list(range(700))
    await database.close()


async def test_who_gives_up_waiting_for_a_write_keeps_none_of_the_others_waiting(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "room.db", [TABLE])
    writes = [asyncio.create_task(database.write(insert(n))) for n in range(3)]
    await SystemClock().sleep(0)
    writes[1].cancel()
    assert await writes[0] == 0
    assert await writes[2] == 2
    assert writes[1].cancelled()
    await database.close()
