"""The one way to GitHub: `Transport.request(call)`.

In this order a call meets: the dry run (writes are logged, not sent), reads in flight that it can join, limits that GitHub
told us of, our own pacing, a place in flight, the ETag cache, the connection, and the judgement of `rules`, which may send it
round again. The rules of repeating:

* a read, and a write whose repetition changes nothing, is repeated after 5xx and dropped connections;
* a write that must not happen twice (`Call.once`) is repeated only when GitHub cannot have got it; else `MaybeDone`
  is raised and the caller looks at GitHub first;
* waits beyond the caller's patience are not sat through: `RateLimited` or `ServerBroken` say when to come back.

Reads are merged only until the next write of this client, so nobody joins a read that may be older than his own write.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import httpx2

from prow.github.cache import AnswerCache, Kept, Key
from prow.github.call import GRAPHQL, Answer, Call, Cost, local_path
from prow.github.errors import AnswerTooLarge
from prow.github.limiter import Limiter, Limits
from prow.github.meter import Meter
from prow.github.rules import PATIENCE, Again, GiveUp, Limited, Options, Take, Verdict, judge, judge_dropped
from prow.github.tokens import Tokens, identity_of
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import RateLimited, UsageError
from prow.model.forge import User

_log = logs.get("github")

API_VERSION = "2022-11-28"
MAX_ANSWER = 32 << 20
_MAX_REDIRECTS = 3
_FREE_MODES = frozenset({"COALESCED", "REVALIDATED", "ERROR"})
_NEVER_SENT: Final = (
    httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError, httpx2.UnsupportedProtocol
)  # fmt: skip
_EVERYTHING = "*"
_REDIRECTS = frozenset({301, 302, 307, 308})


class _Dropped(Exception):
    def __init__(self, reason: str, *, sent: bool, timeout: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.timeout = timeout


class _Flight:
    """A read under way, and how many wait for it."""

    def __init__(self, cost: Cost, task: asyncio.Task[Answer]) -> None:
        self.cost = cost
        self.task = task
        self.waiting = 0


class Endpoint:
    """A base address. `prefix`: its path, e.g. `/api/v3` of GitHub Enterprise."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UsageError(f"{url!r} is not an address of a GitHub API: give something like https://api.github.com")
        self.url = url.rstrip("/")
        self.prefix = parts.path.rstrip("/")
        self.origin = (parts.scheme, parts.netloc)


class Transport:
    """Shared by every view of one client. Close it with `aclose()`."""

    def __init__(
        self,
        *,
        clock: Clock,
        tokens: Tokens,
        component: str,
        version: str,
        endpoints: Sequence[str] = ("https://api.github.com",),
        graphql_endpoint: str = "https://api.github.com/graphql",
        dry_run: bool = False,
        options: Options | None = None,
        limits: Limits | None = None,
        cache: AnswerCache | None = None,
        http: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.clock = self._clock = clock
        self.known_user: User | None = None
        self._tokens = tokens
        self.endpoints = tuple(Endpoint(url) for url in endpoints)
        if not self.endpoints:
            raise UsageError("no GitHub endpoint is given")
        self._graphql = (Endpoint(graphql_endpoint),)
        self._component = component
        self._version = version
        self.dry_run = dry_run
        self._options = options or Options()
        self._limits = limits or Limits()
        self._limiter = Limiter(clock, self._limits)
        self._cache = cache or AnswerCache()
        self._http_transport = http
        self._http: httpx2.AsyncClient | None = None
        self._flights: dict[Key, _Flight] = {}
        self._tasks: set[asyncio.Task[Answer]] = set()
        self._blocked: dict[tuple[str, str], datetime] = {}
        self.meter = Meter(f"{component}/{version}")

    async def aclose(self) -> None:
        """End what is in flight and close the connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def request(self, call: Call) -> Answer:
        """Ask GitHub. Raises the errors of `github.errors`, `RateLimited`, `Denied`."""
        if call.method == "GET":
            return await self._merged(call)
        if call.reads:
            return await self._attempts(call)
        if self.dry_run:
            _log.info("Dry run: a write to GitHub is left out.", method=call.method, path=call.path, caller=call.caller)
            return Answer(204, suppressed=True)
        try:
            return await self._attempts(call)
        finally:
            self._flights.clear()

    async def _merged(self, call: Call) -> Answer:
        key = (identity_of(await self._tokens.token(call.org)), call.accept, call.path)
        flight = self._flights.get(key)
        if flight is not None and flight.cost <= call.cost:
            self.meter.coalesced()
        else:
            task = asyncio.create_task(self._attempts(call), name=f"github-{call.template}")
            self._tasks.add(task)
            flight = self._flights[key] = _Flight(call.cost, task)
            task.add_done_callback(lambda done, flight=flight: self._landed(key, flight, done))  # type: ignore[misc]
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if not flight.waiting and not flight.task.done():
                flight.task.cancel()
                self._forget(key, flight)

    def _landed(self, key: Key, flight: _Flight, task: asyncio.Task[Answer]) -> None:
        self._tasks.discard(task)
        self._forget(key, flight)
        if not task.cancelled():
            task.exception()

    def _forget(self, key: Key, flight: _Flight) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def _attempts(self, call: Call) -> Answer:
        options = self._options
        patience = _Patience(call, self._clock)
        endpoints = self._graphql if call.template == GRAPHQL else self.endpoints
        endpoint = attempt = 0
        while True:
            token = await self._tokens.token(call.org)
            identity = identity_of(token)
            await self._admitted(call, identity, patience)
            verdict: Verdict
            try:
                async with self._limiter.slot(call.cost):
                    answer = await self._send(call, endpoints[endpoint], token, identity)
            except _Dropped as dropped:
                self.meter.unanswered(call, identity=identity, timeout=dropped.timeout)
                verdict = judge_dropped(call, dropped.reason, sent=dropped.sent, attempt=attempt, options=options)
                endpoint = (endpoint + 1) % len(endpoints)
            else:
                if answer.free:
                    self._limiter.refund()
                verdict = judge(call, answer, now=self._clock.now(), attempt=attempt, options=options)
            match verdict:
                case Take():
                    return answer
                case GiveUp(error):
                    raise error
                case Limited(until, secondary):
                    self._block(identity, _EVERYTHING if secondary else call.resource, until)
                    if attempt + 1 >= options.max_retries:
                        raise self._limited(call, until)
                case Again(wait, instead):
                    if attempt + 1 >= options.max_retries or not patience.allows(wait):
                        raise instead
                    _log.debug("GitHub is asked again.", wait=wait, reason=str(instead), caller=call.caller)
                    await patience.sleep(wait)
            attempt += 1

    async def _admitted(self, call: Call, identity: str, patience: _Patience) -> None:
        """Wait for the limits that GitHub told us of, then for our own pacing."""
        while True:
            now = self._clock.now()
            until = max(self._blocked.get((identity, name), now) for name in (call.resource, _EVERYTHING))
            wait = (until - now).total_seconds()
            if wait <= 0:
                wait = self._limiter.reserve(call)
                if wait <= 0:
                    return
                until = now + timedelta(seconds=wait)
            elif wait > self._options.backoff_timeout:
                raise self._limited(call, until)
            if not patience.allows(wait):
                raise self._limited(call, until)
            await patience.sleep(wait)

    def _block(self, identity: str, resource: str, until: datetime) -> None:
        key = (identity, resource)
        if until > self._blocked.get(key, self._clock.now()):
            self._blocked[key] = until
            _log.warning("GitHub's limit is reached; nothing is asked until it is over.", until=until, budget=resource)

    @staticmethod
    def _limited(call: Call, until: datetime) -> RateLimited:
        return RateLimited(f"{call.what}: GitHub's limit is reached until {until:%H:%M:%S} UTC", until=until)

    async def _send(self, call: Call, endpoint: Endpoint, token: str, identity: str) -> Answer:
        """One attempt, redirects followed. Raises _Dropped."""
        path = call.path
        for _ in range(_MAX_REDIRECTS + 1):
            answer = await self._exchange(call, endpoint, path, token, identity)
            if answer.status not in _REDIRECTS or answer.status in call.ok:
                return answer
            if call.method != "GET" and answer.status not in {307, 308}:
                return answer
            location = answer.headers.get("location", "")
            parts = urlsplit(location)
            if not location or (parts.netloc and (parts.scheme, parts.netloc) != endpoint.origin):
                return answer
            path = local_path(location, endpoint.prefix)
        return answer

    async def _exchange(self, call: Call, endpoint: Endpoint, path: str, token: str, identity: str) -> Answer:
        key = (identity, call.accept, path)
        kept = self._cache.get(key) if call.method == "GET" else None
        headers = self._headers(call, token, kept)
        started = self._clock.monotonic()
        try:
            with self._clock.busy():
                async with self._clock.timeout(self._options.request_timeout):
                    status, received, body = await self._over_the_wire(call, endpoint.url + path, headers)
        except _NEVER_SENT as error:
            raise _Dropped(_named(error), sent=False) from error
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, ssl.SSLError, OSError) as error:
            timeout = isinstance(error, TimeoutError)
            reason = f"nothing for {self._options.request_timeout:.0f} s" if timeout else _named(error)
            raise _Dropped(reason, sent=True, timeout=timeout) from error
        answer = self._understood(call, key, kept, Answer(status, body, received))
        self.meter.answered(
            call,
            identity=identity,
            status=status,
            free=answer.free,
            seconds=self._clock.monotonic() - started,
        )
        self.meter.budget(call, identity=identity, headers=received, now=self._clock.now())
        return answer

    def _understood(self, call: Call, key: Key, kept: Kept | None, answer: Answer) -> Answer:
        """Put a 304's body in its place; keep a new 200."""
        free = answer.headers.get("x-cache-mode", "") in _FREE_MODES
        if call.method != "GET":
            return Answer(answer.status, answer.body, answer.headers, free=free)
        if answer.status == 304 and kept is not None:
            self.meter.cached("revalidated")
            return Answer(200, kept.body, {**kept.headers, **answer.headers}, free=True)
        if answer.status == 200:
            self.meter.cached("miss" if kept is None else "changed")
            self._cache.put(key, answer.body, answer.headers)
        elif answer.status in {404, 410, 401, 403}:
            self._cache.drop(key)
        return Answer(answer.status, answer.body, answer.headers, free=free)

    def _headers(self, call: Call, token: str, kept: Kept | None) -> dict[str, str]:
        headers = {"Accept": call.accept, "X-GitHub-Api-Version": API_VERSION}
        if call.caller and call.caller != self._component:
            headers["User-Agent"] = f"{self._component}.{call.caller}/{self._version}"
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        return headers | kept.conditions() if kept is not None else headers

    async def _over_the_wire(
        self, call: Call, url: str, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str], bytes]:
        async with self._client.stream(call.method, url, headers=headers, content=call.body) as response:
            body = bytearray()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > MAX_ANSWER:
                    raise AnswerTooLarge(f"{call.what}: GitHub's answer is larger than {MAX_ANSWER >> 20} MiB")
            received = {name.lower(): value for name, value in response.headers.items()}
            return response.status_code, received, bytes(body)

    @property
    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            connections = self._limits.in_flight
            self._http = httpx2.AsyncClient(
                transport=self._http_transport,
                headers={"User-Agent": f"{self._component}/{self._version}"},
                timeout=None,  # the Clock's deadline stands around every exchange
                follow_redirects=False,
                limits=httpx2.Limits(
                    max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=15
                ),
            )
        return self._http


class _Patience:
    """How long one call may still wait."""

    def __init__(self, call: Call, clock: Clock) -> None:
        self._left = PATIENCE[call.cost] if call.patience is None else call.patience
        self._clock = clock

    def allows(self, seconds: float) -> bool:
        return self._left is None or seconds <= self._left

    async def sleep(self, seconds: float) -> None:
        if self._left is not None:
            self._left -= seconds
        await self._clock.sleep(seconds)


def _named(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
