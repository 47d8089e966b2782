"""A simulated GitHub held against GitHub's own descriptions: every request, every answer, every webhook."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import msgspec

from prow.lib import http
from prow.sim.downloads import is_one
from prow.sim.server import Sim
from tests.support.github_description import Operation, description, installed
from tests.support.github_graphql import wrong_answer
from tests.support.github_webhooks import wrong_deliveries

_OUTSIDE = re.compile(r"/_sim/.*|/[^/]+/[^/]+/(?:info/refs|git-upload-pack|git-receive-pack)")
"""Not of the API: the simulator's own controls, and git; what is downloaded, too."""
_GRAPHQL = re.compile(r"/(?:api/)?graphql")
_BY_NUMBER = re.compile(r"^/repositories/\d+")
"""Where redirects lead; its prose says that calls work there as well."""
_REDIRECTS = frozenset({301, 307})
"""To a repository's new name; GitHub's reference tells of it in prose for every call."""
_GONE = re.compile(r'head/(?:user|repo): null is not of type "object"(?:; )?')
"""What GitHub answers for a fork that was deleted, whatever its description says."""


class Checked:
    """An ASGI application around the simulator's. `violations`: what was wrong, one text for each."""

    def __init__(self, app: http.App) -> None:
        self._app = app
        self._description = description()
        self.violations: list[str] = []
        self.calls = 0

    async def __call__(self, scope: http.Scope, receive: http.Receive, send: http.Send) -> None:
        path = _BY_NUMBER.sub("/repos/by/number", str(scope.get("path", "")).removeprefix("/api/v3"), count=1)
        if scope["type"] != "http" or (_OUTSIDE.fullmatch(path) or is_one(path)):
            await self._app(scope, receive, send)
            return
        asked, answered = bytearray(), bytearray()
        start: http.Message = {}

        async def heard() -> http.Message:
            message = await receive()
            asked.extend(message.get("body", b""))
            return message

        async def said(message: http.Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
            else:
                answered.extend(message.get("body", b""))
            await send(message)

        await self._app(scope, heard, said)
        if start:
            self.calls += 1
            self._check(scope, path, bytes(asked), start, bytes(answered))

    def _check(self, scope: http.Scope, path: str, asked: bytes, start: http.Message, answered: bytes) -> None:
        status = int(start["status"])
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        kinds = [value.decode() for key, value in start["headers"] if key.lower() == b"content-type"]
        if _GRAPHQL.fullmatch(path):
            self._blame(f"GraphQL -> {status}", wrong_answer(status, kinds[0] if kinds else "", answered))
            return
        operation = self._description.operation(method, path)
        if operation is None:
            self._blame(f"{method} {path}", "GitHub has no such call")
            return
        if status in _REDIRECTS:
            return
        names = set(parse_qs(scope.get("query_string", b"").decode(), keep_blank_values=True))
        if status < 400:
            self._blame(operation.name, self._description.wrong_query(operation, names))
            self._blame(operation.name, self._wrong_request(operation, asked))
        if scope["method"] != "HEAD" and not any(".raw" in kind for kind in kinds):
            wrong = self._description.wrong_response(operation, status, kinds[0] if kinds else "", answered)
            self._blame(f"{operation.name} -> {status}", _GONE.sub("", wrong))

    def _wrong_request(self, operation: Operation, asked: bytes) -> str:
        if operation.request is None and not asked.lstrip().startswith(b"{"):
            return ""  # a file
        body: Any = msgspec.json.decode(asked) if asked else None
        if body is None and operation.request is not None:
            return ""  # whether a body may be left out is not told apart well enough by the description
        return self._description.wrong_request(operation, body)

    def _blame(self, where: str, wrong: str) -> None:
        if wrong:
            self.violations.append(f"{where}: {wrong}")


@contextmanager
def checked(sim: Sim) -> Iterator[Sim]:
    """Every call to this simulator is checked while the block runs; at its end none may have been wrong, and no webhook either.

    Without `make setup-tests` there is nothing to check against: nothing happens then.
    """
    if not installed:
        yield sim
        return
    judge = Checked(sim.app.served)  # planned misfortune is outside of it: what it makes of answers is not GitHub's
    sim.app.served = judge
    yield sim
    wrong = sorted(set(judge.violations)) + wrong_deliveries(sim.world)
    assert not wrong, f"{len(wrong)} kinds of calls or webhooks are not as GitHub describes them:\n" + "\n".join(wrong)
