"""Issues that stop merges (`spec/tide` §3.5). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from prow.tide.model import Blocker

_BRANCH = re.compile(r"\bbranch:[^\w-]*([\w./-]+)\b", re.IGNORECASE | re.MULTILINE | re.ASCII)


def branches_of(title: str) -> frozenset[str]:
    """The branches that a title names; none: all of the repository."""
    return frozenset(match[1] for match in _BRANCH.finditer(title))


def applying(issues: Iterable[Blocker], branch: str) -> tuple[Blocker, ...]:
    """Those of the repository's issues that block this branch, by number, with the title as it is shown."""
    found = []
    for issue in issues:
        named = branches_of(issue.title)
        if not named or branch in named:
            found.append(msgspec.structs.replace(issue, title=_BRANCH.sub("", issue.title)))
    return tuple(sorted(found, key=lambda issue: issue.number))
