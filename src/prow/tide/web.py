"""Tide's own HTTP: `/` (the pools), `/history`, and `/explain?org=&repo=&pr=` (`spec/tide` §6.2)."""

from __future__ import annotations

import asyncio
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from prow.model.base import to_json
from prow.model.explanation import Explanation

_LONGEST_NAME = 200


class Tells(Protocol):
    def pools(self) -> bytes: ...

    def history(self) -> bytes: ...

    async def explain(self, org: str, repo: str, number: int) -> Explanation | None: ...


def app(tide: Tells, *, more: list[Route] | None = None) -> Starlette:
    """`more`: routes beside these, such as the one that receives events."""

    async def pools(_: Request) -> Response:
        return Response(await asyncio.to_thread(tide.pools), media_type="text/plain")

    async def history(_: Request) -> Response:
        return Response(await asyncio.to_thread(tide.history), media_type="text/plain")

    async def explain(request: Request) -> Response:
        org, repo = request.query_params.get("org", ""), request.query_params.get("repo", "")
        number = request.query_params.get("pr", "")
        if not org or not repo or len(org) + len(repo) > _LONGEST_NAME or not number.isascii() or not number.isdigit():
            return JSONResponse({"error": "give org, repo and pr, a number"}, 400)
        found = await tide.explain(org, repo, int(number[:10]))
        if found is None:
            return JSONResponse({"error": f"tide does not know {org}/{repo}#{number}"}, 404)
        return Response(to_json(found), media_type="application/json")

    return Starlette(
        routes=[
            *(more or []),
            Route("/explain", explain),
            Route("/history", history),
            Route("/{path:path}", pools),
        ]
    )
