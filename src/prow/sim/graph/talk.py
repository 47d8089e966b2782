"""What is said on issues and pull requests: comments, reactions, reviews, and who is asked for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim.graph.pages import Page, by_position
from prow.sim.graph.reading import Reading, Reviewed, Said
from prow.sim.graph.resolvers import living
from prow.sim.payloads import Json, node, stamp
from prow.sim.state import Issue, Pull, Reaction, User
from prow.sim.world.views import pull_of

Info = GraphQLResolveInfo[Reading]
REACTIONS = {
    "THUMBS_UP": "+1",
    "THUMBS_DOWN": "-1",
    "LAUGH": "laugh",
    "HOORAY": "hooray",
    "CONFUSED": "confused",
    "HEART": "heart",
    "ROCKET": "rocket",
    "EYES": "eyes",
}


def _comments(issue: Issue, _: Info, **page: Any) -> Json:
    return by_position("comments", [Said(issue, comment) for comment in issue.comments], Page(**page))


def _no_cards(_: Issue, __: Info, **page: Any) -> Json:
    """Boards are not simulated: nothing is on any."""
    return by_position("projectCards", [], Page(**page))


def _no_items(_: Issue, __: Info, **page: Any) -> Json:
    return by_position("projectItems", [], Page(**page))


def grouped(reactions: Sequence[Reaction]) -> list[Json]:
    """All kinds, also those that nobody has given."""
    found = []
    for content, word in REACTIONS.items():
        users = [one.user for one in reactions if one.content == word]
        found.append({"content": content, "users": lambda _, users=users, **page: _some(users, **page)})
    return found


def _some(users: Sequence[User], *, first: int | None = None, last: int | None = None, **_: Any) -> Json:
    return {"nodes": users[:first] if first is not None else users[-(last or 0) :], "totalCount": len(users)}


def _association(info: Info, issue: Issue, user: User) -> str:
    return info.context.world.association(issue.repo, user)


def _url(said: Said, info: Info) -> str:
    return f"{info.context.world.json.issue_page(said.issue)}#issuecomment-{said.comment.id}"


def _asked(issue: Issue, _: Info, **page: Any) -> Json:
    pull: Pull = pull_of(issue)
    asked = [{"requestedReviewer": one} for one in (*pull.requested_reviewers, *pull.requested_teams)]
    return by_position("reviewRequests", asked, Page(**page))


def _closing(
    issue: Issue, info: Info, *, orderBy: object = None, userLinkedOnly: bool = False, **page: Any  # noqa: ARG001, N803
) -> Json:  # fmt: skip
    """Those that its text names; by hand nobody links any."""
    found = [] if userLinkedOnly else info.context.world.closes(issue)
    return by_position("closingIssuesReferences", found, Page(**page))


def _latest(issue: Issue, info: Info, **page: Any) -> Json:
    """The newest review of each reviewer, a comment too."""
    seen = info.context.world.visible_reviews(issue, info.context.login)
    latest = {review.user.login.lower(): review for review in seen}
    return by_position("latestReviews", [Reviewed(issue, review) for review in latest.values()], Page(**page))


_BOTH: dict[str, Callable[..., Any]] = {
    "authorAssociation": lambda issue, info: _association(info, issue, issue.user),
    "comments": _comments,
    "projectCards": _no_cards,
    "projectItems": _no_items,
    "reactionGroups": lambda issue, _: grouped(issue.reactions),
}

FIELDS: dict[str, dict[str, Callable[..., Any]]] = {
    "Issue": _BOTH,
    "PullRequest": _BOTH | {"reviewRequests": _asked, "latestReviews": _latest, "closingIssuesReferences": _closing},
    "PullRequestReview": {
        "authorAssociation": lambda one, info: _association(info, one.issue, one.review.user),
        "reactionGroups": lambda *_: grouped(()),
    },
    "IssueComment": {
        "id": lambda said, _: node("IC", said.comment.id),
        "databaseId": lambda said, _: said.comment.id,
        "bodyText": lambda said, _: said.comment.body,
        "author": lambda said, _: living(said.comment.user),
        "authorAssociation": lambda said, info: _association(info, said.issue, said.comment.user),
        "body": lambda said, _: said.comment.body,
        "createdAt": lambda said, _: stamp(said.comment.created_at),
        "updatedAt": lambda said, _: stamp(said.comment.updated_at),
        "includesCreatedEdit": lambda said, _: said.comment.updated_at != said.comment.created_at,
        "isMinimized": lambda said, _: bool(said.comment.minimized),
        "minimizedReason": lambda said, _: said.comment.minimized or None,
        "reactionGroups": lambda said, _: grouped(said.comment.reactions),
        "url": _url,
        "viewerCanMinimize": lambda said, info: info.context.world.may(said.issue.repo, info.context.login, "write"),
        "viewerDidAuthor": lambda said, info: said.comment.user.login == info.context.login,
    },
    "Team": {"id": lambda team, _: node("T", team.id)},
}
