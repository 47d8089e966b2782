"""The web front end: pages, raw logs, artifacts, the two buttons, and the event streams that keep pages current.

Pages come whole from the server. `/events` sends a changed row as HTML to everyone who looks at the list, `/follow` sends
what a running job adds to its log. Both are bounded: a reader who does not keep up is told to load the page again.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from urllib.parse import parse_qs

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from prow.config.config import Config
from prow.deck import rules, security
from prow.deck.ansi import AnsiRenderer, render
from prow.deck.logs import BUILD_LOG, CLONE_LOG, LiveLogs, Logs, folder, unpacked
from prow.deck.model import Filter, JobView, page_of, view_of
from prow.deck.pages import HERE, FileLink, JobPage, Pages, size
from prow.deck.ports import Explains, Reruns, TidePools, Waiting
from prow.jobs.index import JobIndex, JobRow
from prow.jobs.store import AlreadyExists, Conflict, JobStore, NotFound
from prow.lib import logs
from prow.lib.clock import Clock
from prow.model import paths
from prow.model.base import to_json
from prow.model.prowjob import JobState, ProwJob
from prow.storage.ports import BadPath, ObjectNotFound, Storage

_log = logs.get("deck")
_FOLLOW_EVERY = 0.25
_KEEP_ALIVE = 15.0
_LARGEST_FORM = 4096
_NO_STORE = {"Cache-Control": "no-store, must-revalidate", "Expires": "0"}
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
        self._settings = settings
        self._explains = explains
        self._pools = pools
        self._config = config
        self._store = store
        self._index = index
        self._waiting = waiting
        self._reruns = reruns
        self._clock = clock
        self._storage = storage
        self._logs = Logs(storage, live)
        self._pages = Pages()
        self._guard = security.Guard(settings.hosts)
        self._closing = asyncio.Event()
        self.app = Starlette(
            routes=[
                Route("/", self._jobs),
                Route("/view/{path:path}", self._view),
                Route("/job/{name}", self._job),
                Route("/log", self._raw_log),
                Route("/artifact/{name}/{path:path}", self._artifact),
                Route("/prowjob", self._prowjob),
                Route("/events", self._events),
                Route("/follow/{name}", self._follow),
                Route("/rerun", self._rerun, methods=["POST"]),
                Route("/abort", self._abort, methods=["POST"]),
                Route("/static/{name}", self._static),
                Route("/favicon.ico", self._favicon),
            ],
            middleware=[Middleware(security.GuardMiddleware, guard=self._guard)],
            exception_handlers={404: self._not_found},
        )
        self.app.router.redirect_slashes = False

    def close(self) -> None:
        self._closing.set()

    # Pages

    async def _jobs(self, request: Request) -> Response:
        return HTMLResponse(
            self._pages.jobs(rules.parse_filter(request.query_params), self._views()), headers=_NO_STORE
        )

    async def _view(self, request: Request) -> Response:
        """`/view/<provider>/<bucket>/…/<job>/<build id>`: the page that a status links to."""
        build_id = request.path_params["path"].rstrip("/").rpartition("/")[2]
        row = self._index.by_build_id(build_id)
        if row is None:
            return self._missing("No such build", f"There is no job with build {build_id[:40]} (any more).")
        return await self._job_page(request, row.name)

    async def _job(self, request: Request) -> Response:
        return await self._job_page(request, request.path_params["name"])

    async def _job_page(self, request: Request, name: str) -> Response:
        try:
            job = await self._store.get(name)
        except NotFound:
            return self._missing("No such job", "This job does not exist (any more).")
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
                token=self._guard.token(cookie) if self._settings.actions else "",
            )
        )
        response = HTMLResponse(text, headers=_NO_STORE)
        if self._settings.actions:
            response.set_cookie(security.COOKIE, cookie, httponly=True, samesite="strict", max_age=12 * 3600)
        return response

    def _with_why(self, job: ProwJob) -> JobView:
        return view_of(job, why=self._waiting.waiting_reasons().get(job.name, ""))

    def _views(self) -> list[JobView]:
        reasons = self._waiting.waiting_reasons()
        return [row_view(row, reasons.get(row.name, "")) for row in self._index.rows()]

    # Raw material

    async def _raw_log(self, request: Request) -> Response:
        """`/log?job=&id=`: the whole build log as text."""
        row = self._index.by_build_id(request.query_params.get("id", ""))
        if row is None or row.job != request.query_params.get("job", ""):
            return PlainTextResponse("Log not found: no such job and build.\n", 404, headers=_NO_STORE)
        job = await self._store.get(row.name)
        headers = {**_NO_STORE, **security.ARTIFACT_HEADERS}
        if not job.status.complete and await self._logs.more(job.name, 0) is not None:
            return StreamingResponse(
                self._live_bytes(job.name), media_type="text/plain; charset=utf-8", headers=headers
            )
        data = await self._logs.stored(job, BUILD_LOG)
        if data is None:
            return PlainTextResponse("Log not found: it is not in the bucket (yet).\n", 404, headers=_NO_STORE)
        return Response(data, media_type="text/plain; charset=utf-8", headers=headers)

    async def _live_bytes(self, name: str) -> AsyncIterator[bytes]:
        offset = 0
        while piece := await self._logs.more(name, offset):
            offset += len(piece)
            yield piece

    async def _artifact(self, request: Request) -> Response:
        """A file below the job's artifacts, or a plain list of a folder; never with scripts, never under our origin."""
        try:
            job = await self._store.get(request.path_params["name"])
        except NotFound:
            return self._missing("No such job", "This job does not exist (any more).")
        base = f"{folder(job)}/{paths.ARTIFACTS}"
        path = request.path_params["path"]
        try:
            if path.endswith("/") or not path:
                names = [
                    info.path.partition(f"/{paths.ARTIFACTS}/")[2]
                    async for info in self._storage.list(f"{base}/{path}")
                ]
                return PlainTextResponse(
                    "".join(f"/artifact/{job.name}/{n}\n" for n in names), headers=security.ARTIFACT_HEADERS
                )
            data = unpacked(await self._storage.get(f"{base}/{path}"))
        except (ObjectNotFound, BadPath):
            return self._missing("No such file", "The job left no artifact of that name.")
        kinds = {
            "html": "text/html",
            "png": "image/png",
            "jpg": "image/jpeg",
            "svg": "image/svg+xml",
            "json": "application/json",
        }
        kind = kinds.get(
            path.rpartition(".")[2].lower(), "text/plain; charset=utf-8" if b"\0" not in data[:1024] else ""
        )
        headers = dict(security.ARTIFACT_HEADERS)
        if not kind:
            headers["Content-Disposition"] = "attachment"
        return Response(data, media_type=kind or "application/octet-stream", headers=headers)

    async def _prowjob(self, request: Request) -> Response:
        """`/prowjob?prowjob=NAME`: the object, as YAML."""
        import yaml  # noqa: PLC0415 - only this page needs the writer

        try:
            job = await self._store.get(request.query_params.get("prowjob", ""))
        except NotFound:
            return PlainTextResponse("ProwJob not found\n", 404, headers=_NO_STORE)
        text = yaml.safe_dump(msgspec.json.decode(to_json(job)), default_flow_style=False, allow_unicode=True)
        return PlainTextResponse(text, headers=_NO_STORE)

    async def _static(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _ASSETS:
            return PlainTextResponse("404 page not found\n", 404)
        data = await asyncio.to_thread((HERE / "static" / name).read_bytes)
        return Response(data, media_type=_ASSETS[name], headers={"Cache-Control": "public, max-age=315360000"})

    async def _favicon(self, _: Request) -> Response:
        return RedirectResponse("/static/icon.svg", 301)

    # Streams

    async def _events(self, request: Request) -> Response:
        return _event_stream(self._row_events(rules.parse_filter(request.query_params)))

    async def _row_events(self, wanted: Filter) -> AsyncIterator[str]:
        async with self._index.subscribe() as changes:
            yield ": here\n\n"
            while not self._closing.is_set():
                row = await self._next(changes)
                if row is None:
                    yield ": still here\n\n"
                    continue
                if changes.overflowed:
                    yield _event("reload", {})
                    return
                view = row_view(row, self._waiting.waiting_reasons().get(row.name, ""))
                shown = rules.matches(wanted, view) and self._index.get(row.name) is not None
                data = {"name": view.name, "shown": shown, "html": self._pages.row(view) if shown else ""}
                yield _event("row", data | {"counts": self._pages.counts(wanted, self._views())})

    async def _next(self, changes: AsyncIterator[JobRow]) -> JobRow | None:
        """The next change; None when it is time for a sign of life or for the end."""
        closing = asyncio.ensure_future(self._closing.wait())
        change = asyncio.ensure_future(anext(changes))
        pause = asyncio.ensure_future(self._clock.sleep(_KEEP_ALIVE))
        try:
            done, _ = await asyncio.wait({closing, change, pause}, return_when=asyncio.FIRST_COMPLETED)
            return change.result() if change in done else None
        finally:
            for task in (closing, change, pause):
                task.cancel()

    async def _follow(self, request: Request) -> Response:
        query = request.query_params
        offset, line = (
            int(v) if v.isdecimal() and len(v) < 15 else 0 for v in (query.get("offset", "0"), query.get("line", "1"))
        )
        return _event_stream(self._log_events(request, request.path_params["name"], offset, line))

    async def _log_events(self, request: Request, name: str, offset: int, line: int) -> AsyncIterator[str]:
        renderer = AnsiRenderer(first_line=max(line, 1))
        yield ": here\n\n"
        state: JobState | None = None
        token = self._guard.token(request.cookies.get(security.COOKIE, "")) if self._settings.actions else ""
        while not self._closing.is_set():
            try:
                job = await self._store.get(name)
            except NotFound:
                break
            piece = await self._logs.more(name, offset)
            if piece:
                offset += len(piece)
                html = await asyncio.to_thread(renderer.feed, piece)
                if html:
                    yield _event("text", {"html": html})
                continue
            if job.status.state is not state:
                state = job.status.state
                yield _event("head", {"html": self._pages.head(self._with_why(job), token)})
            if job.status.complete:
                stored = await self._logs.stored(job, BUILD_LOG) if piece is None else None
                rest = stored[offset:] if stored else b""
                html = await asyncio.to_thread(renderer.feed, rest, final=True)
                if html:
                    yield _event("text", {"html": html})
                break
            await self._clock.sleep(_FOLLOW_EVERY)
        yield _event("done", {})

    # Buttons

    async def _rerun(self, request: Request) -> Response:
        return await self._act(request, self._run_again)

    async def _abort(self, request: Request) -> Response:
        return await self._act(request, self._stop_job)

    async def _act(self, request: Request, action: Callable[[ProwJob], Awaitable[str]]) -> Response:
        if not self._settings.actions:
            return PlainTextResponse("Rerun and abort are switched off here (--rerun-creates-job).\n", 403)
        refusal = self._guard.refusal(request, await _token(request))
        if refusal:
            return HTMLResponse(self._pages.message("Refused", refusal), 403)
        name = request.query_params.get("prowjob", "")
        try:
            job = await self._store.get(name)
        except NotFound:
            return self._missing("No such job", "This job does not exist (any more).")
        target = await action(job)
        return RedirectResponse(target, 303)

    async def _run_again(self, job: ProwJob) -> str:
        again = self._reruns.again(job)
        with suppress(AlreadyExists):
            await self._store.create(again)
        _log.info("A job was run again from the page.", job=job.spec.job, name=again.name)
        return page_of(again)

    async def _stop_job(self, job: ProwJob) -> str:
        if job.status.state in {JobState.TRIGGERED, JobState.PENDING}:
            patch = {"status": {"state": "aborted", "description": f"Successfully aborted {job.name}."}}
            with suppress(Conflict):
                await self._store.patch(job.name, patch, resource_version=job.metadata.resource_version)
            _log.info("A job was aborted from the page.", job=job.spec.job, name=job.name)
        return page_of(job)

    # Errors

    def _missing(self, title: str, text: str) -> Response:
        return HTMLResponse(self._pages.message(title, text), 404, headers=_NO_STORE)

    async def _not_found(self, _: Request, __: Exception) -> Response:
        return self._missing("Not found", "There is no such page.")


async def _token(request: Request) -> str:
    """The token of a small form; empty when there is none."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_FORM:
            return ""
    return parse_qs(body.decode("ascii", "replace"), max_num_fields=5).get("token", [""])[0]


def row_view(row: JobRow, why: str) -> JobView:
    """The view of a slim row of the index."""
    return view_of(row.as_job(), why=why)


def _event(name: str, data: Mapping[str, object]) -> str:
    return f"event: {name}\ndata: {msgspec.json.encode(data).decode()}\n\n"


def _event_stream(events: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(events, media_type="text/event-stream", headers={**_NO_STORE, "X-Accel-Buffering": "no"})
