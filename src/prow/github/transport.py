"""The one way to GitHub: `Transport.request(call)`.

In this order a call meets: the dry run (writes are logged, not sent), reads in flight that it can join, limits that GitHub
told us of, our own pacing, a place in flight, the `wire` with its ETag cache, and the judgement of `rules`, which may send it round
again. The rules of repeating:

* a read, and a write whose repetition changes nothing, is repeated after 5xx and dropped connections;
* a write that must not happen twice (`Call.once`) is repeated only when GitHub cannot have got it; else `MaybeDone`
  is raised and the caller looks at GitHub first;
* waits beyond the caller's patience are not sat through: `RateLimited` or `ServerBroken` say when to come back.

Reads are merged only until the next write of this client that may change what they tell (`rules.outdates`), so nobody joins a read
that may be older than his own write.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpx2
import msgspec

from prow.github.cache import Cache, Key, MemoryCache
from prow.github.call import GRAPHQL, Answer, Call, Cost
from prow.github.endpoints import Endpoint, Endpoints
from prow.github.errors import BadCredentials, ServerBroken
from prow.github.flights import Flights
from prow.github.limiter import Limiter, Limits, Paces, Reason, Wait, news
from prow.github.meter import Meter
from prow.github.rules import PATIENCE, Again, GiveUp, Limited, Options, Take, Verdict, judge, judge_dropped, outdates
from prow.github.tokens import Credential, Tokens
from prow.github.wire import Dropped, Wire
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import RateLimited
from prow.model.forge import User

_log = logs.get("github")

_SHOWN = 2000
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
_LONG_SILENCE = 10.0
"""Seconds; whoever is called off after that was waiting for an endpoint that may not answer at all."""
_LONG = frozenset({"told", "budget", "content"})
"""Waits that may take an hour: whoever calls is told when to come back."""


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
        self.app = tokens.app
        self.dry_run = dry_run
        self.meter = Meter(component, clock)
        self._tokens = tokens
        self._endpoints = Endpoints(endpoints, clock)
        self._graphql = Endpoints((graphql_endpoint,), clock)
        self._options = options or Options()
        limits = limits or Limits()
        self._limiter = Limiter(clock, limits, paces)
        self._flights: Flights[Key, Answer] = Flights("github-read")
        self._unknown: dict[str, datetime] = {}
        self._blocked: dict[tuple[str, str], datetime] = {}
        self._wire = Wire(
            clock=clock,
            program=component,
            version=version,
            endpoints=self._endpoints,
            options=self._options,
            connections=limits.in_flight,
            cache=MemoryCache() if cache is None else cache,
            meter=self.meter,
            http=http,
        )

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Paths that our endpoints have: GitHub names them in links."""
        return self._wire.prefixes

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
        await self._wire.aclose()

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
        endpoints = self._graphql if call.template == GRAPHQL else self._endpoints
        order = endpoints.order(tries=call.method == "GET")
        turn = attempt = 0
        renewed = False
        verdict: Verdict
        while True:
            credential = await self._tokens.credential(call.org, call.path)
            if self._unknown and self._unknown.get(credential.token, self._clock.now()) > self._clock.now():
                if renewed or not await self._tokens.renew(credential, call.org):
                    raise BadCredentials(f"{call.what}: not asked, since GitHub did not know the token a moment ago")
                renewed = True
                continue
            came = await self._attempt(call, endpoints, order[turn], credential, patience)
            if isinstance(came, Dropped):
                verdict = judge_dropped(call, came.reason, sent=came.sent, attempt=attempt, options=options)
            else:
                if came.status == 401 and not renewed:
                    renewed = True
                    if await self._tokens.renew(credential, call.org):
                        continue
                verdict = judge(call, came, now=self._clock.now(), attempt=attempt, options=options)
            if isinstance(verdict, Again) and isinstance(verdict.instead, ServerBroken):
                turn = (turn + 1) % len(order)
                if turn and isinstance(came, Dropped) and not came.sent:
                    continue  # nobody was there: no reason to wait before another address is tried
            match verdict:
                case Take():
                    assert isinstance(came, Answer)
                    return came
                case GiveUp(error):
                    if isinstance(error, BadCredentials):
                        self._unknown = {credential.token: self._clock.now() + _UNKNOWN_FOR}
                    raise error
                case Limited(until, secondary):
                    self._block(credential.identity, "" if secondary else call.resource, until)
                    if attempt + 1 >= options.max_retries:
                        raise self._limited(call, until)
                case Again(wait, instead):
                    if attempt + 1 >= options.max_retries or not patience.allows(wait):
                        raise instead
                    _log.debug("GitHub is asked again.", wait=wait, reason=str(instead), caller=call.caller)
                    with self._flights.held(Key(credential.identity, call.path, call.accept)):
                        await patience.sleep(wait)
            attempt += 1

    async def _attempt(
        self, call: Call, endpoints: Endpoints, endpoint: Endpoint, credential: Credential, patience: _Patience
    ) -> Answer | Dropped:
        """One attempt, when its time has come."""
        key = Key(credential.identity, call.path, call.accept)
        hurried = await self._admitted(call, key, credential.identity, patience)
        pace = self._limiter.pace(credential.identity)
        try:
            async with pace.under_way(hurried, self._flights.held(key)):
                with self._given_up(endpoints, endpoint):
                    answer = await self._wire.send(call, endpoint, credential, pace)
        except Dropped as dropped:
            waited = self._options.request_timeout if dropped.timeout else 0.0
            self.meter.unanswered(call, credential.token_hash, waited=waited, sent=dropped.sent)
            if not dropped.sent:
                self._limiter.refund(call)
            endpoints.silent(endpoint, dropped.reason, reached=dropped.sent)
            return dropped
        if answer.free:
            self._limiter.refund(call)
        if answer.trouble:
            endpoints.silent(endpoint, answer.trouble, reached=True)
        else:
            endpoints.answered(endpoint)
        return answer

    @contextmanager
    def _given_up(self, endpoints: Endpoints, endpoint: Endpoint) -> Iterator[None]:
        """Note that whoever waits for this endpoint is called off for the time it takes."""
        began = self._clock.monotonic()
        try:
            yield
        except asyncio.CancelledError:
            waited = self._clock.monotonic() - began
            if waited >= _LONG_SILENCE:
                endpoints.silent(endpoint, f"nothing for {waited:.0f} s", reached=True)
            raise

    async def _admitted(self, call: Call, key: Key, identity: str, patience: _Patience) -> Call:
        """Wait for the limits that GitHub told us of, then for our own pacing. The call, as urgent as whoever joined it meanwhile."""
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
                    return call
                until = now + timedelta(seconds=wait.seconds)
            too_long = wait.reason in _LONG and wait.seconds > self._options.backoff_timeout
            if too_long or not patience.allows(wait.seconds):
                raise self._limited(call, until, wait.reason)
            with self._limiter.pace(identity).holding(call, wait), self._flights.held(key):
                await patience.sleep(wait.seconds)

    def _block(self, identity: str, resource: str, until: datetime) -> None:
        """`resource`: the budget that is spent; empty: it is too much at once, whatever is asked."""
        if not resource:
            told = self._limiter.pace(identity).tell(until)
        else:
            now = self._clock.now()
            before = max(self._blocked.get((identity, resource), now), now)
            told = news(before, until, now)
            self._blocked[identity, resource] = max(before, until)
        if told:
            _log.warning(
                "GitHub's limit is reached; nothing is asked until it is over.", until=until, budget=resource or "any"
            )

    @staticmethod
    def _limited(call: Call, until: datetime, reason: Reason = "told") -> RateLimited:
        return RateLimited(f"{call.what}: {_WHY[reason]} until {until:%H:%M:%S} UTC", until=until)


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


def _shown(body: bytes) -> str:
    """For a person, without secrets."""
    text = _SECRET.sub(rb'\1"XXX"', body).decode("utf-8", "replace")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text) - _SHOWN} more characters)"
