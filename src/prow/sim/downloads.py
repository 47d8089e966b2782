"""What programs fetch beside the API: archives, raw files, differences, files of releases. Addresses of them stand in GitHub's answers."""

from __future__ import annotations

import re
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from prow.sim import gitdata, gitrepo
from prow.sim.accounts import NOBODY, token_of
from prow.sim.errors import Refused, not_found
from prow.sim.state import Repo
from prow.sim.world import World

_PLACES = re.compile(
    r"/[^/]+/[^/]+/(?:legacy\.(?:tar\.gz|zip)/.+|raw/.+|releases/(?:latest/)?download/.+|(?:pull/\d{1,9}|compare/.+)\.(?:diff|patch))"
)
_API = ("/repos/", "/orgs/")
_ARCHIVES = {"tar.gz": "application/x-gzip", "zip": "application/zip"}


def is_one(path: str) -> bool:
    """Whether something is fetched there."""
    return _PLACES.fullmatch(path) is not None and not path.startswith(_API)


def routes(world: World) -> list[Route]:
    served = _Downloads(world)
    repo = "/{owner}/{name}"
    return [
        *(Route(f"{repo}/legacy.{kind}/{{ref:path}}", served.archive) for kind in _ARCHIVES),
        Route(f"{repo}/raw/{{place:path}}", served.raw),
        Route(f"{repo}/releases/download/{{place:path}}", served.asset),
        Route(f"{repo}/releases/latest/download/{{file}}", served.asset),
        Route(f"{repo}/pull/{{place}}", served.pull),
        Route(f"{repo}/compare/{{place:path}}", served.compare),
    ]


class _Downloads:
    def __init__(self, world: World) -> None:
        self._world = world

    def _repo(self, request: Request) -> Repo:
        """Of a repository that the token sees; who does not see one is told that there is none."""
        token = token_of(request)
        who = self._world.identify(token) if token else NOBODY
        repo = self._world.repo(f"{request.path_params['owner']}/{request.path_params['name']}")
        if not self._world.sees(repo, who):
            raise not_found()
        return repo

    async def archive(self, request: Request) -> Response:
        """One folder, named after the commit, with everything in it."""
        ref = request.path_params["ref"]
        kind = next(kind for kind in _ARCHIVES if f"/legacy.{kind}/" in request.url.path)
        try:
            repo = self._repo(request)
            sha = await _commit(repo, ref)
        except Refused as refused:
            return _refused(refused)
        name = f"{repo.owner}-{repo.name}-{sha[:7]}"
        data = await gitrepo.git("archive", f"--format={kind}", f"--prefix={name}/", sha, cwd=repo.path)
        told = {"Content-Disposition": f"attachment; filename={name}.{kind}"}
        return Response(data, media_type=_ARCHIVES[kind], headers=told)

    async def raw(self, request: Request) -> Response:
        """A ref may have slashes, too: the shortest name that stands for a commit is meant."""
        parts = unquote(request.path_params["place"]).split("/")
        try:
            repo = self._repo(request)
            for n in range(1, len(parts)):
                sha = await _commit(repo, "/".join(parts[:n]), missing="")
                data = await gitrepo.read_file(repo.path, sha, "/".join(parts[n:])) if sha else None
                if data is not None:
                    return Response(data, media_type="text/plain; charset=utf-8")
            raise not_found()
        except Refused as refused:
            return _refused(refused)

    async def asset(self, request: Request) -> Response:
        """A file of the release with that tag, or of the newest."""
        tag, _, name = request.path_params.get("place", "").rpartition("/")
        try:
            repo = self._repo(request)
            release = self._world.release_of_tag(repo, tag) if tag else self._world.latest_release(repo)
            wanted = name or request.path_params["file"]
            asset = next((one for one in release.assets if one.name == wanted), None)
            if asset is None:
                raise not_found()
            data = await self._world.asset_data(repo, asset)
        except Refused as refused:
            return _refused(refused)
        return Response(data, media_type=asset.content_type)

    async def pull(self, request: Request) -> Response:
        number, _, kind = request.path_params["place"].partition(".")
        try:
            repo = self._repo(request)
            pull = self._world.issue(repo, int(number)).pull
            if pull is None:
                raise not_found()
        except Refused as refused:
            return _refused(refused)
        return await _told(repo, pull.base_sha, pull.head_sha, kind)

    async def compare(self, request: Request) -> Response:
        span, _, kind = request.path_params["place"].rpartition(".")
        left, _, right = span.partition("...")
        try:
            repo = self._repo(request)
            base, head = await _commit(repo, left), await _commit(repo, right)
        except Refused as refused:
            return _refused(refused)
        return await _told(repo, base, head, kind)


async def _commit(repo: Repo, ref: str, *, missing: str | None = None) -> str:
    """Refused when there is none, unless something else is wanted then."""
    for name in (f"refs/heads/{ref}", f"refs/tags/{ref}", f"refs/{ref}", ref):
        sha = await gitrepo.resolve(repo.path, name) if ref else None
        if sha is not None:
            return sha
    if missing is None:
        raise not_found()
    return missing


async def _told(repo: Repo, base: str, head: str, kind: str) -> Response:
    make = gitdata.diff if kind == "diff" else gitdata.patch
    return PlainTextResponse(await make(repo.path, base, head))


def _refused(refused: Refused) -> Response:
    return PlainTextResponse(refused.message, 404 if refused.status == 301 else refused.status)
