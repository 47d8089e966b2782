"""The GitHub client: areas of the API over one transport, in views that say who asks and how urgently.

`GitHub.open(...)` makes the client of a process; `bound(caller=…, cost=…)` gives a view of it that books its calls on that
caller. All views share connections, cache, limits and books. Consumers declare Protocols with the few methods they use.

What most components need is on `GitHub` itself. The rest, a module for each noun, is reached with `area`, so that a process
imports only what it uses: `github.area(Teams)`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import httpx2

import prow
from prow.github.area import Area
from prow.github.cache import Cache
from prow.github.call import Cost
from prow.github.issues import Issues
from prow.github.limiter import Limits, Paces
from prow.github.merging import Merging
from prow.github.meter import Spent
from prow.github.orgs import Orgs
from prow.github.pulls import Pulls
from prow.github.repos import Repos
from prow.github.rules import Options
from prow.github.spending import Account
from prow.github.tokens import FixedToken, Tokens
from prow.github.transport import Transport
from prow.lib.clock import Clock

A = TypeVar("A", bound=Area)

__all__ = ["Cost", "GitHub", "Limits", "Options", "Spent"]


class GitHub(Issues, Pulls, Repos, Orgs, Merging):
    """One view of the client. Methods raise `github.errors` and `lib.errors.RateLimited`."""

    @classmethod
    def open(
        cls,
        *,
        clock: Clock,
        component: str,
        tokens: Tokens | None = None,
        endpoints: Sequence[str] = ("https://api.github.com",),
        graphql_endpoint: str = "https://api.github.com/graphql",
        dry_run: bool = False,
        options: Options | None = None,
        limits: Limits | None = None,
        paces: Paces | None = None,
        cache: Cache | None = None,
        http: httpx2.AsyncBaseTransport | None = None,
    ) -> GitHub:
        """The client of one process. `endpoints`: in order of preference. `http`: another transport, for tests.

        `paces`: books of identities that are shared with other clients of this process.

        Nothing is connected before the first call. Raises UsageError for an address that cannot be one.
        """
        transport = Transport(
            clock=clock,
            tokens=tokens or FixedToken(),
            component=component,
            version=prow.__version__,
            endpoints=endpoints,
            graphql_endpoint=graphql_endpoint,
            dry_run=dry_run,
            options=options,
            limits=limits,
            paces=paces,
            cache=cache,
            http=http,
        )
        return cls(transport, caller=component, cost=Cost.BACKGROUND)

    def bound(self, *, caller: str, cost: Cost | None = None, patience: float | None = None) -> GitHub:
        """A view that books its calls on `caller`. `patience`: seconds a call may wait (None: as its cost class says)."""
        return GitHub(self._transport, caller=caller, cost=self._cost if cost is None else cost, patience=patience)

    def area(self, kind: type[A]) -> A:
        """Another area of the API, booked on the same caller."""
        return kind(self._transport, caller=self._caller, cost=self._cost, patience=self._patience)

    @property
    def dry_run(self) -> bool:
        return self._transport.dry_run

    def spent(self) -> Spent:
        """What all views of this client asked so far."""
        return self._transport.meter.spent()

    def account(self) -> Account:
        """What all views of this client spent in the last hour, saved, and have left."""
        known = self._transport.known_user
        return self._transport.meter.account(self._transport.paces, login=known.login if known is not None else "")

    async def aclose(self) -> None:
        """Close the connections of all views."""
        await self._transport.aclose()
