"""The web front end: its parts put together. Each group of pages has a module of its own (`*_routes.py`).

Pages come whole from the server; event streams keep them current (`streams.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from prow.config.config import Config
from prow.deck import security
from prow.deck.action_routes import ActionRoutes
from prow.deck.answers import missing
from prow.deck.file_routes import FileRoutes
from prow.deck.job_routes import JobRoutes
from prow.deck.jobs import Jobs
from prow.deck.logs import LiveLogs, Logs
from prow.deck.pages import HERE, Pages
from prow.deck.ports import Explains, Reruns, TidePools, Waiting
from prow.deck.pull_routes import PullRoutes
from prow.deck.streams import Streams
from prow.deck.tide_routes import TideRoutes
from prow.jobs.index import JobIndex
from prow.jobs.store import JobStore
from prow.lib.clock import Clock
from prow.storage.ports import Storage

_ASSETS = {"prow.css": "text/css", "live.js": "text/javascript", "icon.svg": "image/svg+xml"}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`hosts`: names people use for this deck besides loopback. `actions`: show and serve rerun and abort."""

    hosts: tuple[str, ...] = ()
    actions: bool = False


class Deck:
    """`app` is the ASGI application; call `close()` before its server stops, so that open streams end.

    `explains`, `pools`: tide; `config`: the current config, for tide's queries. Without them the pages say so.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: JobStore,
        index: JobIndex,
        storage: Storage,
        live: LiveLogs,
        waiting: Waiting,
        reruns: Reruns,
        clock: Clock,
        explains: Explains | None = None,
        pools: TidePools | None = None,
        config: Callable[[], Config] | None = None,
    ) -> None:
        self._pages = pages = Pages()
        self._streams = streams = Streams(clock)
        guard = security.Guard(settings.hosts)
        logs = Logs(storage, live)
        jobs = Jobs(store, index, storage, config)
        parts = (
            JobRoutes(
                pages,
                streams,
                guard=guard,
                jobs=jobs,
                index=index,
                logs=logs,
                waiting=waiting,
                clock=clock,
                actions=settings.actions,
            ),
            PullRoutes(pages, streams, index=index, waiting=waiting, clock=clock, explains=explains, config=config),
            TideRoutes(pages, streams, clock=clock, pools=pools, config=config),
            FileRoutes(pages, jobs=jobs, storage=storage, logs=logs),
            ActionRoutes(pages, guard=guard, store=store, reruns=reruns, actions=settings.actions),
        )
        self.app = Starlette(
            routes=[
                *(route for part in parts for route in part.routes),
                Route("/static/{name}", self._static),
                Route("/favicon.ico", self._favicon),
            ],
            middleware=[Middleware(security.GuardMiddleware, guard=guard)],
            exception_handlers={404: self._not_found},
        )
        self.app.router.redirect_slashes = False

    def close(self) -> None:
        self._streams.close()

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _ASSETS:
            return PlainTextResponse("404 page not found\n", 404)
        data = await asyncio.to_thread((HERE / "static" / name).read_bytes)
        return Response(data, media_type=_ASSETS[name], headers={"Cache-Control": "public, max-age=315360000"})

    async def _favicon(self, _: Request) -> Response:
        return RedirectResponse("/static/icon.svg", 301)

    async def _not_found(self, _: Request, __: Exception) -> Response:
        return missing(self._pages, "Not found", "There is no such page.")
