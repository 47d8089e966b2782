"""The language of misfortune: rules as values, which tests, soaks and the control API write alike.

A rule says whom it strikes (`match`), how often and when (`times`, `every`, `skip`, `between`, `chance`), and with what (`what`). As JSON or
YAML: `{"match": {"method": "PUT", "path": "*/merge"}, "what": {"kind": "error", "status": 502, "after": true}, "times": 1}`.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import msgspec


class _Value(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _What(_Value, frozen=True, tag_field="kind"):
    pass


# What strikes a call


class Error(_What, frozen=True, tag="error"):
    """This status with a JSON text. `after`: the call takes effect, and only its answer is replaced."""

    status: int = 502
    message: str = "Server Error"
    after: bool = False
    headers: dict[str, str] = {}


class Html(_What, frozen=True, tag="html"):
    """A page for people, as proxies in between answer."""

    status: int = 502
    after: bool = False


class NoAnswer(_What, frozen=True, tag="no_answer"):
    """Nothing comes until the caller hangs up."""

    after: bool = False


class Reset(_What, frozen=True, tag="reset"):
    """The connection breaks when `part` of the answer's body has come."""

    after: bool = True
    part: float = 0.5


class Malformed(_What, frozen=True, tag="malformed"):
    """The call takes effect; half of the JSON comes, as if that were all of it."""


class Slow(_What, frozen=True, tag="slow"):
    """The call is carried out that many seconds later."""

    seconds: float = 10.0


class PrimaryLimit(_What, frozen=True, tag="primary_limit"):
    """The hour's budget is spent: `status` 403 or 429 with `x-ratelimit-reset`, for every call of that budget and caller until then."""

    seconds: float = 600.0
    status: int = 403


class SecondaryLimit(_What, frozen=True, tag="secondary_limit"):
    """Too much at once: `status` 403 or 429 with `retry-after`, for every call of that caller until then."""

    seconds: float = 60.0
    status: int = 403


class GraphQLErrors(_What, frozen=True, tag="graphql_errors"):
    """The true answer, but what stands at `path` is null and an error says so; numbers are places in lists, `*` every place."""

    path: tuple[str, ...] = ()
    message: str = "Something went wrong while executing your query."
    type: str = ""


class StaleSearch(_What, frozen=True, tag="stale_search"):
    """Search, by REST or GraphQL, knows what was true that many seconds ago."""

    seconds: float = 60.0


# What strikes a delivery of a webhook


class Lose(_What, frozen=True, tag="lose"):
    """It is never sent; the log of deliveries has it without an answer."""


class Late(_What, frozen=True, tag="late"):
    """It is sent that many seconds later; later ones overtake it."""

    seconds: float = 30.0


class Repeat(_What, frozen=True, tag="repeat"):
    """It is sent `times` times, with the same GUID."""

    times: int = 2


class Reorder(_What, frozen=True, tag="reorder"):
    """`by` later ones of the same hook overtake it; when they do not come within that many seconds, it goes."""

    by: int = 1
    within: float = 10.0


CallFault = (
    Error | Html | NoAnswer | Reset | Malformed | Slow | PrimaryLimit | SecondaryLimit | GraphQLErrors | StaleSearch
)
DeliveryFault = Lose | Late | Repeat | Reorder
What = CallFault | DeliveryFault


class Match(_Value, frozen=True, kw_only=True):
    """Whom a rule strikes; what is empty fits everything. `path`, `event` and `action`: `*` stands for any text.

    method, path, login: of a call to the API or to git (`/acme/rockets.git/git-upload-pack`). event, action: of a delivery.
    body: a text that the body contains.
    """

    method: str = ""
    path: str = ""
    login: str = ""
    event: str = ""
    action: str = ""
    body: str = ""

    def call(self, *, method: str, path: str, login: str, body: bytes) -> bool:
        return (
            self.method in {"", method}
            and _fits(self.path, path)
            and self.login.lower() in {"", login.lower()}
            and self.body.encode() in body
        )

    def delivery(self, *, event: str, action: str, body: bytes) -> bool:
        return _fits(self.event, event) and _fits(self.action, action) and self.body.encode() in body


class Rule(_Value, frozen=True, kw_only=True):
    """Of those that fit, it passes over the first `skip`, then strikes each `every`-th, at most `times` times.

    between: only from so many seconds to so many after the rule was given. chance: strikes so often, by the plan's seed.
    """

    what: What
    match: Match = Match()
    times: int | None = None
    every: int = 1
    skip: int = 0
    between: tuple[float, float] | None = None
    chance: float = 1.0
    name: str = ""


class Plan(_Value, frozen=True, kw_only=True):
    """Rules together; the first that strikes is the only one that does. The same seed gives the same luck."""

    rules: tuple[Rule, ...] = ()
    seed: int = 0


def plan_from(value: Any) -> Plan:
    """The plan that a JSON or YAML document means. Raises `msgspec.ValidationError`, which names the place."""
    return msgspec.convert(value, Plan)


def _fits(pattern: str, text: str) -> bool:
    return not pattern or fnmatchcase(text, pattern)
