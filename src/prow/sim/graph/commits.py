"""Commits as git tells them, the files that they change, and what is required of what is said about them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim.gitlog import Logged
from prow.sim.graph.nodes import find
from prow.sim.graph.pages import Page, by_position
from prow.sim.graph.reading import CommitAt, Reading
from prow.sim.payloads import Json, stamp
from prow.sim.state import CheckRun, Issue, Status

Info = GraphQLResolveInfo[Reading]
Resolver = Callable[..., Any]
_CHANGES = {"added": "ADDED", "removed": "DELETED", "modified": "MODIFIED", "renamed": "RENAMED", "copied": "COPIED"}


def _told(get: Callable[[Logged], Any]) -> Resolver:
    async def resolve(commit: CommitAt, info: Info) -> Any:
        return get(await info.context.logged(commit))

    return resolve


async def _authors(commit: CommitAt, info: Info, **page: Any) -> Json:
    author = (await info.context.logged(commit)).author
    user = info.context.world.users.get(author.name.lower())
    return by_position("authors", [{"name": author.name, "email": author.email, "user": user}], Page(**page))


def _when(iso: str) -> str:
    return stamp(datetime.fromisoformat(iso))


async def _files(issue: Issue, info: Info, **page: Any) -> Json:
    found = [
        {
            "path": file["filename"],
            "additions": file["additions"],
            "deletions": file["deletions"],
            "changeType": _CHANGES.get(str(file["status"]), "CHANGED"),
        }
        for file in await info.context.world.files(issue)
    ]
    return by_position("files", found, Page(**page))


def _required(
    said: CheckRun | Status, info: Info, *, pullRequestId: str | None = None, **_: Any  # noqa: N803
) -> bool:  # fmt: skip
    """Whether the base of that pull request requires this context."""
    if pullRequestId is None:
        return False
    rules = info.context.world.protection(find(info.context, pullRequestId, Issue))
    name = said.name if isinstance(said, CheckRun) else said.context
    return rules is not None and name in (rules.contexts or ())


FIELDS: dict[str, dict[str, Resolver]] = {
    "Commit": {
        "authoredDate": _told(lambda commit: _when(commit.author.date)),
        "authors": _authors,
        "committedDate": _told(lambda commit: _when(commit.committer.date)),
        "message": _told(lambda commit: commit.message),
        "messageBody": _told(lambda commit: commit.message.partition("\n")[2].strip()),
        "messageHeadline": _told(lambda commit: commit.message.partition("\n")[0]),
    },
    "PullRequest": {"files": _files},
    "CheckRun": {"isRequired": _required},
    "StatusContext": {"isRequired": _required},
}
