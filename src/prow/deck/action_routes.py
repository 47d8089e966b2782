"""The two buttons: run again and abort. Every POST needs our own origin and our token (`security`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from prow.deck import security
from prow.deck.answers import missing
from prow.deck.model import page_of
from prow.deck.pages import Pages
from prow.deck.ports import Reruns
from prow.jobs.store import AlreadyExists, Conflict, JobStore, NotFound
from prow.lib import logs
from prow.model.prowjob import JobState, ProwJob

_log = logs.get("deck")
_LARGEST_FORM = 4096


class ActionRoutes:
    def __init__(self, pages: Pages, *, guard: security.Guard, store: JobStore, reruns: Reruns, actions: bool) -> None:
        self._pages = pages
        self._guard = guard
        self._store = store
        self._reruns = reruns
        self._actions = actions
        self.routes = [
            Route("/rerun", self._rerun, methods=["POST"]),
            Route("/abort", self._abort, methods=["POST"]),
        ]

    async def _rerun(self, request: Request) -> Response:
        return await self._act(request, self._run_again)

    async def _abort(self, request: Request) -> Response:
        return await self._act(request, self._stop_job)

    async def _act(self, request: Request, action: Callable[[ProwJob], Awaitable[str]]) -> Response:
        if not self._actions:
            return PlainTextResponse("Rerun and abort are switched off here (--rerun-creates-job).\n", 403)
        refusal = self._guard.refusal(request, await _token(request))
        if refusal:
            return HTMLResponse(self._pages.message("Refused", refusal), 403)
        name = request.query_params.get("prowjob", "")
        try:
            job = await self._store.get(name)
        except NotFound:
            return missing(self._pages, "No such job", "This job does not exist (any more).")
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


async def _token(request: Request) -> str:
    """The token of a small form; empty when there is none."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST_FORM:
            return ""
    return parse_qs(body.decode("ascii", "replace"), max_num_fields=5).get("token", [""])[0]
