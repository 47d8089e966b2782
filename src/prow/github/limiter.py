"""Who may talk to GitHub now, so that no limit of GitHub is ever reached (docs/decisions/0012).

GitHub limits each identity (a user, an installation of an App), whoever of its processes asks: requests at once, requests that
make content, points for each address, computing time, and the budget of the hour. A `Pace` keeps one identity's books; all
clients of a process share them through `Paces`. A `Limiter` is one client's view, with that client's own throttle
(`--github-hourly-tokens`, `--github-throttle-org`). The more urgent class goes first everywhere: in the queue for a place in flight, and
because the others leave part of each window and of the hour's budget to it.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Literal

import msgspec
from prometheus_client import Counter as Count
from prometheus_client import Gauge

from prow.github.call import GRAPHQL, Answer, Call, Cost
from prow.github.windows import SHARE, Bucket, Standing, Window, standing
from prow.lib import logs
from prow.lib.clock import Clock

_log = logs.get("github")
_MINUTE = 60.0
_HOUR = 3600.0
_WRITE_POINTS = 5
_SOME_TIME = 0.001
_UNLIMITED = 1_000_000_000

HELD = Gauge("prow_github_held_back", "Calls that wait now, by class and by what they wait for.", ["cost", "reason"])
WAITED = Count("prow_github_waited_seconds", "Time that calls waited for limits.", ["cost", "reason"])

Reason = Literal["told", "budget", "content", "points", "time", "throttle"]
"""told: by GitHub. budget: what is left of the hour is kept for more urgent calls. throttle: the component's own limit."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """GitHub's limits of one identity, and upstream's throttle of one client.

    `hourly_tokens`, `allowed_burst`: the throttle, both 0: off. `orgs`: organisations with an own one, by lower-case name.
    """

    in_flight: int = 90
    content_per_minute: int = 80
    content_per_hour: int = 500
    points_per_minute: int = 900
    graphql_points_per_minute: int = 2_000
    seconds_per_minute: float = 90.0
    graphql_seconds_per_minute: float = 60.0
    hourly_tokens: int = 0
    allowed_burst: int = 0
    orgs: Mapping[str, tuple[int, int]] = {}


UNPACED = Limits(
    content_per_minute=_UNLIMITED,
    content_per_hour=_UNLIMITED,
    points_per_minute=_UNLIMITED,
    graphql_points_per_minute=_UNLIMITED,
    seconds_per_minute=_UNLIMITED,
    graphql_seconds_per_minute=_UNLIMITED,
)
"""For a GitHub of one's own, and for benches."""


class Wait(msgspec.Struct, frozen=True):
    """How long, and for what."""

    seconds: float
    reason: Reason = "budget"


_NOW = Wait(0.0)


class Fill(msgspec.Struct, frozen=True):
    """How full a window is."""

    name: str
    used: float
    limit: float


class Pace:
    """The books of one identity in this process."""

    def __init__(self, identity: str, clock: Clock, limits: Limits) -> None:
        self.identity = identity
        self._clock = clock
        self._limits = limits
        self._content = (Window(limits.content_per_minute, _MINUTE), Window(limits.content_per_hour, _HOUR))
        self._points: dict[str, Window] = {}
        self._time = Window(limits.seconds_per_minute, _MINUTE)
        self._graphql_time = Window(limits.graphql_seconds_per_minute, _MINUTE)
        self._shortest: float | None = None
        self.standings: dict[str, Standing] = {}
        self.held: Counter[tuple[Cost, Reason]] = Counter()
        self._said: dict[tuple[str, Cost], Standing] = {}
        self._in_flight = 0
        self._queue: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def wait(self, call: Call) -> Wait:
        """The longest of what this call would have to wait for now."""
        now, share = self._clock.monotonic(), SHARE[call.cost]
        weight = _points(call)
        waits = [
            Wait(self._points_of(call).wait(now, share, weight), "points"),
            Wait(max(window.wait(now, share, _SOME_TIME) for window in self._times(call)), "time"),
            Wait(self._kept_for_others(call), "budget"),
        ]
        if call.content:
            waits.append(Wait(max(window.wait(now, share) for window in self._content), "content"))
        return max(waits, key=lambda wait: wait.seconds)

    def book(self, call: Call) -> None:
        """The call goes now."""
        now = self._clock.monotonic()
        self._points_of(call).book(now, _points(call))
        if call.content:
            for window in self._content:
                window.book(now)

    def answered(self, call: Call, answer: Answer, seconds: float) -> None:
        """Note how long it took and what GitHub says is left. Of the time that a call takes, the shortest ever seen is the way there and back."""
        self._shortest = seconds if self._shortest is None else min(self._shortest, seconds)
        now = self._clock.monotonic()
        for window in self._times(call):
            window.book(now, seconds - self._shortest)
        said = standing(answer.headers, call.resource)
        if said is not None:
            known = self.standings.get(said.resource)
            # Answers overtake each other: within one period the lowest is the newest.
            if known is None or known.reset != said.reset or said.remaining < known.remaining:
                self.standings[said.resource] = said

    def fills(self) -> tuple[Fill, ...]:
        """How full the windows are, for people."""
        now = self._clock.monotonic()
        minute, hour = self._content
        found = [
            Fill("content writes in a minute", minute.used(now), minute.limit),
            Fill("content writes in an hour", hour.used(now), hour.limit),
            Fill("seconds of answers in a minute", self._time.used(now), self._time.limit),
            Fill("seconds of GraphQL answers in a minute", self._graphql_time.used(now), self._graphql_time.limit),
        ]
        template, busiest = max(
            self._points.items(), key=lambda item: item[1].used(now) / item[1].limit, default=("", None)
        )
        if busiest is not None:
            found.append(Fill(f"points in a minute at {template}", busiest.used(now), busiest.limit))
        return tuple(found)

    @contextmanager
    def holding(self, call: Call, wait: Wait) -> Iterator[None]:
        """While a call waits."""
        key, labels = (call.cost, wait.reason), (call.cost.name.lower(), wait.reason)
        began = self._clock.monotonic()
        self.held[key] += 1
        HELD.labels(*labels).inc()
        try:
            yield
        finally:
            self.held[key] -= 1
            HELD.labels(*labels).dec()
            WAITED.labels(*labels).inc(self._clock.monotonic() - began)

    def _kept_for_others(self, call: Call) -> float:
        known = self.standings.get(call.resource)
        seconds = 0.0 if known is None else known.wait(call.cost, self._clock.now())
        if seconds > 0 and known is not None:
            said = self._said.get((known.resource, call.cost))
            if said is None or said.reset != known.reset:
                self._said[known.resource, call.cost] = known
                _log.warning(
                    "GitHub's budget runs low: calls of this class wait, so that more urgent ones need not.",
                    cost=call.cost.name.lower(),
                    budget=known.resource,
                    remaining=known.remaining,
                    limit=known.limit,
                    reset=known.reset,
                )
        return seconds

    def _points_of(self, call: Call) -> Window:
        found = self._points.get(call.template)
        if found is None:
            graphql = call.template == GRAPHQL
            limit = self._limits.graphql_points_per_minute if graphql else self._limits.points_per_minute
            found = self._points[call.template] = Window(limit, _MINUTE)
        return found

    def _times(self, call: Call) -> tuple[Window, ...]:
        return (self._time, self._graphql_time) if call.template == GRAPHQL else (self._time,)

    @asynccontextmanager
    async def slot(self, cost: Cost) -> AsyncIterator[None]:
        """Hold a place in flight."""
        await self._enter(cost)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, cost: Cost) -> None:
        if self._in_flight < self._limits.in_flight and not self._queue:
            self._in_flight += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (cost.value, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        """Hand the place to the next in the queue that still waits, or give it up."""
        while self._queue:
            turn = heapq.heappop(self._queue)[2]
            if not turn.done():
                turn.set_result(None)
                return
        self._in_flight -= 1


class Paces:
    """The books of all identities of a process, shared by its clients."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[str, Pace] = {}

    def of(self, identity: str, limits: Limits) -> Pace:
        """An identity's; `limits` count when it is seen for the first time."""
        found = self._known.get(identity)
        if found is None:
            found = self._known[identity] = Pace(identity, self._clock, limits)
        return found

    def __iter__(self) -> Iterator[Pace]:
        return iter(tuple(self._known.values()))


class Limiter:
    """One client's: its throttle, and the pace of whatever identity a call is made with."""

    def __init__(self, clock: Clock, limits: Limits, paces: Paces | None = None) -> None:
        self._clock = clock
        self._limits = limits
        self.paces = paces or Paces(clock)
        self._bucket = Bucket(limits.hourly_tokens, limits.allowed_burst) if limits.hourly_tokens > 0 else None
        self._of_org = {org: Bucket(hourly, burst) for org, (hourly, burst) in limits.orgs.items()}

    def pace(self, identity: str) -> Pace:
        return self.paces.of(identity, self._limits)

    def reserve(self, call: Call, identity: str) -> Wait:
        """Book the call and answer 0 seconds, or say how long to wait before asking again. Places in flight are apart."""
        pace, bucket = self.pace(identity), self._bucket_of(call)
        wait = pace.wait(call)
        throttled = 0.0 if bucket is None else bucket.wait(self._clock.monotonic())
        if throttled > wait.seconds:
            wait = Wait(throttled, "throttle")
        if wait.seconds > 0:
            return wait
        pace.book(call)
        if bucket is not None:
            bucket.take()
        return _NOW

    def refund(self, call: Call) -> None:
        """The answer cost nothing: the throttle's token is given back."""
        bucket = self._bucket_of(call)
        if bucket is not None:
            bucket.give_back()

    def _bucket_of(self, call: Call) -> Bucket | None:
        return self._of_org.get(call.org.lower(), self._bucket)


def _points(call: Call) -> float:
    """GitHub's price of a request for its secondary limit."""
    return 1 if call.method == "GET" or call.reads else _WRITE_POINTS
