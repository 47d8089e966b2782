"""The list of jobs, the page of one job, and the streams that keep both current.

`/events` sends a changed row as HTML to everyone who looks at the list, `/follow` sends what a running job adds to its log. Both are
bounded: a reader who does not keep up is told to load the page again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from prow.deck import rules, security
from prow.deck.ansi import AnsiRenderer, render
from prow.deck.answers import NO_STORE, missing
from prow.deck.jobs import Jobs
from prow.deck.logs import BUILD_LOG, CLONE_LOG, Logs
from prow.deck.model import Filter, JobView, view_of
from prow.deck.pages import FileLink, JobPage, Pages, size
from prow.deck.ports import Waiting
from prow.deck.streams import HERE, STILL_HERE, Streams, event, event_stream
from prow.jobs.index import JobIndex, JobRow
from prow.jobs.store import NotFound
from prow.lib.clock import Clock
from prow.model import paths
from prow.model.prowjob import JobState, ProwJob

_FOLLOW_EVERY = 0.25


class JobRoutes:
    def __init__(
        self,
        pages: Pages,
        streams: Streams,
        *,
        guard: security.Guard,
        jobs: Jobs,
        index: JobIndex,
        logs: Logs,
        waiting: Waiting,
        clock: Clock,
        actions: bool,
    ) -> None:
        self._pages = pages
        self._streams = streams
        self._guard = guard
        self._jobs_of = jobs
        self._index = index
        self._logs = logs
        self._waiting = waiting
        self._clock = clock
        self._actions = actions
        self.routes = [
            Route("/", self._jobs),
            Route("/view/{path:path}", self._view),
            Route("/job/{name}", self._job),
            Route("/events", self._events),
            Route("/follow/{name}", self._follow),
        ]

    async def _jobs(self, request: Request) -> Response:
        return HTMLResponse(self._pages.jobs(rules.parse_filter(request.query_params), self._views()), headers=NO_STORE)

    async def _view(self, request: Request) -> Response:
        """`/view/<provider>/<bucket>/…/<job>/<build id>`: the page that a status links to."""
        path = request.path_params["path"]
        job = await self._jobs_of.of_view(path)
        if job is None:
            build_id = path.rstrip("/").rpartition("/")[2]
            return missing(self._pages, "No such build", f"There is no job with build {build_id[:40]} (any more).")
        return await self._job_page(request, job)

    async def _job(self, request: Request) -> Response:
        try:
            job = await self._jobs_of.get(request.path_params["name"])
        except NotFound:
            return missing(self._pages, "No such job", "This job does not exist (any more).")
        return await self._job_page(request, job)

    async def _job_page(self, request: Request, job: ProwJob) -> Response:
        name = job.name
        tail = await self._logs.tail(job)
        before = tail.data
        first = 1
        clone_log = await self._logs.stored(job, CLONE_LOG)
        files = [
            FileLink(
                info.path.rstrip("/").rpartition("/")[2] + ("/" if info.is_dir else ""),
                f"/artifact/{name}/{info.path.partition(f'/{paths.ARTIFACTS}/')[2]}",
                "" if info.is_dir else size(info.size),
            )
            for info in await self._logs.artifacts(job)
        ]
        cookie = request.cookies.get(security.COOKIE) or security.new_cookie()
        view = self._with_why(job)
        live = tail.live and not job.status.complete
        next_line = before.count(b"\n") + 1
        text = self._pages.job(
            JobPage(
                job=view,
                log=await asyncio.to_thread(render, before, first_line=first),
                follow=f"/follow/{name}?offset={tail.start + len(before)}&line={next_line}" if live else "",
                raw=f"/log?job={job.spec.job}&id={job.status.build_id}" if job.status.build_id else "",
                skipped=size(tail.start) if tail.start else "",
                clone_log=await asyncio.to_thread(render, clone_log) if clone_log else "",
                files=tuple(files),
                token=self._guard.token(cookie) if self._actions else "",
            )
        )
        response = HTMLResponse(text, headers=NO_STORE)
        if self._actions:
            response.set_cookie(security.COOKIE, cookie, httponly=True, samesite="strict", max_age=12 * 3600)
        return response

    def _with_why(self, job: ProwJob) -> JobView:
        return view_of(job, why=self._waiting.waiting_reasons().get(job.name, ""))

    def _views(self) -> list[JobView]:
        reasons = self._waiting.waiting_reasons()
        return [row_view(row, reasons.get(row.name, "")) for row in self._index.rows()]

    async def _events(self, request: Request) -> Response:
        return event_stream(self._row_events(rules.parse_filter(request.query_params)))

    async def _row_events(self, wanted: Filter) -> AsyncIterator[str]:
        async with self._index.subscribe() as changes:
            yield HERE
            while not self._streams.closed:
                row = await self._streams.next_of(changes)
                if row is None:
                    yield STILL_HERE
                    continue
                if changes.overflowed:
                    yield event("reload", {})
                    return
                view = row_view(row, self._waiting.waiting_reasons().get(row.name, ""))
                shown = rules.matches(wanted, view) and self._index.get(row.name) is not None
                data = {"name": view.name, "shown": shown, "html": self._pages.row(view) if shown else ""}
                yield event("row", data | {"counts": self._pages.counts(wanted, self._views())})

    async def _follow(self, request: Request) -> Response:
        query = request.query_params
        offset, line = (
            int(v) if v.isdecimal() and len(v) < 15 else 0 for v in (query.get("offset", "0"), query.get("line", "1"))
        )
        return event_stream(self._log_events(request, request.path_params["name"], offset, line))

    async def _log_events(self, request: Request, name: str, offset: int, line: int) -> AsyncIterator[str]:
        renderer = AnsiRenderer(first_line=max(line, 1))
        yield HERE
        state: JobState | None = None
        token = self._guard.token(request.cookies.get(security.COOKIE, "")) if self._actions else ""
        while not self._streams.closed:
            try:
                job = await self._jobs_of.get(name)
            except NotFound:
                break
            piece = await self._logs.more(name, offset)
            if piece:
                offset += len(piece)
                html = await asyncio.to_thread(renderer.feed, piece)
                if html:
                    yield event("text", {"html": html})
                continue
            if job.status.state is not state:
                state = job.status.state
                yield event("head", {"html": self._pages.head(self._with_why(job), token)})
            if job.status.complete:
                stored = await self._logs.stored(job, BUILD_LOG) if piece is None else None
                rest = stored[offset:] if stored else b""
                html = await asyncio.to_thread(renderer.feed, rest, final=True)
                if html:
                    yield event("text", {"html": html})
                break
            await self._clock.sleep(_FOLLOW_EVERY)
        yield event("done", {})


def row_view(row: JobRow, why: str) -> JobView:
    """The view of a slim row of the index."""
    return view_of(row.as_job(), why=why)
