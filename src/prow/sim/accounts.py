"""Who calls, what it may spend, and what was called: tokens, rate limits, the count of calls."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from starlette.requests import Request

from prow.lib.clock import Clock
from prow.sim.errors import Refused

LIMIT = 5000
ANONYMOUS_LIMIT = 60
_HOUR = 3600


@dataclass
class Budget:
    limit: int
    used: int
    reset: int


class Budgets:
    """The hourly limit of each identity, for REST (`core`) and GraphQL (`graphql`) apart."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._budgets: dict[tuple[str, str], Budget] = {}
        self.limit = LIMIT

    def of(self, login: str | None, resource: str = "core") -> Budget:
        now = int(self._clock.now().timestamp())
        key = (login or "", resource)
        budget = self._budgets.get(key)
        if budget is None or now >= budget.reset:
            limit = self.limit if login else max(ANONYMOUS_LIMIT, self.limit)
            budget = self._budgets[key] = Budget(limit, 0, now + _HOUR)
        return budget

    def spend(self, login: str | None, resource: str = "core") -> Budget:
        budget = self.of(login, resource)
        if budget.used >= budget.limit:
            raise Refused(403, "API rate limit exceeded")
        budget.used += 1
        return budget


def token_of(request: Request) -> str | None:
    """The token of a request: `token X`, `Bearer X`, or the password of basic authentication (git)."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "token" | "bearer":
            return rest.strip()
        case "basic":
            try:
                return base64.b64decode(rest, validate=True).decode().partition(":")[2]
            except ValueError:
                return ""
        case _:
            return None
