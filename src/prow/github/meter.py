"""What is spent at GitHub, by whom: Prometheus metrics by upstream's names, a snapshot for a summary, the account of the last hour."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

import msgspec
from prometheus_client import Counter, Gauge, Histogram

from prow.github.call import GRAPHQL, Call
from prow.github.limiter import Pace
from prow.github.spending import Account, Full, Held, LastHour, Left, Stopped
from prow.github.windows import standing
from prow.lib.clock import Clock

DURATION = Histogram(
    "github_request_duration",
    "GitHub request duration by API path.",
    ["token_hash", "path", "status", "user_agent"],
    buckets=(0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 10, 60),
)
USAGE = Gauge(
    "github_token_usage",
    "How many GitHub requests are left for the current hour.",
    ["token_hash", "api_version", "ratelimit_resource"],
)
RESET = Gauge(
    "github_token_reset",
    "Nanoseconds until the budget of the current hour is filled again, as last reported.",
    ["token_hash", "api_version", "ratelimit_resource"],
)
USER = Gauge("github_user_info", "Who the token is.", ["token_hash", "login", "email"])
TIMEOUTS = Histogram(
    "github_request_timeouts",
    "GitHub requests without an answer in time, by how long it was waited for.",
    ["token_hash", "path", "user_agent"],
    buckets=(45, 60, 90, 120, 300),
)
REQUESTS = Counter(
    "github_requests", "GitHub requests by who made them and why.", ["caller", "cost", "method", "path", "status"]
)
POINTS = Counter("prow_github_graphql_points", "GraphQL points, as GitHub counts them.", ["caller", "cost"])
SAVED = Counter(
    "prow_github_saved", "Calls that were not made or cost nothing, by whose they were and how.", ["caller", "how"]
)
CACHE = Counter("prow_github_cache", "How reads were answered: revalidated and coalesced ones are free.", ["mode"])


class Row(msgspec.Struct, frozen=True):
    """`status`: 0 for no answer. `free`: revalidated, answered by a proxy's cache, or never sent."""

    caller: str
    cost: str
    method: str
    path: str
    status: int
    free: bool
    count: int


class Spent(msgspec.Struct, frozen=True):
    """What one client asked so far. `coalesced`: reads that joined another's request."""

    rows: tuple[Row, ...] = ()
    coalesced: int = 0

    @property
    def total(self) -> int:
        return sum(row.count for row in self.rows)

    @property
    def free(self) -> int:
        return sum(row.count for row in self.rows if row.free)

    @property
    def charged(self) -> int:
        """Requests that count against the hourly budget."""
        return self.total - self.free

    @property
    def by_caller(self) -> dict[str, int]:
        """Charged requests, most first."""
        tally: Tally[str] = Tally()
        for row in self.rows:
            if not row.free:
                tally[row.caller] += row.count
        return dict(tally.most_common())


class Meter:
    """The books of one client."""

    def __init__(self, component: str, clock: Clock) -> None:
        self._component = component
        self._clock = clock
        self._began = clock.now()
        self._hour = LastHour()
        self._rows: Tally[tuple[str, str, str, str, int, bool]] = Tally()
        self._coalesced = 0

    def answered(self, call: Call, token_hash: str, *, status: int, free: bool, seconds: float) -> None:
        self._book(call, status, free=free)
        DURATION.labels(token_hash, call.template, str(status), self._program(call)).observe(seconds)

    def unanswered(self, call: Call, token_hash: str, *, waited: float, sent: bool) -> None:
        """No answer. `waited`: seconds, where it was too long; else 0. `sent`: GitHub may have got the call, and counted it."""
        self._book(call, 0, free=not sent)
        if waited:
            TIMEOUTS.labels(token_hash, call.template, self._program(call)).observe(waited)

    def _program(self, call: Call) -> str:
        """As in `User-Agent`, without the version."""
        plain = not call.caller or call.caller == self._component
        return self._component if plain else f"{self._component}.{call.caller}"

    def coalesced(self, call: Call) -> None:
        self._coalesced += 1
        CACHE.labels("coalesced").inc()
        self.saved(call.caller, "merged")

    def cached(self, call: Call, mode: str) -> None:
        """`mode`: miss, changed, revalidated."""
        CACHE.labels(mode).inc()
        if mode == "revalidated":
            self.saved(call.caller, "304")

    def saved(self, caller: str, how: str, calls: int = 1) -> None:
        """Calls that need not be made. `how`: see `spending.Saving`."""
        SAVED.labels(caller, how).inc(calls)
        self._hour.save(caller, how, self._clock.now().timestamp(), calls)

    def points(self, call: Call, points: int) -> None:
        """What GitHub says a GraphQL query cost."""
        POINTS.labels(call.caller, call.cost.name.lower()).inc(points)
        self._hour.book_points(_kind(call), self._clock.now().timestamp(), points)

    def budget(self, call: Call, token_hash: str, *, headers: Mapping[str, str]) -> None:
        """Note what the answer says about the budget."""
        said = standing(headers, call.resource)
        if said is None:
            return
        labels = (token_hash, "v4" if call.template == GRAPHQL else "v3", said.resource)
        USAGE.labels(*labels).set(float(said.remaining))
        RESET.labels(*labels).set((said.reset - self._clock.now()).total_seconds() * 1e9)

    def known(self, token_hash: str, *, login: str, email: str) -> None:
        """Who we are."""
        USER.labels(token_hash, login, email).set(1)

    def spent(self) -> Spent:
        rows = tuple(Row(*key, count) for key, count in sorted(self._rows.items()))
        return Spent(rows, self._coalesced)

    def account(self, paces: Iterable[Pace], *, login: str) -> Account:
        """The last hour, what is left, and who waits."""
        now = self._clock.now()
        known = tuple(paces)
        return Account(
            component=self._component,
            login=login,
            since=max(self._began, now - timedelta(hours=1)),
            now=now,
            lines=self._hour.lines(now.timestamp()),
            savings=self._hour.savings(now.timestamp()),
            left=tuple(left for pace in known for left in _left(pace, now)),
            full=tuple(
                Full(identity=pace.identity, name=fill.name, used=round(fill.used, 1), limit=fill.limit)
                for pace in known
                for fill in pace.fills()
            ),
            stopped=tuple(Stopped(identity=pace.identity, until=pace.told) for pace in known if pace.told > now),
            held=tuple(
                Held(cost=cost.name.lower(), reason=reason, calls=calls)
                for pace in known
                for (cost, reason), calls in sorted(pace.held.items())
                if calls
            ),
        )

    def _book(self, call: Call, status: int, *, free: bool) -> None:
        kind = _kind(call)
        self._rows[*kind, status, free] += 1
        REQUESTS.labels(*kind, str(status)).inc()
        failed = status == 0 or (status >= 400 and status not in call.ok)
        self._hour.book(kind, self._clock.now().timestamp(), free=free, failed=failed)


def _kind(call: Call) -> tuple[str, str, str, str]:
    return call.caller, call.cost.name.lower(), call.method, call.template


def _left(pace: Pace, now: datetime) -> tuple[Left, ...]:
    """Budgets whose period is not over."""
    return tuple(
        Left(
            identity=pace.identity, resource=said.resource, limit=said.limit, remaining=said.remaining, reset=said.reset
        )
        for said in pace.standings.values()
        if said.reset > now
    )
