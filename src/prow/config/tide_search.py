"""A tide query as GitHub's search reads it (`spec/tide` §1.1). Pure. Tide finds pull requests with it, deck links to it."""

from __future__ import annotations

from collections.abc import Iterator

from prow.config.tide import TideQuery


def search_string(query: TideQuery) -> str:
    """The whole query: criteria, then the scope of every org, orgs by name."""
    return " ".join([*_criteria(query), *(token for org in _orgs(query) for token in _scope(query, org))])


def search_strings_by_org(query: TideQuery) -> dict[str, str]:
    """One string for each org: what a GitHub App, which sees one org at a time, has to send."""
    return {org: " ".join([*_criteria(query), *_scope(query, org)]) for org in _orgs(query)}


def _criteria(query: TideQuery) -> Iterator[str]:
    yield from ("is:pr", "state:open", "archived:false")
    if query.author:
        yield f'author:"{query.author}"'
    yield from (f'-base:"{branch}"' for branch in query.excluded_branches)
    yield from (f'base:"{branch}"' for branch in query.included_branches)
    for labels in query.labels:
        yield "label:" + ",".join(f'"{label}"' for label in labels.split(","))
    yield from (f'-label:"{label}"' for label in query.missing_labels)
    if query.milestone:
        yield f'milestone:"{query.milestone}"'
    if query.review_approved_required:
        yield "review:approved"


def _orgs(query: TideQuery) -> list[str]:
    """Every org that the query names. What is not of the form `a/b` names none."""
    repos = (name.split("/")[0] for name in (*query.repos, *query.excluded_repos) if name.count("/") == 1)
    return sorted({*query.orgs, *repos})


def _scope(query: TideQuery, org: str) -> Iterator[str]:
    if org in query.orgs:
        yield f'org:"{org}"'
    for sign, names in (("", query.repos), ("-", query.excluded_repos)):
        yield from (f'{sign}repo:"{name}"' for name in names if name.count("/") == 1 and name.split("/")[0] == org)
