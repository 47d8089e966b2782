"""Tide's queries: dated searches, what all of them cover, and how far a pull request is from one (`spec/tide` §1.1, §3.5, §5.3). Pure.

The search text itself is in `config.tide_search`. Here a query is evaluated on what we know, as GitHub's search would: names of labels
are compared without regard to case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from prow.config.tide import TideQuery
from prow.model.pull_facts import ContextState, HeadContext, PullFacts
from prow.tide.model import PoolRules, QueryGap
from prow.tide.reasons import (
    ContextsUnsuccessful,
    Difference,
    GitHubBlocks,
    LabelsForbidden,
    LabelsMissing,
    ReviewMissing,
    WrongAuthor,
    WrongBranch,
    WrongMilestone,
)

BEGINNING = datetime(2007, 1, 1, tzinfo=UTC)
"""Nothing on GitHub is older."""


class Scope(msgspec.Struct, frozen=True):
    """What all queries together are about: orgs with the repositories that are left out, and repositories by name."""

    orgs: dict[str, frozenset[str]]
    repos: frozenset[str]


def dated(query: str, start: datetime | None, end: datetime | None) -> str:
    """The search with its window of `updated`; None: open on that side."""
    return f"{query} updated:{_bound(start)}..{_bound(end)}"


def _bound(moment: datetime | None) -> str:
    if moment is None:
        return "*"
    return max(moment, BEGINNING).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def scope(queries: Iterable[TideQuery]) -> Scope:
    """A repository is left out of its org only if every query about the org leaves it out and none names it."""
    excluded: dict[str, frozenset[str]] = {}
    repos: set[str] = set()
    for query in queries:
        repos.update(query.repos)
        for org in query.orgs:
            own = frozenset(name for name in query.excluded_repos if name.startswith(f"{org}/"))
            excluded[org] = excluded[org] & own if org in excluded else own
    return Scope({org: names - repos for org, names in excluded.items()}, frozenset(repos))


def gaps_of(rules: PoolRules, pull: PullFacts, unsuccessful: Iterable[HeadContext]) -> tuple[QueryGap, ...]:
    """The distance from each query of the pool, in the order of the configuration. `unsuccessful`: contexts in the way."""
    context = _context_difference(tuple(unsuccessful))
    blocked = GitHubBlocks() if rules.github_blocks == "block" and pull.merge_state == "BLOCKED" else None
    labels = frozenset(label.lower() for label in pull.labels)
    return tuple(_gap(index, query, pull, labels, context, blocked) for index, query in enumerate(rules.queries))


def _gap(
    index: int,
    query: TideQuery,
    pull: PullFacts,
    labels: frozenset[str],
    context: Difference | None,
    blocked: Difference | None,
) -> QueryGap:
    about_pull = list(_differences(query, pull, labels))
    review = [ReviewMissing()] if query.review_approved_required and pull.review_decision != "APPROVED" else []
    rest = [context] if context is not None else []
    differences = (*about_pull, *rest, *review, *([blocked] if blocked is not None else []))
    return QueryGap(
        index=index,
        differences=differences,
        weight=sum(each.weight for each in differences),
        searched=not about_pull and not review,
    )


def _differences(query: TideQuery, pull: PullFacts, labels: frozenset[str]) -> Iterator[Difference]:
    if not _right_branch(query, pull.base_ref):
        yield WrongBranch(branch=pull.base_ref)
    if query.author and not _by(query.author, pull):
        yield WrongAuthor(author=query.author)
    if query.milestone and query.milestone != pull.milestone:
        yield WrongMilestone(milestone=query.milestone)
    missing = tuple(item for item in query.labels if labels.isdisjoint(item.lower().split(",")))
    if missing:
        yield LabelsMissing(labels=missing)
    forbidden = tuple(label for label in query.missing_labels if label.lower() in labels)
    if forbidden:
        yield LabelsForbidden(labels=forbidden)


def _right_branch(query: TideQuery, branch: str) -> bool:
    if branch in query.excluded_branches:
        return False
    return not query.included_branches or branch in query.included_branches


def _by(author: str, pull: PullFacts) -> bool:
    """GitHub's interfaces name one bot in three ways: `name`, `name[bot]`, `app/name`; the last two cannot be a person."""
    wanted, given = author.lower().lstrip("@"), pull.author.lower().lstrip("@")
    if wanted == given:
        return True
    name = wanted.removeprefix("app/").removesuffix("[bot]")
    is_bot = pull.author_type == "Bot" or given.endswith("[bot]")
    return is_bot and name == given.removesuffix("[bot]")


def _context_difference(unsuccessful: tuple[HeadContext, ...]) -> Difference | None:
    if not unsuccessful:
        return None
    absent = sum(context.state is ContextState.EXPECTED for context in unsuccessful)
    return ContextsUnsuccessful(
        contexts=tuple(sorted({context.name for context in unsuccessful})), count=len(unsuccessful) + absent
    )


def nearest(gaps: tuple[QueryGap, ...]) -> QueryGap | None:
    """The query that a person should be told about: the lightest, the first of equals."""
    return min(gaps, key=lambda gap: gap.weight, default=None)


def target_url(rules: PoolRules, pull: PullFacts) -> str:
    """Where the `tide` status leads (§5.6); empty: nowhere."""
    if rules.target_url or not rules.status_base_url:
        return rules.target_url
    author = pull.author
    if pull.author_type == "Bot" and not author.startswith("app/"):
        author = f"app/{author.removesuffix('[bot]')}"
    try:
        parts = urlsplit(rules.status_base_url)
    except ValueError:
        return ""
    query = f"is:pr repo:{pull.org}/{pull.repo} author:{author} head:{pull.head_ref}"
    parameters = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if key != "query"]
    text = urlencode(sorted([*parameters, ("query", query)], key=lambda pair: pair[0]))
    return urlunsplit(parts._replace(query=text))
