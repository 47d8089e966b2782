"""What GitHub lets a caller spend: the hourly limit of each identity and kind of call, and the secondary limits against haste.

Secondary limits: 100 calls at a time; 80 writes a minute; 500 an hour of those that people are notified of; 900 points a minute for REST
(a read costs 1, a write 5) and 2,000 for GraphQL (a query 1, a mutation 5). Who is refused is told when to come back.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from prow.lib.clock import Clock
from prow.sim.accounts import Identity
from prow.sim.errors import Refused

LIMIT = 5000
_HOUR, _MINUTE = 3600, 60
_SEARCH = {True: 30, False: 10}
_ANONYMOUS = {"core": 60, "graphql": 0}
_MOST_OF_APP, _FREE_REPOS, _PER_REPO = 12_500, 20, 50
MOST_AT_ONCE = 100
CONTENT_A_MINUTE, CONTENT_AN_HOUR = 80, 500
POINTS_A_MINUTE = {"core": 900, "search": 900, "graphql": 2000}
NOTIFYING = frozenset(
    {
        ("POST", "/orgs/{org}/invitations"),
        ("DELETE", "/orgs/{org}/invitations/{invitation}"),
        ("PUT", "/repos/{owner}/{repo}/collaborators/{login}"),
        ("DELETE", "/repos/{owner}/{repo}/collaborators/{login}"),
        ("POST", "/repos/{owner}/{repo}/commits/{sha}/comments"),
        ("POST", "/repos/{owner}/{repo}/issues"),
        ("POST", "/repos/{owner}/{repo}/issues/{number}/comments"),
        ("POST", "/repos/{owner}/{repo}/pulls"),
        ("POST", "/repos/{owner}/{repo}/pulls/{number}/comments"),
        ("POST", "/repos/{owner}/{repo}/pulls/{number}/comments/{comment}/replies"),
        ("PUT", "/repos/{owner}/{repo}/pulls/{number}/merge"),
        ("POST", "/repos/{owner}/{repo}/pulls/{number}/requested_reviewers"),
        ("DELETE", "/repos/{owner}/{repo}/pulls/{number}/requested_reviewers"),
        ("POST", "/repos/{owner}/{repo}/pulls/{number}/reviews"),
        ("POST", "/repos/{owner}/{repo}/releases"),
    }
)
"""GitHub does not say which writes it means; these are those that its own client library treats apart."""
SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "For more on scraping GitHub and how it may affect your rights, please review our Terms of Service"
)
SECONDARY_DOCS = "https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"


@dataclass
class Budget:
    limit: int
    used: int
    reset: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


@dataclass
class _Window:
    """Amounts of the last seconds."""

    seconds: int
    most: int
    spent: deque[tuple[float, int]] = field(default_factory=deque)
    sum: int = 0

    def wait(self, now: float) -> float:
        """Seconds until there is room again; 0 when there is."""
        while self.spent and self.spent[0][0] <= now - self.seconds:
            self.sum -= self.spent.popleft()[1]
        return self.spent[0][0] + self.seconds - now if self.sum >= self.most else 0.0

    def add(self, now: float, amount: int) -> None:
        self.spent.append((now, amount))
        self.sum += amount


@dataclass
class _Haste:
    """The secondary limits of one identity."""

    minute: _Window = field(default_factory=lambda: _Window(_MINUTE, CONTENT_A_MINUTE))
    hour: _Window = field(default_factory=lambda: _Window(_HOUR, CONTENT_AN_HOUR))
    points: dict[str, _Window] = field(default_factory=dict)
    open: int = 0
    most_open: int = 0

    def of(self, resource: str) -> _Window:
        return self.points.setdefault(resource, _Window(_MINUTE, POINTS_A_MINUTE[resource]))


class Budgets:
    """`limit`: calls an hour of a user, REST and GraphQL apart. `enterprise`: organisations of GitHub Enterprise, whose apps may spend
    15,000. `secondary`: whether the limits against haste are kept. `refused`: how often each identity was, by key and resource."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._budgets: dict[tuple[str, str], Budget] = {}
        self._haste: dict[str, _Haste] = {}
        self.limit = LIMIT
        self.enterprise: set[str] = set()
        self.refused: Counter[tuple[str, str]] = Counter()
        self.secondary = True

    def of(self, who: Identity, resource: str = "core", *, repos: int = 0) -> Budget:
        """`repos`: how many an installation has; its limit grows with them."""
        now = int(self._clock.now().timestamp())
        key = (who.key, resource)
        budget = self._budgets.get(key)
        if budget is None or now >= budget.reset:
            length = _MINUTE if resource == "search" else _HOUR
            budget = self._budgets[key] = Budget(self._limit(who, resource, repos), 0, now + length)
        return budget

    def _limit(self, who: Identity, resource: str, repos: int) -> int:
        if resource == "search":
            return _SEARCH[bool(who.key)]
        if not who.key:
            return min(_ANONYMOUS[resource], self.limit)
        if who.installation is None:
            return self.limit
        if who.installation.account.login.lower() in self.enterprise:
            return self.limit * 3
        return min(self.limit + _PER_REPO * max(0, repos - _FREE_REPOS), max(_MOST_OF_APP, self.limit))

    def admit(self, who: Identity, resource: str, budget: Budget) -> None:
        """Refuse what is not in the budget any more. A conditional read may turn out to be free, but not without a budget."""
        if budget.used < budget.limit:
            return
        self.refused[who.key, resource] += 1
        if who.installation is not None:
            whose = f"installation ID {who.installation.id}"
        elif who.login is not None:
            whose = f"user {who.login}"
        else:
            raise Refused(
                403,
                "API rate limit exceeded. (But here's the good news: Authenticated requests get a higher rate limit.)",
            )
        raise Refused(403, f"API rate limit exceeded for {whose}.", headers={"x-ratelimit-resource": resource})

    @contextmanager
    def hurry(self, who: Identity, resource: str, *, write: bool, notifies: bool = False) -> Iterator[None]:
        """Keep the secondary limits while a call runs; refused calls count as points, too. `notifies`: people hear of this write."""
        haste = self._haste.setdefault(who.key, _Haste())
        now = self._clock.monotonic()
        if self.secondary:
            if haste.open >= MOST_AT_ONCE:
                self.refused[who.key, resource] += 1
                raise _too_fast(_MINUTE)
            waits = [haste.of(resource).wait(now)]
            if write:
                waits.append(haste.minute.wait(now))
            if notifies:
                waits.append(haste.hour.wait(now))
            haste.of(resource).add(now, 5 if write else 1)
            if max(waits) > 0:
                self.refused[who.key, resource] += 1
                raise _too_fast(max(waits))
        haste.open += 1
        haste.most_open = max(haste.most_open, haste.open)
        try:
            yield
        finally:
            haste.open -= 1

    def admit_content(self, who: Identity) -> None:
        """Refuse a write of content that comes too fast."""
        haste, now = self._haste.setdefault(who.key, _Haste()), self._clock.monotonic()
        wait = max(haste.minute.wait(now), haste.hour.wait(now))
        if self.secondary and wait > 0:
            self.refused[who.key, "graphql"] += 1
            raise _too_fast(wait)

    def wrote(self, who: Identity, *, notifies: bool = True) -> None:
        """A write that took effect."""
        haste, now = self._haste.setdefault(who.key, _Haste()), self._clock.monotonic()
        for window in (haste.minute, haste.hour) if notifies else (haste.minute,):
            window.wait(now)
            window.add(now, 1)

    def most_at_once(self, who: Identity) -> int:
        """Of its calls so far."""
        return self._haste[who.key].most_open if who.key in self._haste else 0

    def headers(self, budget: Budget, resource: str) -> dict[str, str]:
        return {
            "x-ratelimit-limit": str(budget.limit),
            "x-ratelimit-remaining": str(budget.left),
            "x-ratelimit-reset": str(budget.reset),
            "x-ratelimit-used": str(budget.used),
            "x-ratelimit-resource": resource,
        }


def _too_fast(wait: float) -> Refused:
    headers = {"retry-after": str(max(1, int(wait + 0.999)))}
    return Refused(403, SECONDARY, docs=SECONDARY_DOCS, headers=headers)
