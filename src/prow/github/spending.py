"""What a client spent at GitHub in the last hour, by whom and for what, what it saved, and what is left: a value for people.

Counted by the minute, so an hour ends to the minute, and the memory it takes is bounded by what is asked in an hour.
"""

from __future__ import annotations

from collections import Counter, deque
from datetime import datetime

import msgspec

_MINUTES = 60


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """Calls of one kind. `free`: answers that cost nothing (304, or from a proxy's cache). `points`: of GraphQL."""

    caller: str
    cost: str
    method: str
    path: str
    calls: int
    free: int = 0
    failed: int = 0
    points: int = 0

    @property
    def charged(self) -> int:
        """What counts against the hour's budget."""
        return self.points or self.calls - self.free


class Saving(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that were not made, or cost nothing. `how`: 304, merged (reads joined), unchanged, joined (writes made one), dry-run."""

    caller: str
    how: str
    calls: int


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """What GitHub said last of one budget of one identity."""

    identity: str
    resource: str
    limit: int
    remaining: int
    reset: datetime


class Full(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a limit that we keep ourselves is used."""

    identity: str
    name: str
    used: float
    limit: float


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """GitHub said that it is too much at once: nothing is asked before `until`."""

    identity: str
    until: datetime


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Calls that wait now."""

    cost: str
    reason: str
    calls: int


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One client. `login`: whose token it has, where that was asked. `since`: an hour ago, or when the process began."""

    component: str
    since: datetime
    now: datetime
    login: str = ""
    lines: tuple[Line, ...] = ()
    savings: tuple[Saving, ...] = ()
    left: tuple[Left, ...] = ()
    full: tuple[Full, ...] = ()
    stopped: tuple[Stopped, ...] = ()
    held: tuple[Held, ...] = ()


_Kind = tuple[str, str, str, str]
"""Caller, cost, method, path."""


class _Minute:
    def __init__(self, number: int) -> None:
        self.number = number
        self.calls: Counter[_Kind] = Counter()
        self.free: Counter[_Kind] = Counter()
        self.failed: Counter[_Kind] = Counter()
        self.points: Counter[_Kind] = Counter()
        self.savings: Counter[tuple[str, str]] = Counter()


class LastHour:
    """Books by the minute; `now` is Unix time."""

    def __init__(self) -> None:
        self._minutes: deque[_Minute] = deque()

    def book(self, kind: _Kind, now: float, *, free: bool, failed: bool) -> None:
        minute = self._minute(now)
        minute.calls[kind] += 1
        if free:
            minute.free[kind] += 1
        if failed:
            minute.failed[kind] += 1

    def book_points(self, kind: _Kind, now: float, points: int) -> None:
        self._minute(now).points[kind] += points

    def save(self, caller: str, how: str, now: float, calls: int = 1) -> None:
        self._minute(now).savings[caller, how] += calls

    def lines(self, now: float) -> tuple[Line, ...]:
        """Most charged first."""
        self._forget(now)
        calls, free, failed, points = (
            sum((getattr(minute, name) for minute in self._minutes), Counter[_Kind]())
            for name in ("calls", "free", "failed", "points")
        )
        found = [
            Line(
                caller=kind[0], cost=kind[1], method=kind[2], path=kind[3],
                calls=count, free=free[kind], failed=failed[kind], points=points[kind],
            )
            for kind, count in calls.items()
        ]  # fmt: skip
        return tuple(sorted(found, key=lambda line: (-line.charged, line.caller, line.path, line.method)))

    def savings(self, now: float) -> tuple[Saving, ...]:
        """Most first."""
        self._forget(now)
        total = sum((minute.savings for minute in self._minutes), Counter[tuple[str, str]]())
        return tuple(Saving(caller=caller, how=how, calls=calls) for (caller, how), calls in total.most_common())

    def _minute(self, now: float) -> _Minute:
        number = int(now // 60)
        if not self._minutes or self._minutes[-1].number != number:
            self._forget(now)
            self._minutes.append(_Minute(number))
        return self._minutes[-1]

    def _forget(self, now: float) -> None:
        while self._minutes and self._minutes[0].number <= int(now // 60) - _MINUTES:
            self._minutes.popleft()
