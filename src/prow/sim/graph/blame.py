"""Who wrote which lines of a file."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim import gitlog, gitrepo
from prow.sim.graph.pages import refused
from prow.sim.graph.reading import CommitAt, Reading
from prow.sim.payloads import Json, stamp

Info = GraphQLResolveInfo[Reading]


async def _blame(commit: CommitAt, _: Info, *, path: str) -> Json:
    """Ranges of lines that one commit brought, in the order of the file."""
    try:
        lines = await gitlog.blamed(commit.repo.path, commit.sha, path)
    except gitrepo.GitFailed:
        raise refused("NOT_FOUND", f"Could not resolve file for path '{path}'.") from None
    found: list[Json] = []
    line = 1
    for sha, group in groupby(lines):
        count = len(list(group))
        at = CommitAt(commit.repo, sha)
        found.append({"startingLine": line, "endingLine": line + count - 1, "commit": at, "age": 1})
        line += count
    return {"ranges": found}


async def _author(commit: CommitAt, info: Info) -> Json:
    told = (await info.context.logged(commit)).author
    user = info.context.world.user_behind(told.name)
    return {"name": told.name, "email": told.email, "date": stamp(datetime.fromisoformat(told.date)), "user": user}


FIELDS: dict[str, dict[str, Any]] = {"Commit": {"blame": _blame, "author": _author}}
