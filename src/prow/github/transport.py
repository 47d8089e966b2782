"""The one way to GitHub: `Transport.request(call)`.

In this order a call meets: the dry run (writes are logged, not sent), reads in flight that it can join, limits that GitHub
told us of, our own pacing, a place in flight, the ETag cache, the connection, and the judgement of `rules`, which may send it
round again. The rules of repeating:

* a read, and a write whose repetition changes nothing, is repeated after 5xx and dropped connections;
* a write that must not happen twice (`Call.once`) is repeated only when GitHub cannot have got it; else `MaybeDone`
  is raised and the caller looks at GitHub first;
* waits beyond the caller's patience are not sat through: `RateLimited` or `ServerBroken` say when to come back.

Reads are merged only until the next write of this client that may change what they tell (`rules.outdates`), so nobody joins a read
that may be older than his own write.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import httpx2
import msgspec

from prow.github.cache import Cache, Kept, Key, MemoryCache, keepable
from prow.github.call import GRAPHQL, Answer, Call, Cost, local_path
from prow.github.errors import AnswerTooLarge, BadCredentials
from prow.github.flights import Flights
from prow.github.limiter import Limiter, Limits, Paces, Reason, Wait
from prow.github.meter import Meter
from prow.github.rules import (
    PATIENCE,
    Again,
    GiveUp,
    Limited,
    Options,
    Take,
    Verdict,
    judge,
    judge_dropped,
    outdates,
    unreadable,
)
from prow.github.tokens import Credential, Tokens, identity_of
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import RateLimited, UsageError
from prow.lib.http_client import http_client
from prow.lib.open_work import in_thread
from prow.model.forge import User

_log = logs.get("github")

API_VERSION = "2022-11-28"
BUDGET_HEADER = "X-PROW-GHCACHE-TOKEN-BUDGET-IDENTIFIER"
EXPIRES_HEADER = "X-PROW-TOKEN-EXPIRES-AT"
"""What ghproxies, ours and the original, are told of a GitHub App's token."""
_MAX_REDIRECTS = 3
_SHOWN = 2000
_LONG_TO_CHECK = 1 << 20
"""Bytes of JSON that are checked in a thread, since it takes milliseconds."""
_FREE_MODES = frozenset({"COALESCED", "REVALIDATED", "ERROR"})
_NEVER_SENT: Final = (
    httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError, httpx2.UnsupportedProtocol
)  # fmt: skip
_SECRET = re.compile(rb'("secret":\s*)"(?:[^"\\]|\\.)*"')
"""A hook's secret, also one that was just made up."""
_WHY: dict[Reason, str] = {
    "told": "GitHub's limit is reached",
    "budget": "what is left of GitHub's budget is kept for more urgent calls",
    "content": "as much as GitHub allows was written",
    "points": "as much as GitHub allows was asked in this minute",
    "time": "as much of GitHub's time as it allows was used",
    "throttle": "this component's own limit (--github-hourly-tokens) is reached",
}
_UNKNOWN_FOR = timedelta(seconds=10)
"""How long nothing is asked with a token that GitHub did not know: it locks out whoever tries too often."""
_LONG = frozenset({"told", "budget"})
"""Waits that may take an hour: whoever calls is told when to come back."""
_REDIRECTS = frozenset({301, 302, 307, 308})
_ENTERPRISE = "/api/v3"
_MOVED = re.compile(r"(?:/api/v3)?/(?:repositories|repos|organizations|orgs|user|users)/", re.ASCII)
"""Where GitHub sends whoever asks for a repository or an account by its old name."""


class _Dropped(Exception):
    def __init__(self, reason: str, *, sent: bool, timeout: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.timeout = timeout


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
        paces: Paces | None = None,
        cache: Cache | None = None,
        http: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.clock = self._clock = clock
        self.known_user: User | None = None
        self.long_lists: set[str] = set()
        self.unsure_statuses: set[tuple[str, str, str, str]] = set()
        self._tokens = tokens
        self.app = tokens.app
        self.endpoints = tuple(Endpoint(url) for url in endpoints)
        if not self.endpoints:
            raise UsageError("no GitHub endpoint is given")
        self.prefixes = (*{each.prefix for each in self.endpoints}, _ENTERPRISE)
        self._graphql = (Endpoint(graphql_endpoint),)
        self._component = component
        self._version = version
        self.dry_run = dry_run
        self._options = options or Options()
        self._limits = limits or Limits()
        self._limiter = Limiter(clock, self._limits, paces)
        self._cache = cache or MemoryCache()
        self._http_transport = http
        self._http: httpx2.AsyncClient | None = None
        self._flights: Flights[Key, Answer] = Flights("github-read")
        self._unknown: dict[str, datetime] = {}
        self._blocked: dict[tuple[str, str], datetime] = {}
        self.meter = Meter(component, clock)

    @property
    def paces(self) -> Paces:
        """The books of the identities that this client is."""
        return self._limiter.paces

    async def introduce(self, user: User, path: str) -> None:
        """Who `path` says that we are."""
        self.known_user = user
        credential = await self._tokens.credential("", path)
        self.meter.known(credential.token_hash, login=user.login, email=user.email or "")

    async def aclose(self) -> None:
        """End what is in flight and close the connections."""
        await self._flights.aclose()
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
            _log.info(
                "Dry run: a write to GitHub is left out.",
                method=call.method,
                path=call.path,
                caller=call.caller,
                body=_shown(call.body or b""),
            )
            self.meter.saved(call.caller, "dry-run")
            return Answer(204, suppressed=True)
        try:
            return await self._attempts(call)
        finally:
            self._flights.leave(lambda key: outdates(call, key.url))

    async def _merged(self, call: Call) -> Answer:
        credential = await self._tokens.credential(call.org, call.path)
        key = Key(credential.identity, call.path, call.accept)
        answer, joined = await self._flights.join(key, lambda: self._attempts(call), rank=call.cost)
        if joined:
            self.meter.coalesced(call)
        return answer

    async def _attempts(self, call: Call) -> Answer:
        options = self._options
        patience = _Patience(call, self._clock)
        endpoints = self._graphql if call.template == GRAPHQL else self.endpoints
        endpoint = attempt = 0
        renewed = False
        while True:
            credential = await self._tokens.credential(call.org, call.path)
            if self._unknown and self._unknown.get(credential.token, self._clock.now()) > self._clock.now():
                if renewed or not await self._tokens.renew(credential, call.org):
                    raise BadCredentials(f"{call.what}: not asked, since GitHub did not know the token a moment ago")
                renewed = True
                continue
            identity = credential.identity
            await self._admitted(call, identity, patience)
            verdict: Verdict
            try:
                async with self._limiter.pace(identity).under_way(call):
                    answer = await self._send(call, endpoints[endpoint], credential)
            except _Dropped as dropped:
                waited = options.request_timeout if dropped.timeout else 0.0
                self.meter.unanswered(call, credential.token_hash, waited=waited)
                verdict = judge_dropped(call, dropped.reason, sent=dropped.sent, attempt=attempt, options=options)
                endpoint = (endpoint + 1) % len(endpoints)
                if endpoint and not dropped.sent:  # nobody was there: no reason to wait before another address is tried
                    self._limiter.refund(call)
                    continue
            else:
                if answer.free:
                    self._limiter.refund(call)
                if answer.status == 401 and not renewed:
                    renewed = True
                    if await self._tokens.renew(credential, call.org):
                        continue
                verdict = judge(call, answer, now=self._clock.now(), attempt=attempt, options=options)
            match verdict:
                case Take():
                    return answer
                case GiveUp(error):
                    if isinstance(error, BadCredentials):
                        self._unknown = {credential.token: self._clock.now() + _UNKNOWN_FOR}
                    raise error
                case Limited(until, secondary):
                    self._block(identity, "" if secondary else call.resource, until)
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
        key = Key(identity, call.path, call.accept)
        while True:
            rank = self._flights.rank(key, call.cost)
            if rank != call.cost:
                call = msgspec.structs.replace(call, cost=Cost(rank))
            now = self._clock.now()
            until = max(self._blocked.get((identity, call.resource), now), self._limiter.pace(identity).told)
            wait = Wait((until - now).total_seconds(), "told")
            if wait.seconds <= 0:
                wait = self._limiter.reserve(call, identity)
                if wait.seconds <= 0:
                    return
                until = now + timedelta(seconds=wait.seconds)
            too_long = wait.reason in _LONG and wait.seconds > self._options.backoff_timeout
            if too_long or not patience.allows(wait.seconds):
                raise self._limited(call, until, wait.reason)
            with self._limiter.pace(identity).holding(call, wait), self._flights.held(key):
                await patience.sleep(wait.seconds)

    def _block(self, identity: str, resource: str, until: datetime) -> None:
        """`resource`: the budget that is spent; empty: it is too much at once, whatever is asked."""
        if not resource:
            news = self._limiter.pace(identity).tell(until)
        else:
            news = until > self._blocked.get((identity, resource), self._clock.now())
            if news:
                self._blocked[identity, resource] = until
        if news:
            _log.warning(
                "GitHub's limit is reached; nothing is asked until it is over.", until=until, budget=resource or "any"
            )

    @staticmethod
    def _limited(call: Call, until: datetime, reason: Reason = "told") -> RateLimited:
        return RateLimited(f"{call.what}: {_WHY[reason]} until {until:%H:%M:%S} UTC", until=until)

    async def _send(self, call: Call, endpoint: Endpoint, credential: Credential) -> Answer:
        """One attempt, redirects followed. Raises _Dropped."""
        path = call.path
        for _ in range(_MAX_REDIRECTS + 1):
            answer = await self._exchange(call, endpoint, path, credential)
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

    async def _exchange(self, call: Call, endpoint: Endpoint, path: str, credential: Credential) -> Answer:
        identity = credential.identity
        key = Key(identity, endpoint.url + path, call.accept)
        kept = await self._cache.get(key) if call.method == "GET" else None
        headers = self._headers(call, credential, kept)
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
        check = (call, status, received.get("content-type", ""), body)
        trouble = unreadable(*check) if len(body) < _LONG_TO_CHECK else await in_thread(unreadable, *check)
        fresh = Answer(status, body, received, trouble=trouble)
        answer = await self._understood(call, key, kept, fresh, credential)
        seconds = self._clock.monotonic() - started
        self.meter.answered(call, credential.token_hash, status=status, free=answer.free, seconds=seconds)
        self.meter.budget(call, credential.token_hash, headers=received)
        self._limiter.pace(identity).answered(call, answer, seconds)
        return answer

    async def _understood(
        self, call: Call, key: Key, kept: Kept | None, answer: Answer, credential: Credential
    ) -> Answer:
        """Put a 304's body in its place; keep a new 200."""
        free = answer.headers.get("x-cache-mode", "") in _FREE_MODES
        if call.method != "GET":
            return msgspec.structs.replace(answer, free=free)
        if answer.status == 304 and kept is not None:
            self.meter.cached(call, "revalidated")
            return Answer(200, kept.body, kept.revalidated(answer.headers), free=True)
        if answer.status == 200:
            self.meter.cached(call, "miss" if kept is None else "changed")
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
        if call.caller and call.caller != self._component:
            headers["User-Agent"] = f"{self._component}.{call.caller}/{self._version}"
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
                    raise AnswerTooLarge(
                        f"{call.what}: GitHub's answer has more than {self._options.largest_answer} bytes"
                    )
            received = {name.lower(): value for name, value in response.headers.items()}
            return response.status_code, received, bytes(body)

    @property
    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            connections = self._limits.in_flight
            self._http = http_client(
                trust_env=True,
                transport=self._http_transport,
                headers={"User-Agent": f"{self._component}/{self._version}"},
                timeout=None,  # the Clock's deadline stands around every exchange
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


def _shown(body: bytes) -> str:
    """For a person, without secrets."""
    text = _SECRET.sub(rb'\1"XXX"', body).decode("utf-8", "replace")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text) - _SHOWN} more characters)"
