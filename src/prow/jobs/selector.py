"""Kubernetes label selectors, pure: `a=b,c!=d,e in (f,g),h notin (i),j,!k`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from prow.lib.errors import UsageError

Matches = Callable[[Mapping[str, str]], bool]

_TERM = re.compile(
    r"\s*(?:(?P<not>!)\s*(?P<absent>[^\s,=!()]+)"
    r"|(?P<key>[^\s,=!()]+)\s*(?:(?P<op>==|=|!=)\s*(?P<value>[^\s,()]*)|(?P<set>in|notin)\s*\((?P<values>[^()]*)\))?)\s*(?:,|$)"
)


def parse(selector: str) -> Matches:
    """A function that says whether labels match; `UsageError` for text that is no selector."""
    terms = [_term(match) for match in _terms(selector)]
    return lambda labels: all(term(labels) for term in terms)


def equal(selector: str) -> dict[str, str]:
    """The labels whose value the selector gives, for stores that can look jobs up by some of them."""
    return {match["key"]: match["value"] for match in _terms(selector) if match["op"] in {"=", "=="}}


def _terms(selector: str) -> Iterator[re.Match[str]]:
    position = 0
    while position < len(selector):
        match = _TERM.match(selector, position)
        if match is None or match.end() == position:
            raise UsageError(f'"{selector}" is not a label selector (at "{selector[position:]}")')
        yield match
        position = match.end()


def _term(match: re.Match[str]) -> Matches:
    if match["not"]:
        absent = match["absent"]
        return lambda labels: absent not in labels
    key = match["key"]
    if match["set"]:
        values = frozenset(v.strip() for v in match["values"].split(","))
        if match["set"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if match["op"] == "!=":
        unwanted = match["value"]
        return lambda labels: labels.get(key) != unwanted
    if match["op"]:
        wanted = match["value"]
        return lambda labels: labels.get(key) == wanted
    return lambda labels: key in labels
