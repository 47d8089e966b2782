"""How misfortune feels on the wire: an ASGI application around the simulated GitHub that spoils calls as `faults` says.

Time may be virtual and the caller in this process: while an answer is held back, the call does not count as open work.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request

from prow.lib import open_work
from prow.lib.clock import Clock
from prow.lib.http import App, HungUp, Message, Receive, Scope, Send
from prow.sim.accounts import token_of
from prow.sim.faults import Faults
from prow.sim.plan import (
    CallFault,
    Error,
    GraphQLErrors,
    Html,
    Malformed,
    NoAnswer,
    PrimaryLimit,
    Reset,
    SecondaryLimit,
    Slow,
    StaleSearch,
)
from prow.sim.world.index import searched_as_of

_LARGEST_BODY = 25 << 20
_PAGE = b"<!DOCTYPE html>\n<html><head><title>Unicorn!</title></head><body><h1>This page is taking too long.</h1></body></html>\n"
_LIMIT_DOCS = "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api"

Decide = Callable[[Request], "CallFault | Awaitable[CallFault | None] | None"]
"""Decides about a call before it is carried out; an async one may let something happen first. `request.state.body`: its JSON."""


class Faulty:
    """`who`: the login of a token, empty for a wrong one. `decide`: asked before the plan."""

    def __init__(self, app: App, faults: Faults, *, clock: Clock, who: Callable[[str], str]) -> None:
        self.served = app
        self._faults = faults
        self._clock = clock
        self._who = who
        self.decide: Decide | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (self.decide is None and self._faults.idle):
            await self.served(scope, receive, send)
            return
        body = b""
        if _reads(scope):
            body, receive = await _buffered(receive)
        request = Request(scope, receive)
        fault = await self._decided(request, body)
        if fault is None:
            await self.served(scope, receive, send)
        else:
            await self._strike(fault, request, receive, send)

    async def _decided(self, request: Request, body: bytes) -> CallFault | None:
        if self.decide is not None:
            request.state.body = _json(body)
            found = self.decide(request)
            found = await found if isinstance(found, Awaitable) else found
            if found is not None:
                return found
        token = token_of(request)
        path = _path(request)
        return self._faults.of_call(
            method=request.method,
            path=path,
            login=self._who(token) if token else "",
            resource=_resource(path),
            body=body,
        )

    async def _strike(self, fault: CallFault, request: Request, receive: Receive, send: Send) -> None:
        match fault:
            case Slow():
                await held(self._clock, fault.seconds)
                await self.served(request.scope, receive, send)
            case StaleSearch():
                with searched_as_of(fault.seconds):
                    await self.served(request.scope, receive, send)
            case NoAnswer():
                if fault.after:
                    await self._answer(request, receive)
                with open_work.held_up():
                    await _hung_up(receive)
            case Reset():
                true = await self._answer(request, receive) if fault.after else _Answer()
                await true.broken_off(send, fault.part)
            case Malformed():
                true = await self._answer(request, receive)
                await true.with_body(send, true.body[: len(true.body) // 2])
            case GraphQLErrors():
                true = await self._answer(request, receive)
                await true.with_body(send, _with_errors(true.body, fault))
            case PrimaryLimit() | SecondaryLimit():
                await self._limited(fault, request, send)
            case Error() | Html():
                if fault.after:
                    await self._answer(request, receive)
                await _instead(fault).given(send)

    async def _answer(self, request: Request, receive: Receive) -> _Answer:
        """The true answer, kept back."""
        made = _Answer()
        await self.served(request.scope, receive, made.take)
        return made

    async def _limited(self, fault: PrimaryLimit | SecondaryLimit, request: Request, send: Send) -> None:
        """As GitHub says it; GraphQL tells of a spent budget with a 200."""
        token = token_of(request)
        login = self._who(token) if token else ""
        resource = _resource(_path(request))
        told = self._faults.limit_of(login, resource)
        left = max(0.0, told.until - self._clock.monotonic()) if told is not None else fault.seconds
        if isinstance(fault, SecondaryLimit):
            text = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            headers = {"retry-after": str(round(left))}
            await _json_answer(fault.status, {"message": text, "documentation_url": _LIMIT_DOCS}, headers).given(send)
            return
        reset = int(self._clock.now().timestamp() + left)
        headers = {
            "x-ratelimit-limit": "5000",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-used": "5000",
            "x-ratelimit-reset": str(reset),
            "x-ratelimit-resource": resource,
        }
        text = f"API rate limit exceeded for {login or 'this address'}."
        if resource == "graphql":
            body: Any = {"errors": [{"type": "RATE_LIMITED", "message": text}]}
            await _json_answer(200, body, headers).given(send)
        else:
            body = {"message": text, "documentation_url": _LIMIT_DOCS}
            await _json_answer(fault.status, body, headers).given(send)


class _Answer:
    """An answer in memory."""

    def __init__(self, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None, body: bytes = b"") -> None:
        self.status = status
        self.headers = headers or []
        self.body = body

    async def take(self, message: Message) -> None:
        """As `send` of the application."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message.get("headers", ()))
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")

    async def given(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

    async def with_body(self, send: Send, body: bytes) -> None:
        """With another body under the same headers: its ETag stays, as with a proxy that cut it."""
        self.headers = [header for header in self.headers if header[0].lower() != b"content-length"]
        self.headers.append((b"content-length", str(len(body)).encode()))
        self.body = body
        await self.given(send)

    async def broken_off(self, send: Send, part: float) -> None:
        """Some of it, and then the connection breaks."""
        if not any(name.lower() == b"content-length" for name, _ in self.headers):
            self.headers.append((b"content-length", str(len(self.body) + 1).encode()))
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body[: int(len(self.body) * part)], "more_body": True})
        raise HungUp("the connection broke, as planned")


async def held(clock: Clock, seconds: float) -> None:
    """Hold an answer back, and let time pass meanwhile although somebody counts the call as open work."""
    with open_work.held_up():
        await clock.sleep(seconds)


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _reads(scope: Scope) -> bool:
    """Whether the body can be looked at: not git's, and nothing too large to be JSON."""
    headers = dict(scope["headers"])
    length = headers.get(b"content-length", b"0")
    small = length.isdigit() and int(length) <= _LARGEST_BODY and b"transfer-encoding" not in headers
    return small and scope["method"] not in {"GET", "HEAD"} and not scope["path"].endswith("-pack")


async def _buffered(receive: Receive) -> tuple[bytes, Receive]:
    """The body, and a `receive` that gives it again."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        body += message.get("body", b"")
        more = message.get("more_body", False)
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": bytes(body), "more_body": False}

    return bytes(body), again


def _path(request: Request) -> str:
    """As at github.com, whatever prefix a server of one's own has."""
    path: str = request.scope["path"]
    return "/graphql" if path == "/api/graphql" else path.removeprefix("/api/v3")


def _resource(path: str) -> str:
    """The budget that a call is booked on; git has none."""
    if path.endswith(("/info/refs", "/git-upload-pack", "/git-receive-pack")):
        return ""
    return "graphql" if path == "/graphql" else "search" if path.startswith("/search/") else "core"


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body) if body else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _instead(fault: Error | Html) -> _Answer:
    if isinstance(fault, Html):
        return _Answer(fault.status, [(b"content-type", b"text/html; charset=utf-8"), _length(_PAGE)], _PAGE)
    return _json_answer(fault.status, {"message": fault.message, "status": str(fault.status)}, fault.headers)


def _json_answer(status: int, value: Any, headers: dict[str, str]) -> _Answer:
    body = msgspec.json.encode(value)
    own = [(b"content-type", b"application/json; charset=utf-8"), _length(body)]
    return _Answer(status, own + [(name.encode(), text.encode()) for name, text in headers.items()], body)


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"content-length", str(len(body)).encode()


def _with_errors(body: bytes, fault: GraphQLErrors) -> bytes:
    """`errors` beside the data, in which the places are null."""
    answer = msgspec.json.decode(body)
    places = _blank(answer.get("data"), fault.path) if fault.path else [[]]
    said: dict[str, Any] = {"message": fault.message} | ({"type": fault.type} if fault.type else {})
    answer["errors"] = [said | ({"path": place} if place else {}) for place in places]
    return msgspec.json.encode(answer)


def _blank(data: Any, path: tuple[str, ...]) -> list[list[str | int]]:
    """Put null at `path`; gives where that was."""
    if isinstance(data, dict):
        keys: list[Any] = list(data) if path[0] == "*" else [path[0]] if path[0] in data else []
    elif isinstance(data, list):
        keys = list(range(len(data))) if path[0] == "*" else [int(path[0])] if path[0].isdecimal() else []
        keys = [key for key in keys if key < len(data)]
    else:
        return []
    found: list[list[str | int]] = []
    for key in keys:
        if len(path) == 1:
            data[key] = None
            found.append([key])
        else:
            found += [[key, *rest] for rest in _blank(data[key], path[1:])]
    return found
