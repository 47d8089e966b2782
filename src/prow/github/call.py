"""One call to GitHub as a value: where, what, how urgent, and what may be done when it fails.

An address is a template with `:name` segments; the same text is the metric's path and, filled in, the request's. Every value
is percent-encoded and checked here, so a name from a pull request cannot leave its segment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from prow.github.errors import BadName

_SEGMENT = re.compile(r":([a-zA-Z]+)(\*?)")
_LINK = re.compile(r'<([^>]*)>; *rel="([^"]*)"', re.ASCII)

V3 = "application/vnd.github.v3+json"
GRAPHQL = "/graphql"
"""The template of GraphQL calls; they go to an endpoint of their own and have an empty path."""


class Cost(IntEnum):
    """The class of a call; a lower number goes first when there is a queue."""

    INTERACTIVE = 0
    """A person waits for it."""
    MERGE = 1
    BACKGROUND = 2


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be asked of GitHub.

    `path`: encoded, with its query, relative to the endpoint. `ok`: statuses that are answers, besides every 2xx.
    `once`: the effect must not happen twice, so an unknown outcome is given back instead of being repeated.
    `content`: it makes something that people are notified of; GitHub limits those more strictly.
    `lags`: a 404 may mean that GitHub's replicas have not heard of the object yet.
    `reads`: nothing changes, although the method is POST (GraphQL queries).
    `patience`: seconds that may go into waiting before the caller is told to come back later; None: no limit but the client's.
    """

    method: str
    template: str
    path: str
    org: str = ""
    body: bytes | None = None
    accept: str = V3
    ok: tuple[int, ...] = ()
    caller: str = ""
    cost: Cost = Cost.BACKGROUND
    once: bool = False
    content: bool = False
    lags: bool = False
    reads: bool = False
    patience: float | None = None

    @property
    def what(self) -> str:
        """For messages."""
        return f"{self.method} {self.path.partition('?')[0] or self.template}"

    @property
    def resource(self) -> str:
        """Which of GitHub's budgets the call is booked on."""
        if self.template.startswith("/search"):
            return "search"
        return "graphql" if self.template == GRAPHQL else "core"


class Answer(msgspec.Struct, frozen=True):
    """`headers`: names in lower case. `free`: it cost nothing of the budget. `suppressed`: not sent, since this is a dry run.

    `trouble`: why the body of a 2xx cannot be what was asked for.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    free: bool = False
    suppressed: bool = False
    trouble: str = ""


def address(template: str, values: Mapping[str, str | int], *, query: Mapping[str, str | int] | None = None) -> str:
    """`/repos/:owner/:repo` with its values, encoded. A `:name*` takes several segments. Raises BadName."""

    def fill(match: re.Match[str]) -> str:
        return _segments(match[1], str(values[match[1]])) if match[2] else _segment(match[1], str(values[match[1]]))

    path = _SEGMENT.sub(fill, template)
    return f"{path}?{urlencode(query)}" if query else path


def _segment(name: str, value: str) -> str:
    if value in {"", ".", ".."} or "\x00" in value:
        raise BadName(f"{value!r} cannot be the {name} in a GitHub address")
    return quote(value, safe="", errors="replace")


def _segments(name: str, value: str) -> str:
    return "/".join(_segment(name, part) for part in value.split("/"))


def next_page(link_header: str, *prefixes: str) -> str:
    """Path and query of the page after this one, without the endpoint's own path (one of `prefixes`); empty: this was the last."""
    for target, relation in _LINK.findall(link_header):
        if relation == "next":
            return local_path(target, *prefixes)
    return ""


def local_path(url: str, *prefixes: str) -> str:
    """Path and query of an address that GitHub gave, relative to the endpoint: without the first of `prefixes` that it has."""
    parts = urlsplit(url)
    path = parts.path
    for prefix in prefixes:
        if prefix and path.startswith(f"{prefix}/"):
            path = path[len(prefix) :]
            break
    return f"{path}?{parts.query}" if parts.query else path
