"""Pull requests: how they stand, what is in them, what reviewers say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim import rules
from prow.sim.graph.pages import Page, by_position
from prow.sim.graph.reading import CommitAt, Reading, Reviewed
from prow.sim.graph.resolvers import Resolver, item, living, owner_of, when
from prow.sim.payloads import Json, node
from prow.sim.state import Issue, Pull
from prow.sim.world.views import pull_of

Info = GraphQLResolveInfo[Reading]


def _pull(get: Callable[[Pull], Any]) -> Resolver:
    """A field of the pull request side."""
    return lambda issue, _: get(pull_of(issue))


def _looked(issue: Issue, info: Info) -> Pull:
    """Whoever asks whether it merges has it computed."""
    info.context.world.look(issue)
    return pull_of(issue)


def _mergeable(issue: Issue, info: Info) -> str:
    pull = _looked(issue, info)
    if issue.state != "open" or pull.mergeable is None:
        return "UNKNOWN"
    return "MERGEABLE" if pull.mergeable else "CONFLICTING"


def _merge_state(issue: Issue, info: Info) -> str:
    _looked(issue, info)
    return info.context.world.merge_state(issue)


def _rebaseable(issue: Issue, info: Info) -> bool:
    return _looked(issue, info).rebaseable and issue.state == "open"


async def _changed_files(issue: Issue, info: Info) -> int:
    return len(await info.context.world.files(issue))


async def _lines(issue: Issue, info: Info, kind: str) -> int:
    return sum(int(str(file[kind])) for file in await info.context.world.files(issue))


async def _commits(issue: Issue, info: Info, **page: Any) -> Json:
    compared = await info.context.world.compared(issue)
    commits = [{"commit": CommitAt(issue.repo, sha)} for sha, _ in compared.commits]
    return by_position("commits", commits, Page(**page))


def _reviews(issue: Issue, info: Info, *, states: list[str] | None = None, **page: Any) -> Json:
    seen = info.context.world.visible_reviews(issue, info.context.login)
    found = [Reviewed(issue, review) for review in seen if states is None or review.state in states]
    return by_position("reviews", found, Page(**page))


def _opinions(issue: Issue, _: Info, **page: Any) -> Json:
    found = [Reviewed(issue, review) for review in rules.opinions(pull_of(issue).reviews).values()]
    return by_position("latestOpinionatedReviews", found, Page(**page))


def _merge_commit(issue: Issue, _: Info) -> CommitAt | None:
    pull = pull_of(issue)
    return CommitAt(issue.repo, pull.merge_commit_sha) if pull.merged and pull.merge_commit_sha else None


FIELDS: dict[str, dict[str, Resolver]] = {
    "PullRequest": {
        "id": item(lambda i: node("PR", i.id)),
        "baseRepository": item(lambda i: i.repo),
        "additions": lambda issue, info: _lines(issue, info, "additions"),
        "deletions": lambda issue, info: _lines(issue, info, "deletions"),
        "maintainerCanModify": _pull(lambda p: p.maintainer_can_modify),
        "isDraft": _pull(lambda p: p.draft),
        "isCrossRepository": item(lambda i: pull_of(i).head_repo is not i.repo),
        "merged": _pull(lambda p: p.merged),
        "mergedAt": _pull(lambda p: when(p.merged_at)),
        "mergedBy": _pull(lambda p: living(p.merged_by)),
        "mergeCommit": _merge_commit,
        "mergeable": _mergeable,
        "mergeStateStatus": _merge_state,
        "canBeRebased": _rebaseable,
        "reviewDecision": lambda issue, info: info.context.world.review_decision(issue),
        "baseRef": lambda issue, info: info.context.branch(issue.repo, pull_of(issue).base_ref),
        "baseRefName": _pull(lambda p: p.base_ref),
        "baseRefOid": _pull(lambda p: p.base_sha),
        "headRef": lambda issue, info: info.context.branch(pull_of(issue).head_repo, pull_of(issue).head_ref),
        "headRefName": _pull(lambda p: p.head_ref),
        "headRefOid": _pull(lambda p: p.head_sha),
        "headRepository": _pull(lambda p: p.head_repo),
        "headRepositoryOwner": lambda issue, info: owner_of(pull_of(issue).head_repo, info),
        "changedFiles": _changed_files,
        "commits": _commits,
        "reviews": _reviews,
        "latestOpinionatedReviews": _opinions,
    },
    "PullRequestReview": {
        "id": item(lambda r: node("PRR", r.review.id)),
        "databaseId": item(lambda r: r.review.id),
        "author": item(lambda r: living(r.review.user)),
        "body": item(lambda r: r.review.body),
        "state": item(lambda r: r.review.state),
        "submittedAt": item(lambda r: when(r.review.submitted_at)),
        "commit": item(lambda r: CommitAt(r.issue.repo, r.review.commit_id)),
    },
}
