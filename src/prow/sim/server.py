"""The simulated GitHub over HTTP: authentication, rate limits, ETags, pages and errors around `rest` and `graph`; git beside it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request

from prow.lib import http
from prow.lib.clock import Clock, SystemClock
from prow.lib.http import Receive, Scope, Send
from prow.lib.ids import Ids, RandomIds
from prow.sim import downloads, githttp, rest, unbuilt
from prow.sim.accounts import NOBODY, Identity, token_of
from prow.sim.answers import JSON, Made, refusal
from prow.sim.answers import made as answered
from prow.sim.errors import Moved, Refused
from prow.sim.faults import Faults
from prow.sim.faulty import Decide, Faulty, held
from prow.sim.limits import NOTIFYING, Budget
from prow.sim.rest.call import Answer, Call, Handler
from prow.sim.rest.needs import scope_headers
from prow.sim.rest.releases import UPLOAD
from prow.sim.router import Found, Router
from prow.sim.world import World

if TYPE_CHECKING:
    from prow.sim.graph.service import Graph

_LARGEST_BODY = 25 << 20
_CONTENT = frozenset({"POST", "PATCH", "PUT", "DELETE"})
_GRAPHQL = "/graphql"
_BY_ID = re.compile(r"/repositories/(\d{1,18})(?=/|$)")
_FREE = frozenset({"/rate_limit"})
"""Calls that cost nothing."""
_GIT_PATHS = ("/info/refs", "/git-upload-pack", "/git-receive-pack")
_PUSH = "/git-receive-pack"
_ENTERPRISE = "/api/v3/"
_API = (
    b"repos/", b"users/", b"orgs/", b"organizations/", b"repositories/", b"app/", b"user/", b'user"', b"installation/", b"teams/", b"search/",
)  # fmt: skip
"""How addresses of the API begin."""
_NO_NAME = (
    "Request forbidden by administrative rules. Please make sure your request has a User-Agent header "
    "(https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required)."
)
_LIMITED = "API rate limit exceeded"


class Sim:
    """A GitHub. `latency`: seconds every API answer takes. `world`: one with other rules. `faults`: planned misfortune.

    `saved`: awaited before a change is answered.
    """

    def __init__(
        self, root: Path, *, clock: Clock | None = None, ids: Ids | None = None, latency: float = 0.0,
        world: type[World] = World,
    ) -> None:  # fmt: skip
        self.clock = clock or SystemClock()
        self.world = world(root, clock=self.clock, ids=ids or RandomIds())
        self.latency = latency
        self.saved: Callable[[], Awaitable[None]] | None = None
        self.faults = Faults(self.clock, remember=self.world.remember)
        self.world.hooks.faults = self.faults
        self.budgets = self.world.budgets
        self._graph: Graph | None = None
        self._answered = 0
        graphql: dict[tuple[str, str], Handler] = {("POST", _GRAPHQL): self._graphql}
        self._router = Router(rest.table(self.world) | graphql)
        self._git = Starlette(routes=githttp.routes(self.world))
        self._downloads = Starlette(routes=downloads.routes(self.world))
        self.app = Faulty(self._served, self.faults, clock=self.clock, who=self._login_of)

    @property
    def fault(self) -> Decide | None:
        """Asked about every call before the plan of `faults`."""
        return self.app.decide

    @fault.setter
    def fault(self, decide: Decide | None) -> None:
        self.app.decide = decide

    @asynccontextmanager
    async def serve(
        self, *, host: str = "127.0.0.1", port: int = 0, tls: http.TLS | None = None, app: http.App | None = None
    ) -> AsyncIterator[str]:
        """Serve while the block runs; gives the base address. `app`: stands in front of this one."""
        listener = http.bind(host, port)
        address = http.url(host, listener.getsockname()[1])
        self.world.base = address if tls is None else address.replace("http://", "https://", 1)
        async with http.serve(app or self.app, listener=listener, tls=tls):
            try:
                yield self.world.base
            finally:
                await self.world.close()

    async def _graphql(self, call: Call) -> Answer:
        if call.login is None:
            raise Refused(401, "This endpoint requires you to be authenticated.")
        budget = self.world.budget(call.who, "graphql")
        if budget.used >= budget.limit:
            self.budgets.refused[call.who.key, "graphql"] += 1
            return Answer({"errors": [{"type": "RATE_LIMITED", "message": _LIMITED}]})
        if self._graph is None:
            from prow.sim.graph.service import Graph  # noqa: PLC0415 - the library takes memory that REST alone does not need

            self._graph = Graph(self.world)
        return Answer(await self._graph.answer(call.body, call.who, budget))

    async def _served(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application below planned misfortune."""
        path = self._named(scope["path"].removeprefix("/api/v3").removeprefix("/api/uploads"))
        if path.endswith(_GIT_PATHS) and not path.startswith("/repos/"):
            await self._git(scope, receive, send)
            if self.saved is not None and path.endswith(_PUSH):
                await self.saved()
            return
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        found = self._router.find(method, _GRAPHQL if path == f"/api{_GRAPHQL}" else path)
        if found is None and downloads.is_one(path):
            await self._downloads(scope, receive, send)
            return
        with suppress(ClientDisconnect):
            made = (
                self._unknown(method, path)
                if found is None
                else await self._answer(method, found, Request(scope, receive))
            )
            if scope["path"].startswith(_ENTERPRISE):
                self._move_below(made)
            await made.given(send)

    def _unknown(self, method: str, path: str) -> Made:
        template, refused = unbuilt.refusal(method, path)
        if template:
            self.world.calls[method, template] += 1
        return refusal(refused)

    async def _answer(self, method: str, found: Found[Handler], request: Request) -> Made:
        template = found.template
        if self.latency:
            await held(self.clock, self.latency)
        who, resource = NOBODY, _resource(template)
        budget: Budget | None = None
        write = method in _CONTENT and template != _GRAPHQL
        notifies = (method, template) in NOTIFYING
        try:
            if "user-agent" not in request.headers:
                raise Refused(403, _NO_NAME)
            who = self._authenticate(request)
            budget = self.world.budget(who, resource)
            if resource != "graphql" and template not in _FREE:
                self.budgets.admit(who, resource, budget)
            with self.budgets.hurry(who, resource, write=write, notifies=notifies):
                file, accept = (method, template) == UPLOAD, request.headers.get("accept", "")
                body, kind = await _body(request, file=file), request.headers.get("content-type", "")
                query = dict(parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True))
                call = Call(who, found.parts, query, body, (method, template), accept, kind)
                changes = write or _mutates(call)
                noted = (
                    self.world.journal.during(who.login, f"{method} {request.url.path}") if changes else nullcontext()
                )
                with noted:
                    made = await answered(request, query, await found.handler(call))
            if self.saved is not None and changes:
                await self.saved()
        except Moved as moved:
            made = self._moved(request, moved)
        except Refused as refused:
            made = refusal(refused)
        if made.status != 304 or not who.key:
            self.world.calls[method, template] += 1
            if write and made.status < 400 and who.login is not None:
                self.world.content_writes += 1
                self.budgets.wrote(who, notifies=notifies)
            if budget is not None and template not in _FREE and budget.left:
                budget.used += 1
        made.headers.update(scope_headers(who, method, template))
        self._answered += 1
        made.headers["x-github-request-id"] = f"51A0:{self._answered:06X}"
        made.headers["x-github-media-type"] = "github.v3; format=json"
        if budget is not None:
            made.headers.update(self.budgets.headers(budget, resource))
        return made

    def _move_below(self, made: Made) -> None:
        """Whoever asks below `/api/v3`, as at GitHub Enterprise Server, is told of addresses there; pages for people stay where they are."""
        base = b'"' + self.world.base.encode()
        below = base + _ENTERPRISE.encode()
        for place in _API:
            made.body = made.body.replace(base + b"/" + place, below + place)
        made.body = made.body.replace(b'"html_url":' + below, b'"html_url":' + base + b"/")
        moved, start = made.headers.get("location", ""), f"{self.world.base}/"
        if moved.startswith(start) and moved.removeprefix(start).encode().startswith(_API):
            made.headers["location"] = moved.replace(start, f"{self.world.base}{_ENTERPRISE}", 1)

    def _named(self, path: str) -> str:
        """A repository may be named by its number, too."""
        match = _BY_ID.match(path)
        if match is None:
            return path
        try:
            repo = self.world.repo_by_id(int(match[1]))
        except Refused:
            return path
        return f"/repos/{repo.full_name}{path[match.end() :]}"

    def _moved(self, request: Request, moved: Moved) -> Made:
        """Where it is now, with the rest of the path. What reads is sent there for good, what writes for this time."""
        rest_of_path = (
            "" if moved.whole else "".join(f"/{part}" for part in request.url.path.split("/repos/")[-1].split("/")[2:])
        )
        query = f"?{request.url.query}" if request.url.query else ""
        place = f"{self.world.base}{moved.location}{rest_of_path}{query}"
        reads = request.method in {"GET", "HEAD"}
        message = moved.message if reads else "Temporary Redirect"
        body = {"message": message, "url": place, "documentation_url": "https://docs.github.com/rest"}
        return Made(301 if reads else 307, msgspec.json.encode(body), {"location": place, "content-type": JSON})

    def _login_of(self, token: str) -> str:
        try:
            return self.world.identify(token).login or ""
        except Refused:
            return ""

    def _authenticate(self, request: Request) -> Identity:
        token = token_of(request)
        return self.world.identify(token) if token is not None else NOBODY


def _mutates(call: Call) -> bool:
    return call.route[1] == _GRAPHQL and isinstance(call.body, dict) and "mutation" in str(call.body.get("query"))


def _resource(template: str) -> str:
    """Which of its limits a call is counted against."""
    return "graphql" if template == _GRAPHQL else "search" if template.startswith("/search/") else "core"


async def _body(request: Request, *, file: bool) -> Any:
    if request.method not in _CONTENT:
        return None
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > _LARGEST_BODY:
            raise Refused(413, "Payload too large")
    if file:
        return bytes(data)
    if not data:
        return None
    try:
        return msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise Refused(400, "Problems parsing JSON") from error
