"""Tide over HTTP, for a deck of its own: `--tide-url` gives the pools, `/history` below it the history, `/explain` an explanation.

The original tide answers every path it does not know with its pools: it can be shown, but it explains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import httpx2
import msgspec

from prow.lib.address import web_address
from prow.lib.clock import Clock
from prow.lib.errors import Permanent, Retry, UsageError
from prow.lib.http_client import http_client
from prow.model.explanation import Explanation

_PATIENCE = 10.0
_LARGEST = 64 << 20


class TideClient:
    """Meets `Explains` and `TidePools`. Close it with `aclose()`."""

    def __init__(self, url: str, *, clock: Clock) -> None:
        """`UsageError` when `url` is no web address."""
        if web_address(url) is None:
            raise UsageError(f"--tide-url {url}: give the address of tide, such as http://tide")
        self._url = url.rstrip("/")
        self._clock = clock
        self._http = http_client(timeout=_PATIENCE)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def pools(self) -> bytes:
        return (await self._get("/"))[1]

    async def history(self) -> bytes:
        return (await self._get("/history"))[1]

    async def explain(self, org: str, repo: str, number: int) -> Explanation | None:
        status, body = await self._get("/explain", {"org": org, "repo": repo, "pr": str(number)})
        if status == 404:
            return None
        try:
            return msgspec.json.decode(body, type=Explanation)
        except msgspec.DecodeError as error:
            raise Permanent(f"the tide at {self._url} does not explain pull requests") from error

    async def _get(self, path: str, query: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """200 or 404, and the body; anything else is `Retry`."""
        try:
            async with self._clock.timeout(_PATIENCE):
                async with self._http.stream("GET", self._url + path, params=query) as answer:
                    body = bytearray()
                    async for piece in answer.aiter_bytes():
                        body += piece
                        if len(body) > _LARGEST:
                            raise Retry(f"the answer of tide at {self._url} is too large")
        except (httpx2.HTTPError, TimeoutError) as error:
            raise Retry(f"tide at {self._url} does not answer: {error or type(error).__name__}") from error
        if answer.status_code == 200 or (answer.status_code == 404 and path == "/explain"):
            return answer.status_code, bytes(body)
        raise Retry(f"tide at {self._url} answered with status {answer.status_code}")
