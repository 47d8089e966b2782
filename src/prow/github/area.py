"""What the areas of the API (`issues`, `pulls`, …) share: making calls, reading pages, reading typed answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import msgspec

from prow.github.call import V3, Answer, Call, Cost, address, next_page
from prow.github.decoding import Misfit, decoded
from prow.github.errors import AnswerTooLarge, MaybeDone, Refused, ServerBroken
from prow.github.transport import Transport

T = TypeVar("T")
W = TypeVar("W")
_PER_PAGE = 100
_MAX_PAGES = 300
_encode = msgspec.json.Encoder().encode


class Place(msgspec.Struct, frozen=True):
    """An address and the template it was made from; `org` chooses the credentials."""

    template: str
    path: str
    org: str


def at(template: str, values: Mapping[str, str | int], *, query: Mapping[str, str | int] | None = None) -> Place:
    """Fill a template. Its `:owner` or `:orgname` is the organisation. The names are those that upstream's metrics have."""
    org = values.get("owner") or values.get("orgname") or ""
    return Place(template.replace("*", ""), address(template, values, query=query), str(org))


def repo_at(
    tail: str, org: str, repo: str, *, query: Mapping[str, str | int] | None = None, **values: str | int
) -> Place:
    """A place below one repository."""
    return at(f"/repos/:owner/:repo{tail}", {"owner": org, "repo": repo, **values}, query=query)


class Area:
    """A view of the client: whose calls these are, and how urgent."""

    def __init__(self, transport: Transport, *, caller: str, cost: Cost, patience: float | None = None) -> None:
        self._transport = transport
        self._caller = caller
        self._cost = cost
        self._patience = patience

    def saved(self, how: str, calls: int = 1) -> None:
        """Note calls that whoever asks need not make (`spending.Saving`)."""
        self._transport.meter.saved(self._caller, how, calls)

    async def _ask(
        self,
        method: str,
        place: Place,
        *,
        body: object = None,
        accept: str = V3,
        ok: tuple[int, ...] = (),
        once: bool = False,
        content: bool = False,
        lags: bool = False,
    ) -> Answer:
        return await self._transport.request(
            self._call(
                method,
                place,
                body=None if body is None else _encode(body),
                accept=accept,
                ok=ok,
                once=once,
                content=content,
                lags=lags,
            )
        )

    def _call(self, method: str, place: Place, **how: Any) -> Call:
        return Call(
            method=method,
            template=place.template,
            path=place.path,
            org=place.org,
            caller=self._caller,
            cost=self._cost,
            patience=self._patience,
            **how,
        )

    async def _read(self, kind: type[T], place: Place, *, lags: bool = False) -> T:
        return typed(await self._ask("GET", place, lags=lags), kind, place)

    async def _write(
        self,
        method: str,
        place: Place,
        kind: type[T],
        *,
        body: object = None,
        instead: T,
        ok: tuple[int, ...] = (),
        accept: str = V3,
        once: bool = False,
        content: bool = False,
        lags: bool = False,
    ) -> T:
        """A write whose answer is read. `instead`: what a dry run answers, and an answer that need not have a body."""
        answer = await self._ask(method, place, body=body, ok=ok, accept=accept, once=once, content=content, lags=lags)
        if answer.suppressed or not (answer.body or once):
            return instead
        return typed(answer, kind, place, once=once)

    async def _short_list(self, kind: type[T], place: Place) -> tuple[T, ...] | None:
        """A list that fits into one page; None: it does not, or the token may not see it, and that is not asked again.

        Who wants to know of one name whether it is in such a list reads the list: asked again it costs nothing until it changes
        (304), where the answer about a name alone always counts.
        """
        if place.path in self._transport.long_lists:
            return None
        joined = "&" if "?" in place.path else "?"
        first = Place(place.template, f"{place.path}{joined}per_page={_PER_PAGE}", place.org)
        try:
            answer = await self._ask("GET", first, ok=(302, 404))
        except Refused:
            answer = Answer(403)
        if answer.status != 200 or next_page(answer.headers.get("link", ""), *self._transport.prefixes):
            self._transport.long_lists.add(place.path)
            return None
        return tuple(typed(answer, list[kind], place))  # type: ignore[valid-type]

    async def _wrapped(self, kind: type[W], place: Place, *, lags: bool = False) -> tuple[W, ...]:
        """All pages of a list whose pages are objects with the list in one field."""
        return tuple([typed(page, kind, place) for page in await self._pages(place, lags=lags)])

    async def _list(self, kind: type[T], place: Place, *, lags: bool = False) -> tuple[T, ...]:
        """All pages of a list."""
        items: list[T] = []
        for page in await self._pages(place, lags=lags):
            items += typed(page, list[kind], place)  # type: ignore[valid-type]
        return tuple(items)

    async def _pages(self, place: Place, *, lags: bool = False) -> list[Answer]:
        """Every page. `per_page` is added; the next address is GitHub's, relative to our own endpoint."""
        joined = "&" if "?" in place.path else "?"
        page = Place(place.template, f"{place.path}{joined}per_page={_PER_PAGE}", place.org)
        pages: list[Answer] = []
        prefixes = self._transport.prefixes
        while page.path:
            if len(pages) == _MAX_PAGES:
                raise AnswerTooLarge(f"GET {place.path}: more than {_MAX_PAGES} pages")
            answer = await self._ask("GET", page, lags=lags and not pages)
            pages.append(answer)
            page = Place(place.template, next_page(answer.headers.get("link", ""), *prefixes), place.org)
        return pages


def given(change: msgspec.Struct, *, but: Collection[str] = ()) -> dict[str, Any]:
    """The fields of a change that are set, without those in `but`."""
    fields = msgspec.structs.asdict(change).items()
    return {name: value for name, value in fields if value is not msgspec.UNSET and name not in but}


def typed(answer: Answer, kind: type[T], place: Place, *, once: bool = False) -> T:
    """The answer's body. Raises ServerBroken when it is something else, such as a page of a proxy in between; MaybeDone when it is that
    of a write that must not happen twice."""
    try:
        return decoded(answer.body, kind)
    except Misfit as error:
        looks = "an HTML page" if "html" in answer.headers.get("content-type", "") else str(error)
        raise (MaybeDone if once else ServerBroken)(f"{place.path}: GitHub's answer cannot be read: {looks}") from None
