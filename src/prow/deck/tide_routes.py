"""`/tide`: what tide is doing about each pool, and what it takes to be merged; `/tide-history`: what it did. And both as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from prow.config.config import Config
from prow.config.tide_search import search_string
from prow.deck import answers, tide_rules
from prow.deck.fresh import Fresh
from prow.deck.pages import Pages
from prow.deck.ports import TidePools
from prow.deck.rules import Select
from prow.deck.streams import HERE, LOOK_EVERY, STILL_HERE, Streams, event, event_stream
from prow.deck.tide_model import HistoryFilter, HistoryLook, Requirement, TideLook
from prow.deck.tide_wire import HistoryDocument, HistoryRecord, TideDocument, TidePool, read_history, read_pools
from prow.lib.clock import Clock


class TideRoutes:
    def __init__(
        self,
        pages: Pages,
        streams: Streams,
        *,
        clock: Clock,
        pools: TidePools | None,
        config: Callable[[], Config] | None,
    ) -> None:
        self._pages = pages
        self._streams = streams
        self._clock = clock
        self._tide = pools
        self._config = config
        self._pools: Fresh[tuple[TidePool, ...] | None] = Fresh(self._ask_pools, clock=clock)
        self._history: Fresh[dict[str, tuple[HistoryRecord, ...]]] = Fresh(self._ask_history, clock=clock)
        self.routes = [
            Route("/tide", self._page),
            Route("/tide/events", self._page_events),
            Route("/tide-history", self._history_page),
            Route("/tide-history/events", self._history_events),
        ]
        if pools is not None:
            self.routes += [Route("/tide.js", self._script), Route("/tide-history.js", self._history_script)]

    async def _ask_pools(self) -> tuple[TidePool, ...] | None:
        pools = read_pools(await self._tide.pools()) if self._tide else None
        return None if pools is None else tide_rules.visible_pools(pools, self._settings.deck.hidden_repos)

    async def _ask_history(self) -> dict[str, tuple[HistoryRecord, ...]]:
        history = read_history(await self._tide.history()) if self._tide else {}
        return tide_rules.visible_history(history, self._settings.deck.hidden_repos)

    @property
    def _settings(self) -> Config:
        return self._config() if self._config else Config()

    @property
    def _github(self) -> str:
        return self._settings.github.link_url.rstrip("/")

    # What tide is doing

    async def _look(self, repo: str, *, max_age: float = 0.0) -> TideLook:
        known = await self._pools.get(max_age=max_age)
        pools = known.value
        names = {f"{pool.org}/{pool.repo}" for pool in pools or ()} | ({repo} - {""})
        return TideLook(
            pools=None if pools is None else tide_rules.pool_views(pools, repo=repo, github=self._github),
            error=known.error,
            since=known.since,
            connected=self._tide is not None,
            repo=repo,
            select=Select("repository", "repo", repo, tuple(sorted(names, key=str.lower))),
        )

    def _requirements(self, repo: str) -> tuple[Requirement, ...]:
        """Of the queries that are about `repo`; empty: of all."""
        org, _, name = repo.partition("/")
        return tuple(
            tide_rules.requirement(query, github=self._github)
            for query in self._settings.tide.queries
            if not repo or query.applies_to(org, name)
        )

    async def _page(self, request: Request) -> Response:
        repo = request.query_params.get("repo", "")[:200]
        look = await self._look(repo)
        return HTMLResponse(
            self._pages.tide(look, self._requirements(repo), self._clock.now()), headers=answers.NO_STORE
        )

    async def _page_events(self, request: Request) -> Response:
        return event_stream(self._parts(request.query_params.get("repo", "")[:200]))

    async def _parts(self, repo: str) -> AsyncIterator[str]:
        yield HERE
        async for look in self._streams.values(lambda: self._look(repo, max_age=LOOK_EVERY / 2)):
            if look is None:
                yield STILL_HERE
            else:
                yield event("parts", {"html": self._pages.tide_parts(look, self._clock.now())})

    async def _script(self, request: Request) -> Response:
        """`/tide.js`. While tide does not answer the previous pools stay."""
        known = await self._pools.get()
        queries = self._settings.tide.queries
        return answers.script(
            request, TideDocument(tuple(search_string(query) for query in queries), queries, known.value)
        )

    # What tide did

    async def _look_back(self, wanted: HistoryFilter, *, max_age: float = 0.0) -> HistoryLook:
        known = await self._history.get(max_age=max_age)
        history = known.value or {}
        records, total = tide_rules.history_views(history, wanted, github=self._github)
        return HistoryLook(
            records=records,
            total=total,
            error=known.error,
            connected=self._tide is not None,
            wanted=wanted,
            selects=tide_rules.history_selects(history, wanted),
        )

    async def _history_page(self, request: Request) -> Response:
        look = await self._look_back(tide_rules.parse_history_filter(request.query_params))
        return HTMLResponse(self._pages.tide_history(look, self._clock.now()), headers=answers.NO_STORE)

    async def _history_events(self, request: Request) -> Response:
        return event_stream(self._history_parts(tide_rules.parse_history_filter(request.query_params)))

    async def _history_parts(self, wanted: HistoryFilter) -> AsyncIterator[str]:
        yield HERE
        async for look in self._streams.values(lambda: self._look_back(wanted, max_age=LOOK_EVERY / 2)):
            if look is None:
                yield STILL_HERE
            else:
                yield event("parts", {"html": self._pages.tide_history_parts(look, self._clock.now())})

    async def _history_script(self, request: Request) -> Response:
        known = await self._history.get()
        return answers.script(request, HistoryDocument(known.value or {}))
