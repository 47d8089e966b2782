"""GitHub's search for issues and pull requests: the query's language, and what matches it. No I/O.

Several qualifiers narrow the result, with GitHub's exceptions: `repo:`, `org:` and `user:` add up; so do several `base:`, `head:`,
`author:`, `assignee:`, `milestone:` and `review:`. `label:"a","b"` means either label. Names of labels and people are compared
without regard to case. Other words are looked for in title, text and comments, or where `in:` says; one that begins the sha of a commit
finds its pull requests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

MOST_RESULTS = 1000
LONGEST_QUERY = 256
_SCOPES = frozenset({"repo", "org", "user"})
_ANY_OF = frozenset({"base", "head", "author", "assignee", "milestone", "review"})
_PEOPLE = frozenset({"commenter", "mentions", "involves", "reviewed-by", "review-requested", "team-review-requested"})
_TIMES = frozenset({"updated", "created", "closed", "merged"})
_ALL_OF = (
    frozenset({"is", "type", "state", "archived", "draft", "label", "no", "in", "comments", "status"})
    | _PEOPLE
    | _TIMES
)
_QUALIFIERS = _SCOPES | _ANY_OF | _ALL_OF
_WORD = re.compile(r'(?:"[^"]*"|[^\s"])+')
_SHA = re.compile(r"[0-9a-f]{7,40}")
_VALUE = re.compile(r'"([^"]*)"|([^",]+)')


@dataclass(frozen=True)
class Entry:
    """What the index knows of an issue or a pull request. Names of labels, people and repositories are lower case."""

    id: int
    number: int
    pull: bool
    state: str
    repo: str
    author: str
    title: str
    created: datetime
    updated: datetime
    merged: bool = False
    draft: bool = False
    archived: bool = False
    base: str = ""
    head: str = ""
    milestone: str = ""
    review: str = "none"
    labels: frozenset[str] = frozenset()
    assignees: frozenset[str] = frozenset()
    body: str = ""
    said: str = ""
    comments: int = 0
    shas: tuple[str, ...] = ()
    closed: datetime | None = None
    merged_at: datetime | None = None
    status: str = ""
    locked: bool = False
    private: bool = False
    people: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By qualifier, who is meant by it: commenter, mentions, reviewed-by, review-requested, team-review-requested."""

    @property
    def owner(self) -> str:
        return self.repo.partition("/")[0]


@dataclass(frozen=True)
class Term:
    """`key`: empty for a word of the title. `values`: more than one only for labels."""

    key: str
    values: tuple[str, ...]
    negated: bool = False

    @property
    def value(self) -> str:
        return self.values[0] if self.values else ""


@dataclass(frozen=True)
class Query:
    terms: tuple[Term, ...]
    sort: str = "created-desc"
    _groups: dict[str, list[Term]] = field(default_factory=dict, compare=False)

    @property
    def places(self) -> frozenset[str]:
        """Where words are looked for."""
        named = {value for term in self.terms if term.key == "in" for value in term.value.lower().split(",")}
        return frozenset(named) or frozenset({"title", "body", "comments"})

    def matches(self, entry: Entry) -> bool:
        return all(
            any(_holds(term, entry, self.places) for term in terms)
            if key in {"scope", *_ANY_OF}
            else all(_holds(term, entry, self.places) is not term.negated for term in terms)
            for key, terms in self._groups.items()
        )

    def select(self, entries: Iterable[Entry]) -> list[Entry]:
        """All that match, in the order that was asked for."""
        name, _, direction = self.sort.partition("-")
        by: Callable[[Entry], tuple[datetime, int]]
        if name == "comments":
            return sorted(
                (e for e in entries if self.matches(e)), key=lambda e: (e.comments, e.id), reverse=direction != "asc"
            )
        by = (lambda e: (e.updated, e.id)) if name == "updated" else (lambda e: (e.created, e.id))
        return sorted((e for e in entries if self.matches(e)), key=by, reverse=direction != "asc")


def parse(text: str) -> Query:
    """Words that are no qualifier are looked for in the title."""
    terms: list[Term] = []
    sort = "created-desc"
    for word in _WORD.findall(text):
        negated, plain = word.startswith("-"), word.removeprefix("-")
        key, colon, rest = plain.partition(":")
        key = key.lower()
        if colon and key == "sort":
            sort = rest.strip('"').lower()
        elif colon and key in _QUALIFIERS:
            values = tuple(quoted or bare for quoted, bare in _VALUE.findall(rest))
            terms.append(Term(key, values if key == "label" else (rest.replace('"', ""),), negated))
        else:
            terms.append(Term("", (plain.replace('"', ""),), negated))
    groups: dict[str, list[Term]] = {}
    for term in terms:
        groups.setdefault(_group(term), []).append(term)
    return Query(tuple(terms), sort, groups)


def _group(term: Term) -> str:
    """What is wanted adds up in its group; what is not wanted counts each for itself."""
    if term.negated:
        return "not"
    return "scope" if term.key in _SCOPES else term.key


def _holds(term: Term, entry: Entry, places: frozenset[str]) -> bool:
    value, low = term.value, term.value.lower()
    match term.key:
        case "is" | "type" | "state":
            return _is(low, entry)
        case "archived":
            return entry.archived is (low == "true")
        case "draft":
            return entry.draft is (low == "true")
        case "repo":
            return entry.repo == low
        case "org" | "user":
            return entry.owner == low
        case "label":
            return any(name.lower() in entry.labels for name in term.values)
        case "author":
            return entry.author == _person(low)
        case "assignee":
            return _person(low) in entry.assignees
        case "base":
            return entry.base == value
        case "head":
            return entry.head == value
        case "milestone":
            return entry.milestone.lower() == low
        case "review":
            return entry.review == low
        case "no":
            return not {"label": entry.labels, "milestone": entry.milestone, "assignee": entry.assignees}.get(low)
        case "updated":
            return _within(value, entry.updated)
        case "created":
            return _within(value, entry.created)
        case "closed" | "merged":
            when = entry.closed if term.key == "closed" else entry.merged_at
            return when is not None and _within(value, when)
        case "comments":
            return _amount(value, entry.comments)
        case "status":
            return entry.status == low
        case "involves":
            who = _person(low)
            return (
                who == entry.author
                or who in entry.assignees
                or any(who in entry.people.get(k, ()) for k in ("commenter", "mentions"))
            )
        case key if key in _PEOPLE:
            return _person(low) in entry.people.get(key, ())
        case "in":
            return True
        case _:
            return _said(low, entry, places)


def _said(word: str, entry: Entry, places: frozenset[str]) -> bool:
    texts = {"title": entry.title, "body": entry.body, "comments": entry.said}
    if any(word in text.lower() for place, text in texts.items() if place in places):
        return True
    return _SHA.fullmatch(word) is not None and any(sha.startswith(word) for sha in entry.shas)


def _amount(text: str, count: int) -> bool:
    """`N`, `>N`, `>=N`, `<N`, `<=N` or `A..B`."""
    start, dots, end = text.partition("..")
    if dots:
        return (start in {"*", ""} or count >= _int(start)) and (end in {"*", ""} or count <= _int(end))
    match = re.fullmatch(r"([<>]=?)?(\d+)", text)
    if match is None:
        return False
    number = int(match[2])
    signs = {">": count > number, ">=": count >= number, "<": count < number, "<=": count <= number}
    return signs.get(match[1] or "", count == number)


def _int(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _person(login: str) -> str:
    """`app/NAME` is the bot of an app."""
    return f"{login.removeprefix('app/')}[bot]" if login.startswith("app/") else login


def _is(word: str, entry: Entry) -> bool:
    return {
        "pr": entry.pull,
        "issue": not entry.pull,
        "open": entry.state == "open",
        "closed": entry.state == "closed",
        "merged": entry.merged,
        "unmerged": entry.pull and not entry.merged,
        "draft": entry.draft,
        "public": not entry.private,
        "private": entry.private,
        "locked": entry.locked,
        "unlocked": not entry.locked,
    }.get(word, False)


def _within(text: str, moment: datetime) -> bool:
    """`A..B`, `>A`, `>=A`, `<A`, `<=A` or `A`; `*` is no bound; a day without a time is the whole day."""
    start, dots, end = text.partition("..")
    if dots:
        return (start == "*" or _first(start) <= moment) and (end == "*" or moment <= _last(end))
    if text.startswith(">="):
        return moment >= _first(text[2:])
    if text.startswith("<="):
        return moment <= _last(text[2:])
    if text.startswith(">"):
        return moment > _last(text[1:])
    if text.startswith("<"):
        return moment < _first(text[1:])
    return _first(text) <= moment <= _last(text)


def _first(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _last(text: str) -> datetime:
    """GitHub's times have no parts of a second: a bound contains its whole second, or its whole day."""
    try:
        return _first(text) + (timedelta(days=1) if len(text) == len("2026-01-01") else timedelta(seconds=1))
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
