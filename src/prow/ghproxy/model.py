"""The nouns: a request as it came, an answer as it goes, and the settings (`spec/plugins-other` §7.1)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from prow.ghproxy.upstream import Response

Headers = list[tuple[bytes, bytes]]
"""Names in lower case."""


class Mode(StrEnum):
    """What `X-Cache-Mode` says. COALESCED, REVALIDATED and ERROR cost nothing at GitHub."""

    ERROR = "ERROR"
    NO_STORE = "NO-STORE"
    MISS = "MISS"
    CHANGED = "CHANGED"
    SKIP = "SKIP"
    COALESCED = "COALESCED"
    REVALIDATED = "REVALIDATED"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Times are seconds; `spacing`, `get_spacing` and `graphql_spacing` 0: off. `largest_request`: bytes of a body.

    `named_budgets`, `named_programs`: how many have a label of their own in metrics.
    """

    upstream: str = "https://api.github.com"
    concurrency: int = 25
    spacing: float = 0.0
    get_spacing: float = 0.0
    graphql_spacing: float = 0.0
    longest_delay: float = 30.0
    longest_graphql_delay: float = 30.0
    request_timeout: float = 30.0
    largest_request: int = 32 << 20
    named_budgets: int = 1000
    named_programs: int = 100


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """`target`: path and query as they came. `headers`: what is passed on. `budget`: whom the client says it is booked on."""

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    token: str = ""
    budget: str = ""
    agent: str = ""
    variant: str = ""
    etag: str = ""
    modified: str = ""
    whole: bool = True
    """Whether the answer may come from the cache: no range, no cookies."""
    here: bytes = b""
    """The client's address of the proxy."""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def graphql(self) -> bool:
        return self.path.startswith("/graphql") or self.path.startswith("/api/graphql")


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """`rest`: what of the body is still to come. `large`: it is too large to be kept, and was not read."""

    status: int
    headers: Headers
    mode: Mode
    body: bytes = b""
    rest: Response | None = None
    large: bool = False
