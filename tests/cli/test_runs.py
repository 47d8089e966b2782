"""Running jobs as other processes see them, over the socket beside the job store."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from prow.cli.adapters import DryEngine
from prow.cli.runs import SOCKET, RemoteLeftovers, RemoteRuns, ServesRuns, socket_address
from prow.engines.local.leftovers import Leftovers
from prow.lib import http
from prow.lib.clock import SystemClock
from prow.lib.errors import Retry
from prow.lib.virtual_clock import VirtualClock

NAME = "a b/../ü"


class Jobs:
    """One job that runs and one that waits."""

    log = b"one\ntwo\n"

    async def read_log(self, name: str, offset: int, limit: int) -> bytes | None:
        return self.log[offset : offset + limit] if name == NAME else None

    def waiting_reasons(self) -> Mapping[str, str]:
        return {"waits": "1 of 1 runs"}


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[None]:
    jobs = Jobs()
    app = ServesRuns(jobs, jobs, Leftovers(DryEngine(), folder / "engine")).app
    async with http.serve(app, listener=http.bind_unix(socket_address(folder))):
        yield


@pytest.fixture(params=["short", "long-" * 30])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The job store's; an address of a socket has no room for the long one."""
    made = tmp_path / str(request.param)
    made.mkdir()
    return made


async def test_a_growing_log_is_read_in_pieces(folder: Path) -> None:
    runs = RemoteRuns(folder, clock=SystemClock())
    async with serving(folder):
        assert await runs.read_log(NAME, 0, 4) == b"one\n"
        assert await runs.read_log(NAME, 4, 100) == b"two\n"
        assert await runs.read_log(NAME, 8, 100) == b""
        assert await runs.read_log("another", 0, 100) is None
    await runs.aclose()


async def test_only_its_user_may_use_the_socket(folder: Path) -> None:
    async with serving(folder):
        assert stat.S_IMODE((folder / SOCKET).stat().st_mode) == 0o600


async def test_reasons_for_waiting_come_and_go_with_the_process_that_knows_them(folder: Path) -> None:
    clock = VirtualClock()
    runs = RemoteRuns(folder, clock=clock)
    following = asyncio.create_task(runs.follow())

    async def become(reasons: Mapping[str, str]) -> None:
        while runs.waiting_reasons() != reasons:
            await clock.sleep(0.02)  # of virtual time: it asks by its own clock, and nobody tells it

    async with serving(folder):
        await become({"waits": "1 of 1 runs"})
    await become({})
    async with serving(folder):
        await become({"waits": "1 of 1 runs"})
    following.cancel()
    await runs.aclose()


async def test_without_the_process_there_are_no_logs_and_nothing_is_cleaned(folder: Path) -> None:
    runs, leftovers = RemoteRuns(folder, clock=SystemClock()), RemoteLeftovers(folder)
    assert await runs.read_log(NAME, 0, 10) is None
    with pytest.raises(Retry, match="no prow-controller-manager runs jobs"):
        await leftovers.all()
    await asyncio.gather(runs.aclose(), leftovers.aclose())


async def test_what_runs_left_is_listed_and_removed(folder: Path) -> None:
    for build in ("1", "2"):
        (folder / "engine" / "jobs" / "unit" / build / "tools").mkdir(parents=True)
    leftovers = RemoteLeftovers(folder)
    async with serving(folder):
        first, second = await leftovers.all()
        await leftovers.remove(first)
        assert [(run.name, run.build_id) for run in await leftovers.all()] == [("unit", "2")]
    await leftovers.aclose()
    assert second.build_id == "2"
    assert not (folder / "engine" / "jobs" / "unit" / "1").exists()
