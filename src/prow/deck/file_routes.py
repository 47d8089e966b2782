"""Raw material: logs as text, artifacts without scripts, the ProwJob as YAML."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from prow.deck import security
from prow.deck.answers import NO_STORE, missing
from prow.deck.jobs import Jobs
from prow.deck.logs import BUILD_LOG, Logs, folder, unpacked
from prow.deck.pages import Pages
from prow.jobs.store import NotFound
from prow.model import paths
from prow.model.base import to_json
from prow.storage.ports import BadPath, ObjectNotFound, Storage


class FileRoutes:
    def __init__(self, pages: Pages, *, jobs: Jobs, storage: Storage, logs: Logs) -> None:
        self._pages = pages
        self._jobs = jobs
        self._storage = storage
        self._logs = logs
        self.routes = [
            Route("/log", self._raw_log),
            Route("/artifact/{name}/{path:path}", self._artifact),
            Route("/prowjob", self._prowjob),
        ]

    async def _raw_log(self, request: Request) -> Response:
        """`/log?job=&id=`: the whole build log as text."""
        job = await self._jobs.of_build(request.query_params.get("id", ""))
        if job is None or job.spec.job != request.query_params.get("job", ""):
            return PlainTextResponse("Log not found: no such job and build.\n", 404, headers=NO_STORE)
        headers = {**NO_STORE, **security.ARTIFACT_HEADERS}
        if not job.status.complete and await self._logs.more(job.name, 0) is not None:
            return StreamingResponse(
                self._live_bytes(job.name), media_type="text/plain; charset=utf-8", headers=headers
            )
        data = await self._logs.stored(job, BUILD_LOG)
        if data is None:
            return PlainTextResponse("Log not found: it is not in the bucket (yet).\n", 404, headers=NO_STORE)
        return Response(data, media_type="text/plain; charset=utf-8", headers=headers)

    async def _live_bytes(self, name: str) -> AsyncIterator[bytes]:
        offset = 0
        while piece := await self._logs.more(name, offset):
            offset += len(piece)
            yield piece

    async def _artifact(self, request: Request) -> Response:
        """A file below the job's artifacts, or a plain list of a folder; never with scripts, never under our origin."""
        try:
            job = await self._jobs.get(request.path_params["name"])
        except NotFound:
            return missing(self._pages, "No such job", "This job does not exist (any more).")
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
            return missing(self._pages, "No such file", "The job left no artifact of that name.")
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
            job = await self._jobs.get(request.query_params.get("prowjob", ""))
        except NotFound:
            return PlainTextResponse("ProwJob not found\n", 404, headers=NO_STORE)
        text = yaml.safe_dump(msgspec.json.decode(to_json(job)), default_flow_style=False, allow_unicode=True)
        return PlainTextResponse(text, headers=NO_STORE)
