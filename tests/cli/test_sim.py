"""`prow sim github` as people start it."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from prow.cli.main import main
from prow.lib.http_client import http_client

SEED = "users: [{login: bot, token: ghp_bot}]\norgs: [{login: acme}]\nrepos: [{name: acme/rockets, files: {a: text}, issues: [{title: T, author: bot}]}]\n"
COMMENTS = "/repos/acme/rockets/issues/1/comments"


@asynccontextmanager
async def simulator(folder: Path, how: signal.Signals) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of a process that ends by that signal; it must not complain."""
    flags = ("--listen=127.0.0.1:0", f"--seed={folder / 'world.yaml'}", f"--state={folder / 'state'}")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "prow",
        "sim",
        "github",
        *flags,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    found = re.search(r"http://[0-9.:]+", (await process.stdout.readline()).decode())
    assert found is not None
    headers = {"Authorization": "token ghp_bot"}
    async with http_client(found[0], headers=headers) as client:
        yield client
    process.send_signal(how)
    _, errors = await process.communicate()
    assert errors == b""
    assert process.returncode == (-signal.SIGKILL if how is signal.SIGKILL else 0)


async def hang_up(port: int) -> None:
    """A program that goes away in the middle of what it says; the simulator does not complain."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST {COMMENTS} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def test_a_killed_simulator_has_everything_that_it_answered(tmp_path: Path) -> None:
    (tmp_path / "world.yaml").write_text(SEED)
    async with simulator(tmp_path, signal.SIGKILL) as bot:
        await hang_up(bot.base_url.port or 0)
        made = await bot.post(COMMENTS, json={"body": "Kept?"})
        assert made.status_code == 201
    async with simulator(tmp_path, signal.SIGTERM) as bot:
        assert [comment["body"] for comment in (await bot.get(COMMENTS)).json()] == ["Kept?"]


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--seed=/nonexistent/w.yaml"], "--seed /nonexistent/w.yaml: No such file"),
        (["--listen=nowhere"], "give an address such as"),
        (["--tls-cert=/x"], "--tls-cert and --tls-key go together"),
        (["--tls-cert=/x", "--tls-key=/y"], "--tls-cert /x, --tls-key /y: No such file"),
        ([f"--tls-cert={__file__}", f"--tls-key={__file__}"], "the one has to be a certificate, the other its key"),
        (["--listen=127.0.0.1:99999"], "give one from 0 to 65535"),
        ([f"--state={__file__}"], f"--state {__file__}: File exists; a folder is needed there"),
        ([f"--seed={__file__}"], f"{__file__}:"),
        ([f"--faults={__file__}"], f"{__file__}:"),
        (["--user=a b"], "--user: 'a b' cannot be a name"),
        (["--repo=a b/c"], "--repo a b/c: 'a b' cannot be a name"),
        (["--repo=rockets"], 'is not of the form "org/repo"'),
        (["--faults=/nonexistent/f.yaml"], "--faults /nonexistent/f.yaml: No such file"),
    ],
)
def test_flags_that_cannot_work_are_one_line(flags: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["sim", "github", "--listen=127.0.0.1:0", *flags])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
