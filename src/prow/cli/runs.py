"""How a deck in a process of its own sees jobs that run: what prow-controller-manager alone knows, over a socket beside the job store.

Growing logs and the reasons why jobs wait are in the memory and the folders of the process that runs the jobs. It serves them on a Unix
socket of mode 0600, so that whoever may write the job store may read them and nobody else: no port, no flag, out of sight of jobs.
Logs are censored before they leave. Without the socket a log is shown when the job is over.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote

import httpx2
import msgspec

from prow.deck.logs import LiveLogs
from prow.deck.ports import Waiting
from prow.lib import http
from prow.lib.clock import Clock

SOCKET = "runs.sock"
_LONGEST_ADDRESS = 100
_LARGEST_PIECE = 1 << 20
_PATIENCE = 5.0
_POLL = 1.0


class ServesRuns:
    """`app`: `/log/NAME?offset=&limit=` and `/waiting`."""

    def __init__(self, live: LiveLogs, waiting: Waiting) -> None:
        self._live = live
        self._waiting = waiting

    async def app(self, scope: http.Scope, _: http.Receive, send: http.Send) -> None:
        if scope["type"] != "http":
            return
        status, body = await self._answer(scope["path"], scope["query_string"].decode("ascii", "replace"))
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, path: str, query: str) -> tuple[int, bytes]:
        if path == "/waiting":
            return 200, msgspec.json.encode(dict(self._waiting.waiting_reasons()))
        _, log, name = path.partition("/log/")
        if not log:
            return 404, b""
        given = parse_qs(query)
        offset, limit = (_number(given.get(key, [""])[0]) for key in ("offset", "limit"))
        data = await self._live.read_log(unquote(name), offset, min(limit, _LARGEST_PIECE))
        return (404, b"") if data is None else (200, data)


class RemoteRuns:
    """deck's `LiveLogs` and `Waiting` when the jobs run in another process. Call `run()` as a task, and close it."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        """`folder`: where the job store is."""
        self._clock = clock
        transport = httpx2.AsyncHTTPTransport(uds=socket_address(folder))
        self._http = httpx2.AsyncClient(transport=transport, base_url="http://runs", timeout=_PATIENCE)
        self._reasons: Mapping[str, str] = {}

    async def aclose(self) -> None:
        await self._http.aclose()

    def waiting_reasons(self) -> Mapping[str, str]:
        return self._reasons

    async def read_log(self, name: str, offset: int, limit: int) -> bytes | None:
        return await self._get(f"/log/{quote(name, safe='')}?offset={offset}&limit={limit}")

    async def run(self) -> None:
        """Keep the reasons current, for ever; nobody to ask means no reasons."""
        while True:
            answer = await self._get("/waiting")
            self._reasons = msgspec.json.decode(answer, type=dict[str, str]) if answer is not None else {}
            await self._clock.sleep(_POLL)

    async def _get(self, path: str) -> bytes | None:
        """None: there is nothing, or nobody to ask."""
        try:
            answer = await self._http.get(path)
        except httpx2.HTTPError:
            return None
        return answer.content if answer.status_code == 200 else None


def socket_address(folder: Path) -> str:
    """The socket's address. An address is short: one that would be too long is given by way of an open folder."""
    path = str(folder / SOCKET)
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        return path
    return f"/proc/self/fd/{os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)}/{SOCKET}"


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else 0
