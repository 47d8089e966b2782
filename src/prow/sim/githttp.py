"""Smart HTTP for git: fetches for everybody who may read, pushes for whoever may write. Pushes cause the same events as verbs."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from prow.lib import open_work
from prow.sim import gitrepo, lsrefs, pushrules
from prow.sim.accounts import NOBODY, Identity, token_of
from prow.sim.errors import Moved, Refused
from prow.sim.gitrepo import NOTHING
from prow.sim.state import Repo
from prow.sim.world import World

_LARGEST_PUSH = 256 << 20
_PIECE = 1 << 16
_SERVICES = {"git-upload-pack": "upload-pack", "git-receive-pack": "receive-pack"}


def routes(world: World) -> list[Route]:
    served = _GitHTTP(world)
    return [
        Route("/{owner}/{name}/info/refs", served.advertise),
        Route("/{owner}/{name}/git-upload-pack", served.upload_pack, methods=["POST"]),
        Route("/{owner}/{name}/git-receive-pack", served.receive_pack, methods=["POST"]),
    ]


class _GitHTTP:
    def __init__(self, world: World) -> None:
        self._world = world
        self._abilities: dict[Path, bytes] = {}
        """What version 2 of the protocol tells first: no refs yet, only what git can do."""

    def _repo(self, request: Request) -> Repo:
        return self._world.repo(f"{request.path_params['owner']}/{request.path_params['name'].removesuffix('.git')}")

    def _who(self, request: Request) -> Identity:
        """A token that is no good is like none: git asks its user for another."""
        token = token_of(request)
        try:
            return self._world.identify(token) if token else NOBODY
        except Refused:
            return NOBODY

    def _refusal(self, request: Request, repo: Repo, service: str) -> Response | None:
        who = self._who(request)
        sees = self._world.sees(repo, who)
        if sees and (service == "git-upload-pack" or self._world.may_push(repo, who)):
            archived = repo.archived and service == "git-receive-pack"
            return PlainTextResponse("This repository was archived so it is read-only.", 403) if archived else None
        if who.login is None:
            return PlainTextResponse(
                "Authentication required", 401, headers={"WWW-Authenticate": 'Basic realm="GitHub"'}
            )
        return PlainTextResponse("Permission denied", 403) if sees else _not_found()

    async def advertise(self, request: Request) -> Response:
        service = request.query_params.get("service", "")
        if service not in _SERVICES:
            return PlainTextResponse("only smart HTTP is served", 403)
        try:
            repo = self._repo(request)
        except Moved as moved:
            place = f"{self._world.base}/{moved.full_name}/info/refs?service={service}"
            return RedirectResponse(place, 301)
        except Refused:
            return _not_found()
        refusal = self._refusal(request, repo, service)
        if refusal is not None:
            return refusal
        protocol = request.headers.get("git-protocol", "")
        if protocol == "version=2" and service == "git-upload-pack":
            out = self._abilities.get(repo.path) or await self._advertised(repo, service, protocol)
            self._abilities[repo.path] = out
        else:
            head = f"# service={service}\n"
            out = f"{len(head) + 4:04x}{head}0000".encode() + await self._advertised(repo, service, protocol)
        return Response(out, media_type=f"application/x-{service}-advertisement", headers={"Cache-Control": "no-cache"})

    @staticmethod
    async def _advertised(repo: Repo, service: str, protocol: str) -> bytes:
        about = ("--stateless-rpc", "--http-backend-info-refs", str(repo.path))
        return await gitrepo.git(_SERVICES[service], *about, env={"GIT_PROTOCOL": protocol[:40]})

    async def upload_pack(self, request: Request) -> Response:
        try:
            repo = self._repo(request)
        except Refused:
            return _not_found()
        refusal = self._refusal(request, repo, "git-upload-pack")
        if refusal is not None:
            return refusal
        body, protocol = await _body(request), request.headers.get("git-protocol", "")
        kind, headers = "application/x-git-upload-pack-result", {"Cache-Control": "no-cache"}
        asked = lsrefs.question(body) if protocol == "version=2" else None
        if asked is not None:
            return Response(await lsrefs.answer(repo.path, asked), media_type=kind, headers=headers)
        return StreamingResponse(self._run("upload-pack", repo, body, protocol), media_type=kind, headers=headers)

    async def receive_pack(self, request: Request) -> Response:
        try:
            repo = self._repo(request)
        except Refused:
            return _not_found()
        refusal = self._refusal(request, repo, "git-receive-pack")
        if refusal is not None:
            return refusal
        who = self._who(request)
        login = who.login or ""
        body = await _body(request)
        async with self._world.lock(repo):
            before = await gitrepo.refs(repo.path)
            rules = {command.ref: self._world.push_rules(repo, who, command) for command in pushrules.commands(body)}
            with pushrules.hooks({ref: rule for ref, rule in rules.items() if rule is not None}) as settings:
                out = b"".join([piece async for piece in self._run("receive-pack", repo, body, "", settings)])
            after = await gitrepo.refs(repo.path)
        refs = sorted(ref for ref in before.keys() | after.keys() if ref.startswith(("refs/heads/", "refs/tags/")))
        moves = [(ref, before.get(ref, NOTHING), after.get(ref, NOTHING)) for ref in refs]
        # All are announced now, so that none comes after what a later push does to the same ref.
        await asyncio.gather(*(self._world.pushed(repo, login, ref, old, new) for ref, old, new in moves if old != new))
        return Response(out, media_type="application/x-git-receive-pack-result", headers={"Cache-Control": "no-cache"})

    async def _run(
        self,
        command: str,
        repo: Repo,
        body: bytes,
        protocol: str,
        settings: Sequence[str] = ("core.hooksPath=/dev/null",),
    ) -> AsyncIterator[bytes]:
        """`settings`: of git's configuration, for this run."""
        with open_work.counted():
            process = await asyncio.create_subprocess_exec(
                "git",
                *(word for setting in settings for word in ("-c", setting)),
                command,
                "--stateless-rpc",
                str(repo.path),
                env={**gitrepo.ENVIRONMENT, "GIT_PROTOCOL": protocol[:40]},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(OSError, RuntimeError):  # git may end before it has read everything
                process.stdin.write(body)
                process.stdin.close()
            while piece := await process.stdout.read(_PIECE):
                yield piece
            await process.wait()


def _not_found() -> Response:
    return PlainTextResponse("Repository not found.", 404)


async def _body(request: Request) -> bytes:
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > _LARGEST_PUSH:
            raise Refused(413, "too large")
    if request.headers.get("content-encoding") == "gzip":
        return zlib.decompressobj(wbits=31).decompress(bytes(data), _LARGEST_PUSH)
    return bytes(data)
