"""Connections: pages of a list with cursors, as GitHub cuts them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLError

from prow.sim.payloads import Json

MOST = 100


@dataclass(frozen=True)
class Page:
    """Which part of a list is wanted."""

    first: int | None = None
    last: int | None = None
    after: str | None = None
    before: str | None = None

    def size(self, name: str) -> int:
        """GitHub wants to be told how many, and gives no more than a hundred."""
        size = self.first if self.first is not None else self.last
        if size is None:
            raise refused(
                "MISSING_PAGINATION_BOUNDARIES",
                f"You must provide a `first` or `last` value to properly paginate the `{name}` connection.",
            )
        if not 0 <= size <= MOST:
            raise refused(
                "EXCESSIVE_PAGINATION",
                f"Requesting {size} records on the `{name}` connection exceeds the `first` limit of {MOST} records.",
            )
        return size


def refused(kind: str, message: str) -> GraphQLError:
    """An error with GitHub's `type`."""
    return GraphQLError(message, extensions={"type": kind})


def cursor(value: Any) -> str:
    return base64.b64encode(b"cursor:" + json.dumps(value).encode()).decode()


def _position(text: str) -> Any:
    try:
        return json.loads(base64.b64decode(text, validate=True).removeprefix(b"cursor:"))
    except ValueError:
        raise _no_cursor(text) from None


def _no_cursor(text: str) -> GraphQLError:
    return refused("INVALID_CURSOR_ARGUMENTS", f"`{text[:80]}` does not appear to be a valid cursor.")


def _counted(name: str, items: Sequence[Any], page: Page) -> Json:
    """Whoever wants no nodes need not say how many."""

    def nodes(_: object) -> int:
        return page.size(name)

    return {"nodes": nodes, "edges": nodes, "pageInfo": nodes, "totalCount": len(items)}


def by_position(name: str, items: Sequence[Any], page: Page) -> Json:
    """A list that does not move: a cursor is a place in it."""
    if page.first is None and page.last is None:
        return _counted(name, items, page)
    start, end = (_place(text) if text is not None else None for text in (page.after, page.before))
    places = range(1, len(items) + 1)[start or 0 : end - 1 if end is not None else None]
    return _cut(page.size(name), page, places, items=[items[n - 1] for n in places], total=len(items))


def _place(text: str) -> int:
    found = _position(text)
    if not isinstance(found, int) or found < 0:
        raise _no_cursor(text)
    return max(found, 0)


def by_key(name: str, items: Sequence[Any], page: Page, key: Callable[[Any], list[Any]], *, down: bool = False) -> Json:
    """A list that may change between two pages: a cursor is the order key of its last item, so that nothing is left out."""
    if page.first is None and page.last is None:
        return _counted(name, items, page)
    size, rest = page.size(name), sorted(items, key=key, reverse=down)
    for text, later in ((page.after, True), (page.before, False)):
        if text is not None:
            place = _position(text)
            try:
                rest = [one for one in rest if key(one) != place and (key(one) > place) is (later is not down)]
            except TypeError:  # of another list
                raise _no_cursor(text) from None
    return _cut(size, page, [key(one) for one in rest], items=rest, total=len(items))


def _cut(size: int, page: Page, places: Sequence[Any], *, items: Sequence[Any], total: int) -> Json:
    """The first of these, or the last."""
    start = 0 if page.first is not None else max(0, len(items) - size)
    shown = slice(start, start + size)
    more = page.before is not None or start + size < len(items)
    earlier = page.after is not None or start > 0
    return _connection(items[shown], places[shown], more, total, earlier)


def _connection(nodes: Sequence[Any], places: Sequence[Any], more: bool, total: int, earlier: bool) -> Json:  # noqa: FBT001
    info = {
        "hasNextPage": more,
        "hasPreviousPage": earlier,
        "startCursor": cursor(places[0]) if places else None,
        "endCursor": cursor(places[-1]) if places else None,
    }
    edges = [{"cursor": cursor(place), "node": node} for place, node in zip(places, nodes, strict=True)]
    return {"nodes": list(nodes), "edges": edges, "pageInfo": info, "totalCount": total}
