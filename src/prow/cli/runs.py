"""How deck and sinker in processes of their own see jobs that run: what the process that runs them alone knows, over a socket.

Growing logs, the reasons why jobs wait, and what runs left on disk are in the memory and the folders of prow-controller-manager. It serves
them on a Unix socket of mode 0600 beside the job store, so that whoever may write the job store may use it and nobody else: no port,
no flag, out of sight of jobs. Logs are censored before they leave. Without the socket a log is shown when the job is over.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote

import httpx2
import msgspec

from prow.deck.logs import LiveLogs
from prow.deck.ports import Waiting
from prow.engines.local.leftovers import Kept, Leftovers
from prow.lib import http, open_work
from prow.lib.clock import Clock
from prow.lib.errors import ProwError, Retry
from prow.lib.http_client import http_client

SOCKET = "runs.sock"
_LONGEST_ADDRESS = 100
_LARGEST_PIECE = 1 << 20
_PATIENCE = 5.0
_POLL = 1.0


class ServesRuns:
    """`app`: `/log/NAME?offset=&limit=`, `/waiting`, `/runs`, and DELETE of `/runs/NAME/BUILD`."""

    def __init__(self, live: LiveLogs, waiting: Waiting, leftovers: Leftovers) -> None:
        self._live = live
        self._waiting = waiting
        self._leftovers = leftovers

    async def app(self, scope: http.Scope, _: http.Receive, send: http.Send) -> None:
        if scope["type"] != "http":
            return
        query = parse_qs(scope["query_string"].decode("ascii", "replace"))
        try:
            status, body = await self._answer(scope["method"], scope["raw_path"].decode("ascii", "replace"), query)
        except (ProwError, OSError) as error:
            status, body = 503, str(error).encode()
        length = (b"content-length", str(len(body)).encode())
        await send({"type": "http.response.start", "status": status, "headers": [length]})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, method: str, path: str, query: Mapping[str, list[str]]) -> tuple[int, bytes]:
        match method, [unquote(part) for part in path.partition("?")[0].split("/")[1:]]:
            case "GET", ["waiting"]:
                return 200, msgspec.json.encode(dict(self._waiting.waiting_reasons()))
            case "GET", ["log", name]:
                offset, limit = (_number(query.get(key, [""])[0]) for key in ("offset", "limit"))
                data = await self._live.read_log(name, offset, min(limit, _LARGEST_PIECE))
                return (404, b"") if data is None else (200, data)
            case "GET", ["runs"]:
                return 200, msgspec.json.encode(await self._leftovers.all())
            case "DELETE", ["runs", name, build_id]:
                for run in await self._leftovers.all():
                    if (run.name, run.build_id) == (name, build_id):
                        await self._leftovers.remove(run)
                return 200, b""
            case _:
                return 404, b""


class _Client:
    """What the process that runs jobs answers. `folder`: where the job store is."""

    def __init__(self, folder: Path) -> None:
        transport = httpx2.AsyncHTTPTransport(uds=socket_address(folder))
        self._http = http_client("http://runs", transport=transport, timeout=_PATIENCE)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _ask(self, path: str, method: str = "GET") -> bytes:
        """Raises `Retry`."""
        try:
            with open_work.counted():
                answer = await self._http.request(method, path)
        except httpx2.HTTPError as error:
            raise Retry("no prow-controller-manager runs jobs of this job store now") from error
        if answer.status_code != 200:
            raise Retry(f"prow-controller-manager answered {answer.status_code}: {answer.text[:200]}")
        return answer.content


class RemoteRuns(_Client):
    """deck's `LiveLogs` and `Waiting`. Call `follow()` as a task, and close it."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        super().__init__(folder)
        self._clock = clock
        self._reasons: Mapping[str, str] = {}

    def waiting_reasons(self) -> Mapping[str, str]:
        return self._reasons

    async def read_log(self, name: str, offset: int, limit: int) -> bytes | None:
        try:
            return await self._ask(f"/log/{quote(name, safe='')}?offset={offset}&limit={limit}")
        except Retry:
            return None

    async def follow(self) -> None:
        """Keep the reasons current, for ever; nobody to ask means no reasons."""
        while True:
            try:
                self._reasons = msgspec.json.decode(await self._ask("/waiting"), type=dict[str, str])
            except Retry:
                self._reasons = {}
            await self._clock.sleep(_POLL)


class RemoteLeftovers(_Client):
    """sinker's `Runs`. Close it."""

    async def all(self) -> Sequence[Kept]:
        return msgspec.json.decode(await self._ask("/runs"), type=list[Kept])

    async def remove(self, run: Kept) -> None:
        await self._ask(f"/runs/{quote(run.name, safe='')}/{quote(run.build_id, safe='')}", "DELETE")


def socket_address(folder: Path) -> str:
    """The socket's address. An address is short: one that would be too long is given by way of an open folder."""
    path = str(folder / SOCKET)
    if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
        return path
    return f"/proc/self/fd/{os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)}/{SOCKET}"


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else 0
