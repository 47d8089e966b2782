"""Answers on their way out: JSON, ETags, pages with their links, refusals."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from inspect import isawaitable
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.requests import Request

from prow.lib.http import Send
from prow.sim.errors import Refused
from prow.sim.rest.call import Answer

JSON = "application/json; charset=utf-8"
_DOCS = "https://docs.github.com/rest"
_MOST_PER_PAGE = 100
_DEFAULT_PER_PAGE = 30
_VARY = {"vary": "Accept, Authorization, Cookie, X-GitHub-OTP, Accept-Encoding, Accept, X-Requested-With"}
_OF_ONE = {"cache-control": "private, max-age=60, s-maxage=60"} | _VARY
_OF_ALL = {"cache-control": "public, max-age=60, s-maxage=60"} | _VARY


class Made:
    """An answer that can be sent."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.body = body
        self.headers = dict(headers or {})

    async def given(self, send: Send) -> None:
        headers = [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in self.headers.items()]
        if self.status not in {204, 304}:
            headers.append((b"content-length", str(len(self.body)).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


async def made(request: Request, query: Mapping[str, str], answer: Answer) -> Made:
    """The answer of a handler, as this request wants it: one page of a list, or nothing when it is known already."""
    body, headers = answer.body, answer.headers
    if answer.items is not None:
        page, links = _page(request, query, answer)
        if answer.each is not None:
            page = [answer.each(item) for item in page]
            if page and isawaitable(page[0]):
                page = [await item for item in page]
        body = answer.wrap(page) if answer.wrap is not None else list(page)
        if links:
            headers = headers | {"link": links}
    if answer.status == 204 or (answer.status >= 300 and body is None):
        return Made(answer.status, headers=headers)
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    if request.method in {"GET", "HEAD"}:
        # GitHub's ETags differ by token; the body decides the rest.
        seed = request.headers.get("authorization", "").encode()
        etag = f'W/"{hashlib.blake2b(data, digest_size=32, key=hashlib.blake2b(seed).digest()).hexdigest()}"'
        fresh = {"etag": etag} | (_OF_ONE if seed else _OF_ALL)
        if answer.modified is not None:
            fresh["last-modified"] = format_datetime(answer.modified.astimezone(UTC), usegmt=True)
        if _known(request.headers.get("if-none-match"), etag) or _unchanged(request, answer.modified):
            return Made(304, headers=headers | fresh)
        return Made(answer.status, data, headers | fresh | {"content-type": answer.media})
    return Made(answer.status, data, headers | {"content-type": answer.media})


def _known(names: str | None, etag: str) -> bool:
    """Whether the caller names this version among those it has; weak or not makes no difference."""
    if names is None or names == etag:
        return names is not None
    bare = etag.removeprefix("W/")
    return names.strip() == "*" or any(name.strip().removeprefix("W/") == bare for name in names.split(","))


def _unchanged(request: Request, modified: datetime | None) -> bool:
    """By its time, which is told to the second; who names a version is answered by that alone."""
    since = request.headers.get("if-modified-since")
    if modified is None or since is None or "if-none-match" in request.headers:
        return False
    try:
        return modified.replace(microsecond=0) <= parsedate_to_datetime(since)
    except (TypeError, ValueError):
        return False


def refusal(refused: Refused) -> Made:
    docs = refused.docs or _DOCS
    body: dict[str, Any] = {"message": refused.message, "documentation_url": docs, "status": str(refused.status)}
    if refused.errors is not None:
        body["errors"] = refused.errors
    return Made(refused.status, msgspec.json.encode(body), {"content-type": JSON} | dict(refused.headers or {}))


def _page(request: Request, query: Mapping[str, str], answer: Answer) -> tuple[Any, str]:
    items = answer.items or ()
    per_page = min(_number(query.get("per_page"), _DEFAULT_PER_PAGE), _MOST_PER_PAGE)
    page = _number(query.get("page"), 1)
    last = max(1, -(-len(items) // per_page))
    wanted = {"prev": page - 1, "first": 1} if page > 1 else {}
    if page < last:
        wanted |= {"next": page + 1, "last": last}
    links = ""
    if wanted:
        base = f"{request.url.scheme}://{request.headers.get('host', '')}{request.url.path}"
        links = ", ".join(f'<{base}?{urlencode({**query, "page": str(n)})}>; rel="{rel}"' for rel, n in wanted.items())
    return items[(page - 1) * per_page : page * per_page], links


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and 0 < int(text) < 100_000 else default
