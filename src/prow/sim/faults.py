"""Planned misfortune: `Faults` keeps the rules of `plan`, counts, and says what strikes a call or a delivery.

How it feels is up to `faulty` (calls) and `webhooks` (deliveries). Limits last: who was told of one is told again until it is over,
and whoever asked although he had been told stands in `ignored`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from prow.lib.clock import Clock
from prow.sim.plan import (
    CallFault,
    DeliveryFault,
    Error,
    Lose,
    Match,
    Plan,
    PrimaryLimit,
    Rule,
    SecondaryLimit,
    StaleSearch,
    What,
)
from prow.sim.world.merges import BASE_MODIFIED, HEAD_MODIFIED, NOT_MERGEABLE

_TEXTS = {405: NOT_MERGEABLE, 409: HEAD_MODIFIED, 422: "Validation Failed", 502: "Server Error", 500: "Server Error"}
_EVERYTHING = "*"
_IN_FLIGHT = 1.0
"""Seconds in which calls that were sent before a limit was told may still arrive."""


@dataclass
class _Given:
    """A rule, and what it has seen. `left`: None for without end."""

    rule: Rule
    since: float
    luck: random.Random
    left: int | None
    fitted: int = 0
    struck: int = 0


@dataclass(frozen=True)
class Strike:
    """What happened to whom. `at`: seconds of the clock."""

    at: float
    what: What
    whom: str
    rule: str = ""


@dataclass(frozen=True)
class Told:
    """A limit that a caller knows of. `since`, `until`: seconds of the clock."""

    fault: PrimaryLimit | SecondaryLimit
    since: float
    until: float


@dataclass
class Faults:
    """`sim.faults`. `struck`: everything that happened; `ignored`: calls of those who had been told of a limit before."""

    clock: Clock
    remember: Callable[[], None] = lambda: None
    """Called before search may become stale."""
    seed: int = 0
    struck: list[Strike] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    _given: list[_Given] = field(default_factory=list)
    _told: dict[tuple[str, str], Told] = field(default_factory=dict)

    # Giving

    def add(self, *rules: Rule) -> None:
        """From now on. The earliest that strikes is the only one that does."""
        now = self.clock.monotonic()
        for rule in rules:
            luck = random.Random(f"{self.seed}/{len(self._given)}")  # noqa: S311 - luck, no secret
            self._given.append(_Given(rule, now, luck, rule.times))
            if isinstance(rule.what, StaleSearch):
                self.remember()

    def follow(self, plan: Plan) -> None:
        """This plan in place of everything before."""
        self.clear()
        self.seed = plan.seed
        self.add(*plan.rules)

    def remove(self, rule: Rule) -> None:
        self._given = [given for given in self._given if given.rule is not rule]

    def clear(self) -> None:
        """Nothing strikes any more; limits that were told are forgiven."""
        self._given.clear()
        self._told.clear()

    @property
    def rules(self) -> Sequence[tuple[Rule, int]]:
        """Those in force, and how often each has struck."""
        return [(given.rule, given.struck) for given in self._given]

    @property
    def idle(self) -> bool:
        """No call and no delivery can be struck."""
        return not self._given and not self._told

    @property
    def pending(self) -> int:
        """Strikes still to come of rules that end by themselves."""
        return sum(given.left or 0 for given in self._given)

    # Short forms

    def next(
        self, method: str, ending: str, status: int, message: str = "", *, after: bool = False, times: int = 1,
        headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        """The next calls of this method whose path ends so. `after`: they take effect, and only their answers are replaced."""
        what = Error(status, message or _TEXTS.get(status, "Fault"), after=after, headers=headers or {})
        self.add(Rule(match=Match(method=method, path=f"*{ending}"), what=what, times=times))

    def next_merge(self, status: int, message: str = "", *, after: bool = False, times: int = 1) -> None:
        """The next merges: 405 not mergeable, 409 head modified, 422, 502, or with a text of your own."""
        self.next("PUT", "/merge", status, message, after=after, times=times)

    def next_merge_finds_base_modified(self, *, times: int = 1) -> None:
        """As when somebody else has just merged into the branch."""
        self.next_merge(405, BASE_MODIFIED, times=times)

    def next_graphql(self, status: int = 502, *, times: int = 1) -> None:
        self.next("POST", "/graphql", status, times=times)

    def lose_webhooks(self, match: Match | None = None) -> Rule:
        """Every delivery that fits is lost, until the rule is removed."""
        rule = Rule(match=match or Match(), what=Lose())
        self.add(rule)
        return rule

    # Striking

    def of_call(self, *, method: str, path: str, login: str, resource: str, body: bytes) -> CallFault | None:
        """What strikes this call, if anything. `resource`: the budget it is booked on; empty for git, which has none."""
        whom = f"{method} {path}"
        told = self.limit_of(login, resource) if resource else None
        if told is not None:
            if self.clock.monotonic() > told.since + _IN_FLIGHT:
                self.ignored.append(f"{login or 'nobody'}: {whom}")
            return told.fault
        for given in self._given:
            what = given.rule.what
            if isinstance(what, DeliveryFault) or (not resource and isinstance(what, PrimaryLimit | SecondaryLimit)):
                continue
            if given.rule.match.call(method=method, path=path, login=login, body=body) and self._strikes(given, whom):
                if isinstance(what, PrimaryLimit | SecondaryLimit):
                    self._tell(what, login, resource)
                return what
        return None

    def of_delivery(self, *, event: str, action: str, body: bytes) -> DeliveryFault | None:
        """What strikes this delivery of a webhook."""
        for given in self._given:
            what = given.rule.what
            if not isinstance(what, DeliveryFault):
                continue
            fits = given.rule.match.delivery(event=event, action=action, body=body)
            if fits and self._strikes(given, f"{event} {action}".strip()):
                return what
        return None

    def limit_of(self, login: str, resource: str) -> Told | None:
        """The limit that this caller was told of and that is not over."""
        now = self.clock.monotonic()
        for name in (_EVERYTHING, resource):
            told = self._told.get((login, name))
            if told is not None and now < told.until:
                return told
        return None

    def _tell(self, what: PrimaryLimit | SecondaryLimit, login: str, resource: str) -> None:
        now = self.clock.monotonic()
        name = resource if isinstance(what, PrimaryLimit) else _EVERYTHING
        self._told[login, name] = Told(what, now, now + what.seconds)

    def _strikes(self, given: _Given, whom: str) -> bool:
        rule, now = given.rule, self.clock.monotonic()
        if given.left == 0:
            return False
        if rule.between is not None and not rule.between[0] <= now - given.since < rule.between[1]:
            return False
        given.fitted += 1
        if given.fitted <= rule.skip or (given.fitted - rule.skip) % max(1, rule.every):
            return False
        if rule.chance < 1 and given.luck.random() >= rule.chance:
            return False
        given.struck += 1
        if given.left is not None:
            given.left -= 1
        self.struck.append(Strike(now, rule.what, whom, rule.name))
        return True
