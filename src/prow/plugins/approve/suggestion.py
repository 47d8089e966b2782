"""Whom to ask for an approval (`spec/plugins-review` §5.4). Pure, and the same for the same pull request.

Few people who together can approve what is still open: the nearest approvers, and of those who are assigned already the ones
that help. Candidates come in an order that differs from one pull request to the next, so that it is not always the same people.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from prow.plugins.approve.coverage import Coverage

_LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,98})(?:\[bot\])?", re.ASCII)
_MOST_CANDIDATES = 2_000
_MOST_ASKED = 50


class Suggestion(msgspec.Struct, frozen=True):
    """Both sorted. `assigned`: assignees who can approve; `others`: who could be assigned."""

    assigned: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def everyone(self) -> tuple[str, ...]:
        return tuple(sorted({*self.assigned, *self.others}))


def suggest(coverage: Coverage, *, approvers: Collection[str], assignees: Iterable[str], number: int) -> Suggestion:
    """`approvers`: who has approved, in lower case."""
    assigned = {login.lower() for login in assignees}
    current = set(approvers)
    nearest = _by_person(coverage.leaf)
    candidates = _in_turn(nearest, number)
    suggested = _useful(coverage, nearest, known=current | assigned, candidates=candidates)
    kept = _useful(
        coverage,
        _by_person(coverage.approvers),
        known=current | suggested,
        candidates=sorted(current | suggested | assigned),
    )
    everyone = suggested | kept
    return Suggestion(tuple(sorted(everyone & assigned)), tuple(sorted(everyone - assigned)))


def _useful(
    coverage: Coverage, folders_of: Mapping[str, frozenset[str]], *, known: Collection[str], candidates: Sequence[str]
) -> set[str]:
    """Of those who together could approve everything, whoever owns something that `known` do not approve."""
    left = coverage.uncovered(known)
    return {login for login in _covering(coverage, folders_of, candidates) if folders_of[login] & left}


def _covering(
    coverage: Coverage, folders_of: Mapping[str, frozenset[str]], candidates: Sequence[str]
) -> frozenset[str]:
    """Greedily: always the one who can approve most of what is open; of equals the first. Nobody asks more than some."""
    chosen: set[str] = set()
    possible = [login for login in candidates if login in folders_of]
    while len(chosen) < _MOST_ASKED and (left := coverage.uncovered(chosen)):
        best = max(possible, key=lambda login: len(folders_of[login] & left), default=None)
        if best is None or not folders_of[best] & left:
            break
        chosen.add(best)
        possible.remove(best)
    return frozenset(chosen)


def _by_person(people: Mapping[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """Folders by login. A name that can be no login on GitHub cannot be asked."""
    found: dict[str, set[str]] = {}
    for folder, logins in people.items():
        for login in logins:
            if _LOGIN.fullmatch(login):
                found.setdefault(login, set()).add(folder)
    return {login: frozenset(folders) for login, folders in found.items()}


def _in_turn(logins: Iterable[str], number: int) -> list[str]:
    order = sorted(logins, key=lambda login: hashlib.sha256(f"{number}/{login}".encode()).digest())
    return order[:_MOST_CANDIDATES]
