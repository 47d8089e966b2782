"""Conversations on lines, and the mutations that end them or begin them again."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim.graph.mutations import Wanted, resolver
from prow.sim.graph.pages import Page, by_position, refused
from prow.sim.graph.reading import Reading
from prow.sim.payloads import Json, node
from prow.sim.state import Issue, ReviewComment
from prow.sim.world.views import pull_of

Info = GraphQLResolveInfo[Reading]


async def _threads(issue: Issue, info: Info, **page: Any) -> Json:
    await info.context.world.follow_lines(issue)
    comments = info.context.world.visible_comments(issue, info.context.login)
    first = [comment for comment in comments if comment.in_reply_to is None]
    return by_position("reviewThreads", [_thread(issue, comment) for comment in first], Page(**page))


def _thread(issue: Issue, comment: ReviewComment) -> Json:
    return {
        "id": node("PRRT", comment.id),
        "isResolved": comment.id in pull_of(issue).resolved,
        "isOutdated": comment.position is None and comment.subject == "line",
        "path": comment.path,
        "line": comment.line,
    }


def _resolve(*, resolved: bool) -> Any:
    async def change(reading: Reading, wanted: Wanted) -> Json:
        number = wanted["threadId"].rpartition("sim")[2]
        for repo in reading.world.repos.values():
            for issue in repo.issues.values() if reading.sees(repo) else ():
                for comment in issue.pull.review_comments if issue.pull is not None else ():
                    if str(comment.id) == number and wanted["threadId"] == node("PRRT", comment.id):
                        await reading.world.resolve_thread(issue, comment, reading.login, resolved=resolved)
                        return {"thread": _thread(issue, comment)}
        raise refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted['threadId'][:80]}'")

    return change


_MUTATIONS = {
    "resolveReviewThread": _resolve(resolved=True),
    "unresolveReviewThread": _resolve(resolved=False),
}
FIELDS = {
    "PullRequest": {"reviewThreads": _threads},
    "Mutation": {name: resolver(name, change) for name, change in _MUTATIONS.items()},
}
