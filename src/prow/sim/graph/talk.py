"""What is said on issues and pull requests: comments, reactions, reviews, and who is asked for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim.graph.pages import Page, by_position
from prow.sim.graph.reading import Reading, Reviewed, Said
from prow.sim.payloads import Json, node, stamp
from prow.sim.state import Issue, Pull
from prow.sim.world.views import pull_of

Info = GraphQLResolveInfo[Reading]
_REACTIONS = ("THUMBS_UP", "THUMBS_DOWN", "LAUGH", "HOORAY", "CONFUSED", "HEART", "ROCKET", "EYES")


def _comments(issue: Issue, _: Info, **page: Any) -> Json:
    return by_position("comments", [Said(issue, comment) for comment in issue.comments], Page(**page))


def _no_cards(_: Issue, __: Info, **page: Any) -> Json:
    """Boards are not simulated: nothing is on any."""
    return by_position("projectCards", [], Page(**page))


def _no_items(_: Issue, __: Info, **page: Any) -> Json:
    return by_position("projectItems", [], Page(**page))


def _groups(_: object, __: Info) -> list[Json]:
    return [{"content": content, "users": {"nodes": [], "totalCount": 0}} for content in _REACTIONS]


def _url(said: Said, info: Info) -> str:
    return f"{info.context.world.json.issue_page(said.issue)}#issuecomment-{said.comment.id}"


def _asked(issue: Issue, _: Info, **page: Any) -> Json:
    pull: Pull = pull_of(issue)
    asked = [{"requestedReviewer": one} for one in (*pull.requested_reviewers, *pull.requested_teams)]
    return by_position("reviewRequests", asked, Page(**page))


def _latest(issue: Issue, _: Info, **page: Any) -> Json:
    """The newest review of each reviewer, a comment too."""
    latest = {review.user.login.lower(): review for review in pull_of(issue).reviews}
    return by_position("latestReviews", [Reviewed(issue, review) for review in latest.values()], Page(**page))


_BOTH: dict[str, Callable[..., Any]] = {
    "authorAssociation": lambda *_: "NONE",
    "comments": _comments,
    "projectCards": _no_cards,
    "projectItems": _no_items,
    "reactionGroups": _groups,
}

FIELDS: dict[str, dict[str, Callable[..., Any]]] = {
    "Issue": _BOTH,
    "PullRequest": _BOTH | {"reviewRequests": _asked, "latestReviews": _latest},
    "PullRequestReview": {"authorAssociation": lambda *_: "NONE", "reactionGroups": _groups},
    "IssueComment": {
        "id": lambda said, _: node("IC", said.comment.id),
        "author": lambda said, _: said.comment.user,
        "authorAssociation": lambda *_: "NONE",
        "body": lambda said, _: said.comment.body,
        "createdAt": lambda said, _: stamp(said.comment.created_at),
        "updatedAt": lambda said, _: stamp(said.comment.updated_at),
        "includesCreatedEdit": lambda said, _: said.comment.updated_at != said.comment.created_at,
        "isMinimized": lambda *_: False,
        "reactionGroups": _groups,
        "url": _url,
        "viewerDidAuthor": lambda said, info: said.comment.user.login == info.context.login,
    },
    "Team": {
        "id": lambda team, _: node("T", team.id),
        "organization": lambda team, info: next(
            o for o in info.context.world.orgs.values() if team in o.teams.values()
        ),
    },
}
