"""The simulated GitHub over HTTP: authentication, rate limits, ETags, pages and errors around `rest` and `graph`; git beside it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from prow.lib import http
from prow.lib.clock import Clock, SystemClock
from prow.lib.ids import Ids, RandomIds
from prow.sim import githttp, rest
from prow.sim.accounts import NOBODY, Identity, token_of
from prow.sim.errors import Refused
from prow.sim.faults import Faults
from prow.sim.faulty import Decide, Faulty, held
from prow.sim.limits import Budget
from prow.sim.rest.call import Answer, Call, Handler
from prow.sim.rest.needs import scope_headers
from prow.sim.world import World

if TYPE_CHECKING:
    from prow.sim.graph.service import Graph

_DOCS = "https://docs.github.com/rest"
_MOST_PER_PAGE = 100
_DEFAULT_PER_PAGE = 30
_LARGEST_BODY = 25 << 20
_CONTENT = frozenset({"POST", "PATCH", "PUT", "DELETE"})
_GRAPHQL = "/graphql"
_FREE = frozenset({"/rate_limit"})
"""Calls that cost nothing."""
_LIMITED = "API rate limit exceeded"


class Sim:
    """A GitHub. `latency`: seconds every API answer takes. `faults`: planned misfortune."""

    def __init__(self, root: Path, *, clock: Clock | None = None, ids: Ids | None = None, latency: float = 0.0) -> None:
        self.clock = clock or SystemClock()
        self.world = World(root, clock=self.clock, ids=ids or RandomIds())
        self.latency = latency
        self.faults = Faults(self.clock, remember=self.world.remember)
        self.world.hooks.faults = self.faults
        self.budgets = self.world.budgets
        self._graph: Graph | None = None
        routes: list[Route] = []
        for prefix in ("", "/api/v3"):
            by_path: dict[str, dict[str, Handler]] = {}
            for (method, path), handler in rest.table(self.world).items():
                by_path.setdefault(path, {})[method] = handler
            for path, handlers in by_path.items():
                routes.append(Route(f"{prefix}{path}", self._endpoint(path, handlers), methods=list(handlers)))
        graphql = self._endpoint(_GRAPHQL, {"POST": self._graphql})
        routes += [Route(path, graphql, methods=["POST"]) for path in (_GRAPHQL, f"/api{_GRAPHQL}")]
        routes += githttp.routes(self.world)
        served = Starlette(routes=routes, exception_handlers={404: _not_found, 405: _not_found})
        self.app = Faulty(served, self.faults, clock=self.clock, who=self._login_of)

    @property
    def fault(self) -> Decide | None:
        """Asked about every call before the plan of `faults`."""
        return self.app.decide

    @fault.setter
    def fault(self, decide: Decide | None) -> None:
        self.app.decide = decide

    @asynccontextmanager
    async def serve(self, *, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
        """Serve while the block runs; gives the base address."""
        listener = http.bind(host, port)
        self.world.base = f"http://{host}:{listener.getsockname()[1]}"
        async with http.serve(self.app, listener=listener):
            try:
                yield self.world.base
            finally:
                await self.world.close()

    def _endpoint(self, template: str, handlers: dict[str, Handler]) -> Callable[[Request], Any]:
        async def answer(request: Request) -> Response:
            return await self._answer(template, handlers, request)

        return answer

    async def _graphql(self, call: Call) -> Answer:
        if call.login is None:
            raise Refused(401, "This endpoint requires you to be authenticated.")
        budget = self.world.budget(call.who, "graphql")
        if budget.used >= budget.limit:
            return Answer({"errors": [{"type": "RATE_LIMITED", "message": _LIMITED}]})
        if self._graph is None:
            from prow.sim.graph.service import Graph  # noqa: PLC0415 - the library takes memory that REST alone does not need

            self._graph = Graph(self.world)
        return Answer(await self._graph.answer(call.body, call.who, budget))

    async def _answer(self, template: str, handlers: dict[str, Handler], request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if self.latency:
            await held(self.clock, self.latency)
        who, resource = NOBODY, _resource(template)
        budget: Budget | None = None
        write = method in _CONTENT and template != _GRAPHQL
        try:
            who = self._authenticate(request)
            budget = self.world.budget(who, resource)
            if resource != "graphql" and template not in _FREE:
                self.budgets.admit(who, resource, budget)
            with self.budgets.hurry(who, resource, write=write):
                body, accept = await _json_body(request), request.headers.get("accept", "")
                parts, query = dict(request.path_params), dict(request.query_params)
                call = Call(who, parts, query, body, (method, template), accept)
                made = self._response(request, await handlers[method](call))
        except Refused as refused:
            made = _refusal(refused)
        if made.status_code != 304:
            self.world.calls[method, template] += 1
            if write and made.status_code < 400 and who.login is not None:
                self.world.content_writes += 1
                self.budgets.wrote(who)
            if budget is not None and template not in _FREE and budget.left:
                budget.used += 1
        made.headers.update(scope_headers(who, method, template))
        if budget is not None:
            made.headers.update(self.budgets.headers(budget, resource))
        return made

    def _login_of(self, token: str) -> str:
        try:
            return self.world.identify(token).login or ""
        except Refused:
            return ""

    def _authenticate(self, request: Request) -> Identity:
        token = token_of(request)
        return self.world.identify(token) if token is not None else NOBODY

    def _response(self, request: Request, answer: Answer) -> Response:
        body, headers = answer.body, dict(answer.headers)
        if answer.items is not None:
            page, links = _page(request, answer)
            body = answer.wrap(page) if answer.wrap is not None else list(page)
            if links:
                headers["link"] = links
        if answer.status == 204 or (answer.status >= 300 and body is None):
            return Response(status_code=answer.status, headers=headers)
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if request.method in {"GET", "HEAD"}:
            # GitHub's ETags differ by token; the body decides the rest.
            seed = request.headers.get("authorization", "").encode()
            headers["etag"] = f'W/"{hashlib.sha256(seed + data).hexdigest()}"'
            if request.headers.get("if-none-match") == headers["etag"]:
                return Response(status_code=304, headers=headers)
        return Response(data, answer.status, headers=headers, media_type=answer.media)


def _resource(template: str) -> str:
    """Which of its limits a call is counted against."""
    return "graphql" if template == _GRAPHQL else "search" if template.startswith("/search/") else "core"


def _page(request: Request, answer: Answer) -> tuple[Any, str]:
    items = answer.items or ()
    query = dict(request.query_params)
    per_page = min(_number(query.get("per_page"), _DEFAULT_PER_PAGE), _MOST_PER_PAGE)
    page = _number(query.get("page"), 1)
    last = max(1, -(-len(items) // per_page))
    wanted = {"prev": page - 1, "first": 1} if page > 1 else {}
    if page < last:
        wanted |= {"next": page + 1, "last": last}
    base = f"{request.url.scheme}://{request.headers.get('host', '')}{request.url.path}"
    links = ", ".join(f'<{base}?{urlencode(query | {"page": str(n)})}>; rel="{rel}"' for rel, n in wanted.items())
    return items[(page - 1) * per_page : page * per_page], links


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() and 0 < int(text) < 100_000 else default


async def _json_body(request: Request) -> Any:
    if request.method not in _CONTENT:
        return None
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > _LARGEST_BODY:
            raise Refused(413, "Payload too large")
    if not data:
        return None
    try:
        return json.loads(data)
    except ValueError as error:
        raise Refused(400, "Problems parsing JSON") from error


def _refusal(refused: Refused) -> Response:
    docs = refused.docs or _DOCS
    body: dict[str, Any] = {"message": refused.message, "documentation_url": docs, "status": str(refused.status)}
    if refused.errors is not None:
        body["errors"] = refused.errors
    return JSONResponse(body, refused.status, headers=refused.headers)


async def _not_found(_: Request, __: Exception) -> Response:
    return JSONResponse({"message": "Not Found", "documentation_url": _DOCS, "status": "404"}, 404)


async def run(
    root: Path,
    *,
    host: str,
    port: int,
    ready: Callable[[Sim, str], None],
    repos: Sequence[str] = (),
    admins: Sequence[str] = (),
) -> None:
    """Serve a GitHub until cancelled, with these repositories in which `admins` may do everything; `ready` gets it and its address."""
    sim = Sim(root)
    async with sim.serve(host=host, port=port) as url:
        for full_name in repos:
            sim.world.org(full_name.partition("/")[0], members=admins)
            repo = await sim.world.create_repo(full_name, files={"README.md": f"# {full_name}\n"})
            repo.collaborators.update(dict.fromkeys(admins, "admin"))
        ready(sim, url)
        await asyncio.Event().wait()
