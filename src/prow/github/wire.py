"""The wire to GitHub: one attempt of a call, and its answer as GitHub means it.

It adds the headers, asks with what the ETag cache has, follows GitHub to the new names of what was renamed, and bounds the answer in
size and time. Whether and how often a call is attempted is up to `transport`.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

import httpx2
import msgspec

from prow.github.cache import Cache, Kept, Key, keepable
from prow.github.call import Answer, Call, local_path
from prow.github.endpoints import Endpoint
from prow.github.errors import AnswerTooLarge
from prow.github.limiter import Pace
from prow.github.meter import Meter
from prow.github.rules import Options, unreadable
from prow.github.tokens import Credential, identity_of
from prow.lib.clock import Clock
from prow.lib.http_client import http_client
from prow.lib.open_work import in_thread

API_VERSION = "2022-11-28"
BUDGET_HEADER = "X-PROW-GHCACHE-TOKEN-BUDGET-IDENTIFIER"
EXPIRES_HEADER = "X-PROW-TOKEN-EXPIRES-AT"
"""What ghproxies, ours and the original, are told of a GitHub App's token."""
_MAX_REDIRECTS = 3
_CONNECT = 10.0
"""Seconds for a connection: an address where packets are lost should not cost as much as a slow answer."""
_LONG_TO_CHECK = 1 << 20
"""Bytes of JSON that are checked in a thread, since it takes milliseconds."""
_FREE_MODES = frozenset({"COALESCED", "REVALIDATED", "ERROR"})
_NEVER_SENT: Final = (
    httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError, httpx2.UnsupportedProtocol
)  # fmt: skip
_REDIRECTS = frozenset({301, 302, 307, 308})
_ENTERPRISE = "/api/v3"
_MOVED = re.compile(r"(?:/api/v3)?/(?:repositories|repos|organizations|orgs|user|users)/", re.ASCII)
"""Where GitHub sends whoever asks for a repository or an account by its old name."""


class Dropped(Exception):
    """No answer came. `sent`: GitHub may have got the request. `timeout`: it took too long."""

    def __init__(self, reason: str, *, sent: bool, timeout: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.timeout = timeout


class Wire:
    """Of one client. `endpoints`: all that paths may be relative to. `connections`: at once. Close it with `aclose`."""

    def __init__(
        self,
        *,
        clock: Clock,
        program: str,
        version: str,
        endpoints: Iterable[Endpoint],
        options: Options,
        connections: int,
        cache: Cache,
        meter: Meter,
        http: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.prefixes = (*{each.prefix for each in endpoints}, _ENTERPRISE)
        self._clock = clock
        self._program = program
        self._version = version
        self._options = options
        self._connections = connections
        self._cache = cache
        self._meter = meter
        self._http_transport = http
        self._http: httpx2.AsyncClient | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def send(self, call: Call, endpoint: Endpoint, credential: Credential, pace: Pace) -> Answer:
        """One attempt, redirects followed; what it took is noted in `pace`. Raises `Dropped`, `AnswerTooLarge`."""
        path = call.path
        for _ in range(_MAX_REDIRECTS + 1):
            answer = await self._exchange(call, endpoint, path, credential, pace)
            if answer.status not in _REDIRECTS or answer.status in call.ok:
                return answer
            if call.method != "GET" and answer.status not in {307, 308}:
                return answer
            path = self._followed(answer.headers.get("location", ""), endpoint)
            if not path:
                return answer
        return answer

    def _followed(self, location: str, endpoint: Endpoint) -> str:
        """The path that a redirect leads to at our endpoint, empty when it leads elsewhere. A proxy passes GitHub's own addresses on."""
        parts = urlsplit(location)
        origin = (parts.scheme, parts.netloc)
        if not location or (parts.netloc and not _MOVED.match(parts.path) and origin != endpoint.origin):
            return ""
        return local_path(location, *self.prefixes)

    async def _exchange(self, call: Call, endpoint: Endpoint, path: str, credential: Credential, pace: Pace) -> Answer:
        key = Key(credential.identity, endpoint.url + path, call.accept)
        kept = await self._cache.get(key) if call.method == "GET" else None
        headers = self._headers(call, credential, kept)
        started = self._clock.monotonic()
        try:
            with self._clock.busy():
                async with self._clock.timeout(self._options.request_timeout):
                    status, received, body = await self._over_the_wire(call, endpoint.url + path, headers)
        except _NEVER_SENT as error:
            raise Dropped(_named(error), sent=False) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ssl.SSLError, OSError) as error:
            timeout = isinstance(error, TimeoutError)
            reason = f"nothing for {self._options.request_timeout:.0f} s" if timeout else _named(error)
            raise Dropped(reason, sent=True, timeout=timeout) from error
        check = (call, status, received.get("content-type", ""), body)
        trouble = unreadable(*check) if len(body) < _LONG_TO_CHECK else await in_thread(unreadable, *check)
        fresh = Answer(status, body, received, trouble=trouble)
        answer = await self._understood(call, key, kept, fresh, credential)
        seconds = self._clock.monotonic() - started
        self._meter.answered(call, credential.token_hash, status=status, free=answer.free, seconds=seconds)
        self._meter.budget(call, credential.token_hash, headers=received)
        pace.answered(call, answer, seconds)
        return answer

    async def _understood(
        self, call: Call, key: Key, kept: Kept | None, answer: Answer, credential: Credential
    ) -> Answer:
        """Put a 304's body in its place; keep a new 200."""
        free = answer.headers.get("x-cache-mode", "") in _FREE_MODES
        if call.method != "GET":
            return msgspec.structs.replace(answer, free=free)
        if answer.status == 304 and kept is not None:
            self._meter.cached(call, "revalidated")
            return Answer(200, kept.body, kept.revalidated(answer.headers), free=True)
        if answer.status == 200:
            self._meter.cached(call, "miss" if kept is None else "changed")
            fresh = keepable(
                answer.body,
                answer.headers,
                token=identity_of(credential.token),
                now=self._clock.now().timestamp(),
                largest=self._cache.largest,
            )
            if fresh is not None and not answer.trouble:
                await self._cache.put(key, fresh)
        elif kept is not None and answer.status in {404, 410}:
            await self._cache.drop(key)
        return msgspec.structs.replace(answer, free=free)

    def _headers(self, call: Call, credential: Credential, kept: Kept | None) -> dict[str, str]:
        headers = {"Accept": call.accept, "X-GitHub-Api-Version": API_VERSION}
        if call.caller and call.caller != self._program:
            headers["User-Agent"] = f"{self._program}.{call.caller}/{self._version}"
        if credential.token:
            headers["Authorization"] = f"Bearer {credential.token}"
        if credential.budget:
            headers[BUDGET_HEADER] = credential.budget
        if credential.budget and credential.expires is not None:
            headers[EXPIRES_HEADER] = f"{credential.expires:%Y-%m-%dT%H:%M:%SZ}"
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        return headers | kept.conditions(identity_of(credential.token)) if kept is not None else headers

    async def _over_the_wire(
        self, call: Call, url: str, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        async with self._client.stream(call.method, url, headers=headers, content=call.body) as response:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > self._options.largest_answer:
                    raise self._too_large(call)
            received = {name.lower(): value for name, value in response.headers.items()}
            return response.status_code, received, bytes(body)

    def _too_large(self, call: Call) -> Exception:
        said = f"GitHub's answer has more than {self._options.largest_answer} bytes"
        harmless = call.method == "GET" or call.reads
        return AnswerTooLarge(f"{call.what}: {said}") if harmless else Dropped(said, sent=True)

    @property
    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            self._http = http_client(
                trust_env=True,
                transport=self._http_transport,
                headers={"User-Agent": f"{self._program}/{self._version}"},
                timeout=httpx2.Timeout(None, connect=_CONNECT),  # the Clock's deadline stands around every exchange
                limits=httpx2.Limits(
                    max_connections=self._connections,
                    max_keepalive_connections=self._connections,
                    keepalive_expiry=15,
                ),
            )
        return self._http


def _named(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
