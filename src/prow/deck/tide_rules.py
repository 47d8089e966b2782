"""Pure: how tide's pools, its history and its requirements read on the pages `/tide` and `/tide-history`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, urlencode

import msgspec

from prow.config.tide import TideQuery
from prow.config.tide_search import search_string
from prow.deck import pull_rules
from prow.deck.model import safe_link
from prow.deck.rules import Select
from prow.deck.tide_model import Doing, HistoryFilter, PoolGroup, PoolPull, PoolView, RecordView, Requirement
from prow.deck.tide_wire import HistoryRecord, TidePool, TidePull, of_default_tenant

MOST_RECORDS = 500
ACTIONS = ("MERGE", "MERGE_BATCH", "TRIGGER", "TRIGGER_BATCH")
_DONE = {
    "MERGE": "Merged",
    "MERGE_BATCH": "Merged a batch",
    "TRIGGER": "Started tests",
    "TRIGGER_BATCH": "Started a batch",
}


def visible_pools(pools: Iterable[TidePool], hidden_repos: Sequence[str]) -> tuple[TidePool, ...]:
    return tuple(
        pool
        for pool in pools
        if of_default_tenant(pool.tenant_ids) and not pull_rules.hidden(hidden_repos, pool.org, pool.repo)
    )


def visible_history(
    history: Mapping[str, tuple[HistoryRecord, ...]], hidden_repos: Sequence[str]
) -> dict[str, tuple[HistoryRecord, ...]]:
    """Without hidden repositories, other tenants' records, and pools of which nothing is left."""
    found = {}
    for key, records in history.items():
        org, repo, _ = split_key(key)
        shown = tuple(record for record in records if of_default_tenant(record.tenant_ids))
        if shown and not pull_rules.hidden(hidden_repos, org, repo):
            found[key] = shown
    return found


def split_key(key: str) -> tuple[str, str, str]:
    """`org/repo:branch`, also with an address as org (`spec/deck` §4.5)."""
    scheme, separator, rest = key.partition("://")
    if separator and scheme in {"http", "https"}:
        host, _, rest = rest.partition("/")
        repo, _, branch = rest.partition(":")
        return f"{scheme}://{host}", repo, branch
    name, _, branch = key.partition(":")
    org, _, repo = name.partition("/")
    return org, repo, branch


def pool_views(
    pools: Iterable[TidePool], *, repo: str = "", github: str = "https://github.com"
) -> tuple[PoolView, ...]:
    """By name, so that nothing jumps about while people look."""
    views = [_pool_view(pool, github) for pool in pools if repo in {"", f"{pool.org}/{pool.repo}"}]
    return tuple(sorted(views, key=lambda view: view.key))


def _pool_view(pool: TidePool, github: str) -> PoolView:
    name = f"{pool.org}/{pool.repo}"
    acting = (pool.target or ()) if pool.action in ACTIONS else ()
    numbers = {pull.number for pull in acting}
    groups = (
        ("target", _acting_title(pool), acting),
        *(
            (kind, title, [pull for pull in pulls or () if pull.number not in numbers])
            for kind, title, pulls in (
                ("batch", "Tested together", pool.batch_pending),
                ("passing", "Tests passed", pool.success_prs),
                ("pending", "Tests are running", pool.pending_prs),
                ("missing", "To be tested against the newest base", pool.missing_prs),
            )
        ),
    )
    doing, headline = _doing(pool)
    return PoolView(
        key=f"{name}:{pool.branch}",
        repo=name,
        branch=pool.branch,
        branch_link=f"{github}/{quote(name)}/tree/{quote(pool.branch)}" if pull_rules.pull_path(name, 1) else "",
        doing=doing,
        headline=headline,
        groups=tuple(PoolGroup(kind, title, _pulls(name, pulls)) for kind, title, pulls in groups if pulls),
        blockers=tuple(msgspec.structs.replace(b, url=safe_link(b.url)) for b in pool.blockers or ()),
        error=pool.error,
    )


def _acting_title(pool: TidePool) -> str:
    if pool.error:
        return "Tried"
    return "Merging now" if pool.action.startswith("MERGE") else "Being tested now"


def _doing(pool: TidePool) -> tuple[Doing, str]:
    numbers = ", ".join(f"#{pull.number}" for pull in pool.target or ())
    if pool.error:
        return Doing.STUCK, "The last attempt failed"
    match pool.action:
        case "MERGE" | "MERGE_BATCH":
            return Doing.MERGING, f"Merging {numbers}"
        case "TRIGGER":
            return Doing.TESTING, f"Starting the tests of {numbers} on the newest {pool.branch}"
        case "TRIGGER_BATCH":
            return Doing.TESTING, f"Testing {numbers} together"
        case "BLOCKED" | "POOL_BLOCKED":
            return Doing.STUCK, "Nothing merges while an issue blocks this branch"
    if pool.batch_pending or pool.pending_prs:
        return Doing.TESTING, "Waiting for tests"
    return Doing.RESTING, "Waiting"


def _pulls(name: str, pulls: Iterable[TidePull] | None) -> tuple[PoolPull, ...]:
    return tuple(PoolPull(p.number, p.title, pull_rules.pull_path(name, p.number)) for p in pulls or ())


def requirement(query: TideQuery, *, github: str = "https://github.com") -> Requirement:
    search = search_string(query)
    return Requirement(
        where=(*(f"all of {org}" for org in query.orgs), *query.repos),
        except_repos=query.excluded_repos,
        labels=tuple(tuple(labels.split(",")) for labels in query.labels),
        missing_labels=query.missing_labels,
        included_branches=query.included_branches,
        excluded_branches=query.excluded_branches,
        author=query.author,
        milestone=query.milestone,
        review=query.review_approved_required,
        search=search,
        link=f"{github}/search?{urlencode({'q': search, 'type': 'pullrequests'})}",
    )


def parse_history_filter(query: Mapping[str, str]) -> HistoryFilter:
    pull = query.get("pull", "")
    return HistoryFilter(
        repo=query.get("repo", "")[:200],
        branch=query.get("branch", "")[:250],
        pull=int(pull) if pull.isascii() and pull.isdecimal() and len(pull) < 10 else None,
        author=query.get("author", "")[:100],
        action=query.get("action", "") if query.get("action", "") in ACTIONS else "",
        state=query.get("state", "") if query.get("state", "") in {"success", "failure"} else "",
    )


def history_views(
    history: Mapping[str, tuple[HistoryRecord, ...]], wanted: HistoryFilter, *, github: str = "https://github.com"
) -> tuple[tuple[RecordView, ...], int]:
    """The newest `MOST_RECORDS` records of all pools that the filter shows, newest first; and how many there are.

    Records without targets are never shown, as upstream does.
    """
    views = [
        _record_view(key, record, github)
        for key, records in history.items()
        for record in records
        if record.target and _shows(wanted, key, record)
    ]
    views.sort(key=lambda view: (view.time, view.id), reverse=True)
    return tuple(views[:MOST_RECORDS]), len(views)


def _shows(wanted: HistoryFilter, key: str, record: HistoryRecord) -> bool:
    org, repo, branch = split_key(key)
    return (
        wanted.repo in {"", f"{org}/{repo}"}
        and wanted.branch in {"", branch}
        and (wanted.pull is None or any(pull.number == wanted.pull for pull in record.target))
        and (not wanted.author or any(pull.author.lower() == wanted.author.lower() for pull in record.target))
        and wanted.action in {"", record.action}
        and (not wanted.state or (wanted.state == "failure") is bool(record.err))
    )


def _record_view(key: str, record: HistoryRecord, github: str) -> RecordView:
    org, repo, branch = split_key(key)
    name = f"{org}/{repo}"
    linked = bool(pull_rules.pull_path(name, 1))
    return RecordView(
        id=f"{key}@{record.time.isoformat()}",
        repo=name,
        branch=branch,
        time=record.time,
        action=record.action,
        word=_DONE.get(record.action, record.action) if not record.err else "Failed",
        base_sha=record.base_sha,
        base_link=f"{github}/{quote(name)}/commit/{quote(record.base_sha)}" if linked and record.base_sha else "",
        pulls=tuple(PoolPull(p.number, p.title, pull_rules.pull_path(name, p.number)) for p in record.target),
        error=record.err,
    )


def history_selects(history: Mapping[str, tuple[HistoryRecord, ...]], wanted: HistoryFilter) -> tuple[Select, ...]:
    """A chosen value is offered even when nothing has it."""
    keys = [split_key(key) for key in history]
    names = {f"{org}/{repo}" for org, repo, _ in keys}
    branches = {branch for org, repo, branch in keys if wanted.repo in {"", f"{org}/{repo}"}}
    authors = {pull.author for records in history.values() for record in records for pull in record.target}
    return (
        Select("repository", "repo", wanted.repo, _offered(names, wanted.repo)),
        Select("branch", "branch", wanted.branch, _offered(branches, wanted.branch)),
        Select("author", "author", wanted.author, _offered(authors, wanted.author)),
        Select("action", "action", wanted.action, ACTIONS),
        Select("state", "state", wanted.state, ("success", "failure")),
    )


def _offered(values: Iterable[str], chosen: str) -> tuple[str, ...]:
    return tuple(sorted({*values, chosen} - {""}, key=str.lower))
