"""GitHub's search by REST. It has an index that lags, a limit of 1,000 hits, and a budget of its own of 30 calls a minute."""

from __future__ import annotations

import msgspec

from prow.github.area import Area, Place, at
from prow.model.forge import Issue


class _Found(msgspec.Struct):
    items: list[Issue] = []
    total_count: int = 0


class Search(Area):
    async def find_issues(
        self, query: str, *, org: str = "", sort: str = "", ascending: bool = False
    ) -> tuple[Issue, ...]:
        """Issues and pull requests. `org` chooses the credentials; `sort`: created, updated or comments."""
        pages = await self._wrapped(_Found, _issues(query, org=org, sort=sort, ascending=ascending))
        return tuple(issue for page in pages for issue in page.items)

    async def count_issues(self, query: str, *, org: str = "") -> int:
        """How many there are; one call."""
        place = _issues(query, org=org)
        return (await self._read(_Found, Place(place.template, f"{place.path}&per_page=1", place.org))).total_count


def _issues(query: str, *, org: str, sort: str = "", ascending: bool = False) -> Place:
    asked = {"q": query, **({"sort": sort} if sort else {}), **({"order": "asc"} if ascending else {})}
    place = at("/search/issues", {}, query=asked)
    return Place(place.template, place.path, org)
