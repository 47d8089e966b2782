"""A dashboard as the commands `explain` and `watch` see it: one explanation, or all of them as they change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx2
import msgspec

from prow.lib.address import web_address
from prow.lib.errors import Permanent, ProwError, Retry, UsageError
from prow.lib.http_client import http_client
from prow.model.explanation import Explanation
from prow.model.forge import PullKey

_PATIENCE = httpx2.Timeout(15.0, connect=5.0)
_BETWEEN_SIGNS = httpx2.Timeout(45.0, connect=5.0)
"""A stream gives a sign of life every 15 s."""


class _Trouble(msgspec.Struct, frozen=True):
    error: str


class DeckClient:
    """`UsageError` when `url` is no web address. Its other errors are one line for people, too."""

    def __init__(self, url: str) -> None:
        if web_address(url) is None:
            raise UsageError(f"--deck-url {url}: give the address of the dashboard, such as http://127.0.0.1:8080")
        self._url = url.rstrip("/")

    async def explanation(self, key: PullKey) -> Explanation | None:
        """None: tide does not know the pull request."""
        async with self._get(key, {}, _PATIENCE) as answer:
            await answer.aread()
            if answer.status_code == 404 and self._trouble(answer):
                return None
            self._check(answer)
            return self._decoded(answer.content)

    async def explanations(self, key: PullKey) -> AsyncIterator[Explanation | str]:
        """The explanation now and whenever it changes; a text when there is none just now. Ends when the dashboard stops."""
        async with self._get(key, {"watch": "true"}, _BETWEEN_SIGNS) as answer:
            if answer.status_code != 200:
                await answer.aread()
            self._check(answer)
            kind = ""
            try:
                async for line in answer.aiter_lines():
                    field, _, value = line.partition(": ")
                    if field == "event":
                        kind = value
                    elif field == "data" and kind == "explanation":
                        yield self._decoded(value.encode())
                    elif field == "data":
                        yield msgspec.json.decode(value, type=_Trouble).error
            except (httpx2.HTTPError, msgspec.DecodeError) as error:
                raise self._silent(error) from error

    @asynccontextmanager
    async def _get(
        self, key: PullKey, more: Mapping[str, str], timeout: httpx2.Timeout
    ) -> AsyncIterator[httpx2.Response]:
        query = {"org": key.org, "repo": key.repo, "pr": str(key.number), **more}
        async with http_client(timeout=timeout) as client:
            request = client.build_request("GET", f"{self._url}/tide-explain", params=query)
            try:
                answer = await client.send(request, stream=True)
            except httpx2.HTTPError as error:
                raise self._silent(error) from error
            try:
                yield answer
            finally:
                await answer.aclose()

    def _silent(self, error: Exception) -> ProwError:
        return Retry(
            f"the dashboard at {self._url} does not answer ({error or type(error).__name__}): is it running? "
            f"--deck-url says where it is"
        )

    def _check(self, answer: httpx2.Response) -> None:
        if answer.status_code == 200:
            return
        reason = self._trouble(answer)
        if not reason and answer.status_code == 421:
            reason = answer.text.strip()[:200]
        raise Permanent(f"the dashboard at {self._url}: {reason or f'status {answer.status_code}: it cannot explain'}")

    def _trouble(self, answer: httpx2.Response) -> str:
        try:
            return msgspec.json.decode(answer.content, type=_Trouble).error
        except msgspec.DecodeError:
            return ""

    def _decoded(self, data: bytes) -> Explanation:
        try:
            return msgspec.json.decode(data, type=Explanation)
        except msgspec.DecodeError as error:
            raise Permanent(f"{self._url} is not a dashboard that explains: {error}") from error
