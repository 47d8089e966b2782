"""Releases as GraphQL tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim import gitrepo
from prow.sim.errors import Refused
from prow.sim.graph.pages import Page, by_key, by_position
from prow.sim.graph.reading import CommitAt, Reading
from prow.sim.graph.resolvers import living, when
from prow.sim.payloads import Json, node, stamp
from prow.sim.state import Release, Repo

Info = GraphQLResolveInfo[Reading]


@dataclass(frozen=True)
class Released:
    """A release with the repository that it is of."""

    repo: Repo
    release: Release


def _seen(repo: Repo, info: Info) -> list[Release]:
    """Drafts are there for those alone who may write."""
    writes = info.context.world.may(repo, info.context.login, "write")
    return [one for one in repo.releases if writes or not one.draft]


def _releases(repo: Repo, info: Info, *, orderBy: dict[str, str] | None = None, **page: Any) -> Json:  # noqa: N803
    by_name = orderBy is not None and orderBy["field"] == "NAME"
    down = orderBy is None or orderBy["direction"] == "DESC"
    found = [Released(repo, one) for one in _seen(repo, info)]

    def key(one: Released) -> list[Any]:
        return [one.release.name if by_name else one.release.created_at.isoformat(), one.release.id]

    return by_key("releases", found, Page(**page), key, down=down)


def _newest(repo: Repo, info: Info) -> Release | None:
    try:
        return info.context.world.latest_release(repo)
    except Refused:
        return None


def _latest(repo: Repo, info: Info) -> Released | None:
    found = _newest(repo, info)
    return Released(repo, found) if found is not None else None


def _release(repo: Repo, info: Info, *, tagName: str) -> Released | None:  # noqa: N803
    return next((Released(repo, one) for one in _seen(repo, info) if one.tag == tagName), None)


def _json(one: Released, info: Info) -> Json:
    return info.context.world.json.release(one.repo, one.release)


def _assets(one: Released, info: Info, *, name: str | None = None, **page: Any) -> Json:
    found = [
        {
            "id": asset["node_id"],
            "contentType": asset["content_type"],
            "createdAt": asset["created_at"],
            "downloadCount": asset["download_count"],
            "downloadUrl": asset["browser_download_url"],
            "name": asset["name"],
            "size": asset["size"],
            "url": asset["url"],
        }
        for asset in _json(one, info)["assets"]
        if name in {None, asset["name"]}
    ]
    return by_position("releaseAssets", found, Page(**page))


async def _commit(one: Released, _: Info) -> CommitAt | None:
    sha = await gitrepo.resolve(one.repo.path, f"refs/tags/{one.release.tag}")
    return CommitAt(one.repo, sha) if sha is not None else None


FIELDS: dict[str, dict[str, Any]] = {
    "Repository": {"latestRelease": _latest, "release": _release, "releases": _releases},
    "Release": {
        "id": lambda one, _: node("RE", one.release.id),
        "author": lambda one, _: living(one.release.author),
        "createdAt": lambda one, _: stamp(one.release.created_at),
        "databaseId": lambda one, _: one.release.id,
        "description": lambda one, _: one.release.body,
        "isDraft": lambda one, _: one.release.draft,
        "isLatest": lambda one, info: _newest(one.repo, info) is one.release,
        "isPrerelease": lambda one, _: one.release.prerelease,
        "name": lambda one, _: one.release.name or None,
        "publishedAt": lambda one, _: when(one.release.published_at),
        "releaseAssets": _assets,
        "tagCommit": _commit,
        "tagName": lambda one, _: one.release.tag,
        "url": lambda one, info: _json(one, info)["html_url"],
    },
}
