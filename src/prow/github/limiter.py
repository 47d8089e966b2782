"""Who may talk to GitHub now, so that no limit of GitHub is ever reached (docs/decisions/0012).

GitHub limits each identity (a user, an installation of an App), whoever of its processes asks: requests at once, writes, writes that
make content, points, computing time, and the budget of the hour. A `Pace` keeps one identity's books; all clients of a process share
them through `Paces`, all processes of a machine through a `Ledger`. A `Limiter` is one client's view, with that client's own throttle
(`--github-hourly-tokens`, `--github-throttle-org`). The more urgent class goes first everywhere: in the queue for a place in flight, and
because the others leave part of each window and of the hour's budget to it.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Literal

import msgspec
from prometheus_client import Counter as Count
from prometheus_client import Gauge

from prow.github.call import GRAPHQL, Answer, Call, Cost
from prow.github.ledger import FIRST, KEY, TOLD, USED, Ledger, key_of
from prow.github.places import Places
from prow.github.windows import SHARE, Bucket, Standing, Window, standing
from prow.lib import logs
from prow.lib.clock import Clock

_log = logs.get("github")
_MINUTE = 60.0
_HOUR = 3600.0
_WRITE_POINTS = 5.0
_SOME_TIME = 0.001
_LONGEST_WAY = 0.25
"""Seconds to GitHub and back from the other side of the world: what takes longer is GitHub's."""
_GRAPHQL_AT_FIRST = 6.0
"""Seconds that GitHub is expected to need for a query before there was an answer to one: ten may be asked till then."""
_LEARNED = 0.2
_LOOK_AGAIN = 0.1
"""Seconds; what is under way may take less than was expected of it."""
_LONGEST_TOLD = 86_400.0 + 60
_UNLIMITED = 1_000_000_000
_SAME_LIMIT = timedelta(seconds=30)
"""Several calls under way meet the same limit one after another, and each names a time a little later; GitHub's times of a reset
differ by a second, too."""

HELD = Gauge("prow_github_held_back", "Calls that wait now, by class and by what they wait for.", ["cost", "reason"])
WAITED = Count("prow_github_waited_seconds", "Time that calls waited for limits.", ["cost", "reason"])

Reason = Literal["told", "budget", "content", "points", "time", "throttle"]
"""told: by GitHub. budget: what is left of the hour is kept for more urgent calls. throttle: the component's own limit."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """GitHub's limits of one identity, and upstream's throttle of one client.

    `hourly_tokens`, `allowed_burst`: the throttle, both 0: off. `orgs`: organisations with an own one, by lower-case name.
    """

    in_flight: int = 90
    writes_per_minute: int = 80
    content_per_hour: int = 500
    points_per_minute: int = 900
    graphql_points_per_minute: int = 2_000
    seconds_per_minute: float = 90.0
    graphql_seconds_per_minute: float = 60.0
    hourly_tokens: int = 0
    allowed_burst: int = 0
    orgs: Mapping[str, tuple[int, int]] = {}


UNPACED = Limits(
    writes_per_minute=_UNLIMITED,
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
_POINTS: Reason = "points"


class Fill(msgspec.Struct, frozen=True):
    """How full a window is."""

    name: str
    used: float
    limit: float


def news(before: datetime, until: datetime, now: datetime) -> bool:
    """Whether a limit until then is another one than the one that was known, which is over when `before` is `now`."""
    return before <= now or until > before + _SAME_LIMIT


class Pace:
    """The books of one identity, which all processes of a machine keep together when `ledger` is shared."""

    def __init__(self, identity: str, clock: Clock, limits: Limits, ledger: Ledger) -> None:
        self.identity = identity
        self._clock = clock
        self._limits = limits
        self._ledger = ledger
        self._key = key_of(identity)
        self._shortest = _LONGEST_WAY
        self._expected = {True: _GRAPHQL_AT_FIRST, False: 0.0}
        self._answered = {True: 0, False: 0}
        self._open = {True: 0, False: 0}
        self.standings: dict[str, Standing] = {}
        self.held: Counter[tuple[Cost, Reason]] = Counter()
        self._said: dict[tuple[str, Cost], Standing] = {}
        self._places = Places(limits.in_flight, clock, ledger, self._key)
        self._now = clock.now().timestamp()
        with ledger:
            self._turn_to_page()

    def __enter__(self) -> None:
        """Look and book as one: no other process does meanwhile. Nothing is awaited in the block."""
        self._ledger.__enter__()
        self._now = self._clock.now().timestamp()
        if self._page[KEY] != self._key:
            self._turn_to_page()
        self._page[USED] = self._now

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._ledger.__exit__(kind, error, traceback)

    def wait(self, call: Call) -> Wait:
        """The longest of what this call would have to wait for now. In a block of this pace, as `book`."""
        now, share = self._now, SHARE[call.cost]
        graphql, writes = call.template == GRAPHQL, _writes(call)
        points = self._graphql_points if graphql else self._points
        seconds, reason = points.wait(now, share, _WRITE_POINTS if writes else 1.0), _POINTS
        if (more := self._time_short(now, share, graphql=graphql)) > seconds:
            seconds, reason = more, "time"
        if (more := self._kept_for_others(call)) > seconds:
            seconds, reason = more, "budget"
        if writes and (more := self._writes.wait(now, share)) > seconds:
            seconds, reason = more, "content"
        if call.content and (more := self._content.wait(now, share)) > seconds:
            seconds, reason = more, "content"
        return Wait(seconds, reason) if seconds > 0 else _NOW

    def book(self, call: Call) -> None:
        """The call goes now."""
        now, writes = self._now, _writes(call)
        (self._graphql_points if call.template == GRAPHQL else self._points).book(now, _WRITE_POINTS if writes else 1.0)
        if writes:
            self._writes.book(now)
        if call.content:
            self._content.book(now)

    def answered(self, call: Call, answer: Answer, seconds: float) -> None:
        """Note how long it took and what GitHub says is left. Of the time that a call takes, the shortest ever seen is the way there and back."""
        self._shortest = min(self._shortest, seconds)
        graphql, spent = call.template == GRAPHQL, seconds - self._shortest
        self._answered[graphql] += 1
        self._expected[graphql] += (spent - self._expected[graphql]) * max(_LEARNED, 1 / self._answered[graphql])
        with self:
            self._time.book(self._now, spent)
            if graphql:
                self._graphql_time.book(self._now, spent)
        said = standing(answer.headers, call.resource)
        if said is not None:
            known = self.standings.get(said.resource)
            # Answers overtake each other: within one period the lowest is the newest.
            if known is None or known.reset != said.reset or said.remaining < known.remaining:
                self.standings[said.resource] = said

    def tell(self, until: datetime) -> bool:
        """GitHub wants to hear nothing of this identity until then, from no process. False: that was known, but for the time that
        answers under way take."""
        with self:
            now = self._clock.now()
            before = max(self.told, now)
            self._page[TOLD] = max(before, until).timestamp()
            return news(before, until, now)

    @property
    def told(self) -> datetime:
        """Until when; in the past: nothing was said."""
        until = self._page[TOLD]
        known = until > 0 and self._page[KEY] == self._key
        known = known and until < self._clock.now().timestamp() + _LONGEST_TOLD
        return datetime.fromtimestamp(until if known else 0.0, UTC)

    def fills(self) -> tuple[Fill, ...]:
        """How full the windows are, for people."""
        with self:
            return tuple(Fill(name, window.used(self._now), window.limit) for name, window in self._windows.items())

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

    @asynccontextmanager
    async def under_way(self, call: Call, queueing: AbstractContextManager[None] | None = None) -> AsyncIterator[None]:
        """From when the call is booked to its answer: the time that GitHub may need for it is counted, and it holds a place in flight.

        `queueing`: entered while it waits for that place.
        """
        graphql = call.template == GRAPHQL
        self._open[graphql] += 1
        try:
            with queueing or nullcontext():
                await self._places.enter(call.cost)
            try:
                yield
            finally:
                self._places.leave()
        finally:
            self._open[graphql] -= 1

    def _time_short(self, now: float, share: float, *, graphql: bool) -> float:
        """Seconds after which to look again, when what is under way and this call may need more time than there is."""
        own = self._expected[graphql]
        of_graphql = self._open[True] * self._expected[True]
        wait = _short(self._time, now, share, own, of_graphql + self._open[False] * self._expected[False])
        return max(wait, _short(self._graphql_time, now, share, own, of_graphql)) if graphql else wait

    def _kept_for_others(self, call: Call) -> float:
        known = self.standings.get(call.resource)
        seconds = 0.0 if known is None else known.wait(call.cost, self._clock.now())
        if seconds > 0 and known is not None:
            said = self._said.get((known.resource, call.cost))
            if said is None or abs(known.reset - said.reset) > _SAME_LIMIT:
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

    def _turn_to_page(self) -> None:
        """Open the identity's page, where it is now."""
        self._page = self._ledger.page(self._key, self._now)
        limits = self._limits
        places = itertools.count(FIRST, Window.FLOATS)

        def window(limit: float, seconds: float = _MINUTE) -> Window:
            start = next(places)
            return Window(limit, seconds, self._page[start : start + Window.FLOATS])

        self._writes = window(limits.writes_per_minute)
        self._content = window(limits.content_per_hour, _HOUR)
        self._points = window(limits.points_per_minute)
        self._graphql_points = window(limits.graphql_points_per_minute)
        self._time = window(limits.seconds_per_minute)
        self._graphql_time = window(limits.graphql_seconds_per_minute)
        self._windows = {
            "writes in a minute": self._writes,
            "content writes in an hour": self._content,
            "points in a minute": self._points,
            "GraphQL points in a minute": self._graphql_points,
            "seconds of answers in a minute": self._time,
            "seconds of GraphQL answers in a minute": self._graphql_time,
        }


class Paces:
    """The books of all identities of a process, shared by its clients. `ledger`: None, or the one that processes share."""

    def __init__(self, clock: Clock, ledger: Ledger | None = None) -> None:
        self._clock = clock
        self._ledger = ledger or Ledger()
        self._known: dict[str, Pace] = {}

    def of(self, identity: str, limits: Limits) -> Pace:
        """An identity's; `limits` count when it is seen for the first time."""
        found = self._known.get(identity)
        if found is None:
            found = self._known[identity] = Pace(identity, self._clock, limits, self._ledger)
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
        throttled = 0.0 if bucket is None else bucket.wait(self._clock.monotonic(), SHARE[call.cost])
        with pace:
            wait = pace.wait(call)
            if throttled > wait.seconds:
                return Wait(throttled, "throttle")
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


def _writes(call: Call) -> bool:
    return call.method != "GET" and not call.reads


def _short(window: Window, now: float, share: float, own: float, pending: float) -> float:
    if pending and window.used(now) + pending + own > max(window.limit * share, own):
        return _LOOK_AGAIN
    return window.wait(now, share, max(own, _SOME_TIME))
