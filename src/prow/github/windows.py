"""Counting against a limit: a sliding window, a bucket that fills again, and what GitHub says is left of the hour. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from prow.github.call import Cost
from prow.github.rules import moment

SHARE = {Cost.INTERACTIVE: 1.0, Cost.MERGE: 0.9, Cost.BACKGROUND: 0.75}
"""How much of a window each class may fill (docs/decisions/0012)."""

RESERVE = {Cost.INTERACTIVE: 0.0, Cost.MERGE: 0.1, Cost.BACKGROUND: 0.3}
"""How much of a budget each class leaves to the more urgent ones, at the beginning of the period; less as its end comes near."""

_HOUR = 3600.0
_PERIODS = {"search": 60.0, "code_search": 60.0}
"""Seconds after which GitHub fills a budget again, where it is not an hour."""
_PARTS = 60
_KEPT = _PARTS + 2
"""Parts that are counted: the one that has begun, and one more for the way to GitHub, which may take longer for the earlier of two requests."""


class Window:
    """Events of some weight, together at most `limit` in any `seconds`.

    They are counted by the sixtieth part of that time in `memory`: `FLOATS` numbers that are 0 at first and that processes may share, the
    part that was counted last, the sum, and the parts. `now` is Unix time: it goes on when processes and machines are started again.
    """

    FLOATS = 2 + _KEPT

    def __init__(self, limit: float, seconds: float, memory: memoryview[float]) -> None:
        self.limit = limit
        self._part = seconds / _PARTS
        self._memory = memory

    def used(self, now: float) -> float:
        self._forget(now)
        return self._memory[1]

    def wait(self, now: float, share: float, weight: float = 1.0) -> float:
        """Seconds until an event of that weight would be within `share` of the limit; 0: now. A single event always fits."""
        over = self.used(now) + weight - max(self.limit * share, weight)
        if over <= 0:
            return 0.0
        last = int(self._memory[0])
        for part in range(last - _KEPT + 1, last + 1):
            over -= self._memory[2 + part % _KEPT]
            if over <= 0:
                break
        return max(0.0, (part + _KEPT) * self._part - now)

    def book(self, now: float, weight: float = 1.0) -> None:
        self._forget(now)
        self._memory[1] += weight
        self._memory[2 + int(self._memory[0]) % _KEPT] += weight

    def _forget(self, now: float) -> None:
        memory = self._memory
        part = float(now // self._part)
        step = part - memory[0]
        if step == 0 or -_KEPT < step < 0:
            return  # a clock that was set back a little: what comes now counts a little longer
        if 0 < step < _KEPT:
            for gone in range(int(memory[0]) + 1, int(part) + 1):
                memory[2 + gone % _KEPT] = 0.0
        else:
            for place in range(2, self.FLOATS):
                memory[place] = 0.0
        memory[0] = part
        memory[1] = sum(memory[2:])


class Bucket:
    """`burst` tokens, refilled at `hourly` an hour. A free answer gives its token back. As of a window, a class takes no more than its share."""

    def __init__(self, hourly: int, burst: int) -> None:
        self._per_second = hourly / _HOUR
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at = 0.0

    def wait(self, now: float, share: float) -> float:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        short = 1 + round(self._burst * (1 - share)) - self._tokens
        return max(0.0, short / self._per_second)

    def take(self) -> None:
        self._tokens -= 1

    def give_back(self) -> None:
        self._tokens = min(self._burst, self._tokens + 1)


class Standing(msgspec.Struct, frozen=True):
    """What GitHub said last about one budget. `resource`: core, graphql, search, …"""

    resource: str
    limit: int
    remaining: int
    reset: datetime

    def wait(self, cost: Cost, now: datetime) -> float:
        """Seconds until a call of this class may take something from it; 0: now.

        A class leaves `RESERVE` of the limit to more urgent ones, in proportion to the time that is left until the budget is
        filled again: so what is not used by then is not kept for nothing.
        """
        left = (self.reset - now).total_seconds()
        period = _PERIODS.get(self.resource, _HOUR)
        kept = self.limit * RESERVE[cost]
        if left <= 0 or kept <= 0 or self.remaining >= kept * left / period:
            return 0.0
        return left - self.remaining * period / kept

    def opens(self, cost: Cost, now: datetime) -> datetime:
        return now + timedelta(seconds=self.wait(cost, now))


def standing(headers: Mapping[str, str], resource: str) -> Standing | None:
    """What an answer's headers (names in lower case) say; None: nothing, as GitHub Enterprise without limits."""
    remaining, limit, reset = (_whole(headers, name) for name in ("remaining", "limit", "reset"))
    if remaining is None or reset is None:
        return None
    return Standing(headers.get("x-ratelimit-resource", resource), limit or remaining, remaining, moment(reset))


def _whole(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(f"x-ratelimit-{name}", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 15 else None
