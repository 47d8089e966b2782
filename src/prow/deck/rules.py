"""Pure: which jobs a filter shows, in which order, and what the selects offer."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

import msgspec

from prow.deck.model import Filter, JobView

MOST_ROWS = 500
STATES = ("success", "pending", "triggered", "scheduling", "failure", "error", "aborted")
TYPES = ("presubmit", "postsubmit", "periodic", "batch")


class StateCount(msgspec.Struct, frozen=True):
    state: str
    count: int
    link: str
    chosen: bool


class Select(msgspec.Struct, frozen=True):
    label: str
    name: str
    value: str
    options: tuple[str, ...]


def parse_filter(query: Mapping[str, str]) -> Filter:
    """Values that cannot be are dropped, as upstream drops them."""
    pull = query.get("pull", "")
    return Filter(
        type=query.get("type", "") if query.get("type", "") in TYPES else "",
        repo=query.get("repo", "")[:200],
        pull=int(pull) if pull.isdecimal() and len(pull) < 10 else None,
        author=query.get("author", "")[:100],
        job=query.get("job", "")[:200],
        state=query.get("state", "") if query.get("state", "") in STATES else "",
    )


def matches(wanted: Filter, job: JobView, *, ignore_state: bool = False) -> bool:
    """Whether the filter shows this job."""
    return (
        (not wanted.type or job.type == wanted.type)
        and (not wanted.repo or job.repo == wanted.repo)
        and (wanted.pull is None or any(p.number == wanted.pull for p in job.pulls))
        and (not wanted.author or any(p.author.lower() == wanted.author.lower() for p in job.pulls))
        and (not wanted.job or fnmatch.fnmatchcase(job.job, _glob(wanted.job)))
        and (ignore_state or not wanted.state or job.state == wanted.state)
    )


def _glob(text: str) -> str:
    """Only `*` is special."""
    return text.replace("[", "[[]").replace("?", "[?]")


def newest_first(jobs: Iterable[JobView]) -> list[JobView]:
    return sorted(jobs, key=lambda j: (j.started.timestamp() if j.started else 0.0, j.name), reverse=True)


def counts(wanted: Filter, jobs: Iterable[JobView]) -> tuple[StateCount, ...]:
    """Jobs per state under the rest of the filter; each links to the filter with that state, or without it when chosen."""
    found = dict.fromkeys(STATES, 0)
    for job in jobs:
        if job.state in found and matches(wanted, job, ignore_state=True):
            found[job.state] += 1
    rest = {k: v for k, v in msgspec.to_builtins(wanted).items() if v and k != "state"}
    return tuple(
        StateCount(s, n, "/?" + urlencode(rest if s == wanted.state else rest | {"state": s}), s == wanted.state)
        for s, n in found.items()
        if n or s == wanted.state
    )


def selects(wanted: Filter, jobs: Iterable[JobView]) -> tuple[Select, ...]:
    jobs = tuple(jobs)
    repos = sorted({j.repo for j in jobs if j.repo} | ({wanted.repo} - {""}))
    authors = sorted(
        {p.author for j in jobs for p in j.pulls if p.author and wanted.repo in {"", j.repo}}
        | ({wanted.author} - {""}),
        key=str.lower,
    )
    return (
        Select("type", "type", wanted.type, TYPES),
        Select("repository", "repo", wanted.repo, tuple(repos)),
        Select("author", "author", wanted.author, tuple(authors)),
        Select("state", "state", wanted.state, STATES),
    )
