"""What is spent at GitHub, by whom: Prometheus metrics by upstream's names, and a snapshot for a summary."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Mapping
from datetime import datetime

import msgspec
from prometheus_client import Counter, Gauge, Histogram

from prow.github.call import GRAPHQL, Call
from prow.github.rules import moment

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
TIMEOUTS = Counter(
    "github_request_timeouts", "GitHub requests without an answer in time.", ["token_hash", "path", "user_agent"]
)
REQUESTS = Counter(
    "github_requests", "GitHub requests by who made them and why.", ["caller", "cost", "method", "path", "status"]
)
CACHE = Counter("prow_github_cache", "How reads were answered: revalidated and coalesced ones are free.", ["mode"])


class Row(msgspec.Struct, frozen=True):
    """`status`: 0 for no answer. `free`: revalidated, or answered by a proxy's cache."""

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

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._rows: Tally[tuple[str, str, str, str, int, bool]] = Tally()
        self._coalesced = 0

    def answered(self, call: Call, *, identity: str, status: int, free: bool, seconds: float) -> None:
        self._book(call, status, free=free)
        DURATION.labels(identity, call.template, str(status), self._agent).observe(seconds)

    def unanswered(self, call: Call, *, identity: str, timeout: bool) -> None:
        self._book(call, 0, free=False)
        if timeout:
            TIMEOUTS.labels(identity, call.template, self._agent).inc()

    def coalesced(self) -> None:
        self._coalesced += 1
        CACHE.labels("coalesced").inc()

    def cached(self, mode: str) -> None:
        CACHE.labels(mode).inc()

    def budget(self, call: Call, *, identity: str, headers: Mapping[str, str], now: datetime) -> None:
        """Note what the answer says about the budget."""
        remaining, reset = headers.get("x-ratelimit-remaining", ""), headers.get("x-ratelimit-reset", "")
        if not (remaining.isascii() and remaining.isdigit() and reset.isascii() and reset.isdigit()):
            return
        labels = (
            identity,
            "v4" if call.template == GRAPHQL else "v3",
            headers.get("x-ratelimit-resource", call.resource),
        )
        USAGE.labels(*labels).set(float(remaining))
        RESET.labels(*labels).set((moment(int(reset[:15])) - now).total_seconds() * 1e9)

    def spent(self) -> Spent:
        rows = tuple(Row(*key, count) for key, count in sorted(self._rows.items()))
        return Spent(rows, self._coalesced)

    def _book(self, call: Call, status: int, *, free: bool) -> None:
        cost = call.cost.name.lower()
        self._rows[call.caller, cost, call.method, call.template, status, free] += 1
        REQUESTS.labels(call.caller, cost, call.method, call.template, str(status)).inc()
