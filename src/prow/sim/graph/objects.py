"""What is in a repository: files and folders by expression, branches and tags, histories."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim import gitdata, gitlog, gitrepo
from prow.sim.gitdata import Entry
from prow.sim.graph.pages import Page, by_key, by_position, refused
from prow.sim.graph.reading import Branch, CommitAt, ObjectAt, Reading
from prow.sim.payloads import Json
from prow.sim.state import Repo

Info = GraphQLResolveInfo[Reading]
GitObject = CommitAt | ObjectAt
_MOST_TEXT = 512_000
_HEADS, _TAGS = "refs/heads/", "refs/tags/"


async def _at(repo: Repo, name: str) -> GitObject | None:
    """The commit, the file or the folder of that name; a tag leads to what it names."""
    sha = await gitdata.object_at(repo.path, name)
    kind = await gitdata.kind_of(repo.path, sha) if sha is not None else None
    if sha is None or kind in {None, "commit", "tag"}:
        commit = await gitrepo.resolve(repo.path, name)
        return CommitAt(repo, commit) if commit is not None else None
    return ObjectAt(repo, sha, str(kind))


async def _object(repo: Repo, _: Info, *, expression: str | None = None, oid: str | None = None) -> GitObject | None:
    return await _at(repo, expression or oid or "HEAD")


async def _text(blob: ObjectAt, _: Info) -> str | None:
    """Nothing of what is binary."""
    data = await gitdata.blob(blob.repo.path, blob.sha) or b""
    return None if b"\0" in data else data[:_MOST_TEXT].decode("utf-8", "replace")


async def _binary(blob: ObjectAt, info: Info) -> bool:
    return await _text(blob, info) is None


async def _size(blob: ObjectAt, _: Info) -> int:
    return len(await gitdata.blob(blob.repo.path, blob.sha) or b"")


async def _truncated(blob: ObjectAt, info: Info) -> bool:
    return await _size(blob, info) > _MOST_TEXT


async def _entries(tree: ObjectAt, _: Info) -> list[Json]:
    def told(one: Entry) -> Json:
        inside = None if one.kind == "commit" else ObjectAt(tree.repo, one.sha, one.kind)
        return {
            "mode": int(one.mode, 8),
            "name": one.path,
            "object": inside,
            "oid": one.sha,
            "path": one.path,
            "size": one.size or 0,
            "type": one.kind,
        }

    return [told(one) for one in await gitdata.tree(tree.repo.path, tree.sha) or []]


# Refs


async def _ref(repo: Repo, info: Info, *, qualifiedName: str) -> Branch | None:  # noqa: N803
    """A branch, or a tag by its full name."""
    if not qualifiedName.startswith(_TAGS):
        return await info.context.branch(repo, qualifiedName.removeprefix(_HEADS))
    sha = await gitrepo.resolve(repo.path, qualifiedName)
    return Branch(repo, qualifiedName.removeprefix(_TAGS), sha, _TAGS) if sha is not None else None


async def _refs(
    repo: Repo, _: Info, *, refPrefix: str, query: str | None = None, orderBy: dict[str, str] | None = None,  # noqa: N803
    direction: str | None = None, **page: Any,
) -> Json | None:  # fmt: skip
    prefix = f"{refPrefix.rstrip('/')}/"
    if prefix not in {_HEADS, _TAGS}:
        return None
    names = [name.removeprefix(prefix) for name in await gitrepo.refs(repo.path, prefix)]
    found = []
    for name in names:
        sha = await gitrepo.resolve(repo.path, prefix + name)
        if sha is not None and (not query or query.lower() in name.lower()):
            found.append(Branch(repo, name, sha, prefix))
    down = (orderBy["direction"] if orderBy is not None else direction) == "DESC"
    return by_key("refs", found, Page(**page), lambda one: [one.name], down=down)


# Histories


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        raise refused("argumentLiteralsIncompatible", f"'{text}' is no GitTimestamp") from None
    return found.replace(tzinfo=UTC) if found is not None and found.tzinfo is None else found


async def _history(
    commit: CommitAt, _: Info, *, path: str | None = None, since: str | None = None, until: str | None = None, **page: Any
) -> Json:  # fmt: skip
    first, last = _moment(since), _moment(until)
    found = []
    for one in await gitlog.listed(commit.repo.path, commit.sha, below=path or ""):
        when = datetime.fromisoformat(one.committer.date)
        if (first is None or when >= first) and (last is None or when <= last):
            found.append(CommitAt(commit.repo, one.sha))
    return by_position("history", found, Page(**page))


async def _pulls(commit: CommitAt, info: Info, *, orderBy: dict[str, str] | None = None, **page: Any) -> Json:  # noqa: N803
    """Those that brought the commit, or want to."""
    found = await info.context.world.pulls_with(commit.repo, commit.sha)
    updated = orderBy is not None and orderBy["field"] == "UPDATED_AT"
    found.sort(key=lambda one: (one.updated_at if updated else one.created_at, one.number))
    if orderBy is not None and orderBy["direction"] == "DESC":
        found.reverse()
    return by_position("associatedPullRequests", found, Page(**page))


async def _parents(commit: CommitAt, info: Info, **page: Any) -> Json:
    found = (await info.context.logged(commit)).parents
    return by_position("parents", [CommitAt(commit.repo, sha) for sha in found], Page(**page))


async def _tree(commit: CommitAt, info: Info) -> ObjectAt:
    return ObjectAt(commit.repo, (await info.context.logged(commit)).tree, "tree")


_NAMED: dict[str, Any] = {
    "oid": lambda one, _: one.sha,
    "abbreviatedOid": lambda one, _: one.sha[:7],
    "id": lambda one, _: f"{'B' if one.kind == 'blob' else 'TR'}_sim{one.sha}",
}
FIELDS: dict[str, dict[str, Any]] = {
    "Repository": {"object": _object, "ref": _ref, "refs": _refs},
    "Commit": {
        "id": lambda one, _: f"C_sim{one.sha}",
        "abbreviatedOid": lambda one, _: one.sha[:7],
        "associatedPullRequests": _pulls,
        "url": lambda one, info: f"{info.context.world.base}/{one.repo.full_name}/commit/{one.sha}",
        "history": _history,
        "parents": _parents,
        "tree": _tree,
    },
    "Blob": _NAMED
    | {
        "byteSize": _size,
        "isBinary": _binary,
        "isTruncated": _truncated,
        "text": _text,
    },
    "Tree": _NAMED | {"entries": _entries},
}
