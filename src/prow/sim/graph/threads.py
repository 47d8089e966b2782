"""Conversations on lines, and the mutations that end them or begin them again."""

from __future__ import annotations

from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim.graph.mutations import Wanted, resolver
from prow.sim.graph.pages import Page, by_position, refused
from prow.sim.graph.reading import Reading, Remark, Reviewed
from prow.sim.graph.resolvers import living
from prow.sim.payloads import Json, node, stamp
from prow.sim.state import Issue, ReviewComment
from prow.sim.world.views import pull_of

Info = GraphQLResolveInfo[Reading]


async def _threads(issue: Issue, info: Info, **page: Any) -> Json:
    await info.context.world.follow_lines(issue)
    comments = info.context.world.visible_comments(issue, info.context.login)
    first = [comment for comment in comments if comment.in_reply_to is None]
    return by_position("reviewThreads", [thread(issue, comment) for comment in first], Page(**page))


def thread(issue: Issue, comment: ReviewComment) -> Json:
    return {
        "id": node("PRRT", comment.id),
        "isResolved": comment.id in pull_of(issue).resolved,
        "isOutdated": comment.position is None and comment.subject == "line",
        "path": comment.path,
        "line": comment.line,
        "originalLine": comment.original_line,
        "startLine": comment.start_line,
        "diffSide": comment.side,
        "subjectType": comment.subject.upper(),
        "comments": lambda info, **page: _said(issue, comment, info, Page(**page)),
    }


def _said(issue: Issue, first: ReviewComment, info: Info, page: Page) -> Json:
    seen = info.context.world.visible_comments(issue, info.context.login)
    own = [Remark(issue, one) for one in seen if first.id in {one.id, one.in_reply_to}]
    return by_position("comments", own, page)


def _review(said: Remark, _: Info) -> Reviewed | None:
    found = (one for one in pull_of(said.issue).reviews if one.id == said.comment.review_id)
    return next((Reviewed(said.issue, one) for one in found), None)


def find_thread(reading: Reading, wanted: str) -> tuple[Issue, ReviewComment]:
    """The pull request and the first comment of the conversation of that id."""
    for repo in reading.world.repos.values():
        for issue in repo.issues.values() if reading.sees(repo) else ():
            for comment in issue.pull.review_comments if issue.pull is not None else ():
                if wanted == node("PRRT", comment.id):
                    return issue, comment
    raise refused("NOT_FOUND", f"Could not resolve to a node with the global id of '{wanted[:80]}'")


def _resolve(*, resolved: bool) -> Any:
    async def change(reading: Reading, wanted: Wanted) -> Json:
        issue, comment = find_thread(reading, wanted["threadId"])
        await reading.world.resolve_thread(issue, comment, reading.login, resolved=resolved)
        return {"thread": thread(issue, comment)}

    return change


_MUTATIONS = {
    "resolveReviewThread": _resolve(resolved=True),
    "unresolveReviewThread": _resolve(resolved=False),
}
FIELDS: dict[str, dict[str, Any]] = {
    "PullRequest": {"reviewThreads": _threads},
    "PullRequestReviewComment": {
        "id": lambda said, _: node("PRRC", said.comment.id),
        "author": lambda said, _: living(said.comment.user),
        "authorAssociation": lambda said, info: info.context.world.association(said.issue.repo, said.comment.user),
        "body": lambda said, _: said.comment.body,
        "createdAt": lambda said, _: stamp(said.comment.created_at),
        "databaseId": lambda said, _: said.comment.id,
        "diffHunk": lambda said, _: said.comment.diff_hunk,
        "line": lambda said, _: said.comment.line,
        "originalLine": lambda said, _: said.comment.original_line,
        "outdated": lambda said, _: said.comment.position is None and said.comment.subject == "line",
        "path": lambda said, _: said.comment.path,
        "pullRequestReview": _review,
        "startLine": lambda said, _: said.comment.start_line,
        "updatedAt": lambda said, _: stamp(said.comment.updated_at),
        "url": lambda said, info: f"{info.context.world.json.issue_page(said.issue)}#discussion_r{said.comment.id}",
    },
    "Mutation": {name: resolver(name, change) for name, change in _MUTATIONS.items()},
}
