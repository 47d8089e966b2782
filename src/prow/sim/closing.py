"""Words that close issues: `Fixes #7`, in a pull request's text or in a commit that reaches the default branch. No I/O."""

from __future__ import annotations

import re
from typing import NamedTuple

_WORD = r"(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)"
_NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
_PLACE = rf"(?:{_NAME}?#|GH-|https?://[^\s/]+/(?P<page>[\w.-]+/[\w.-]+)/(?:issues|pull)/)"
_CLOSES = re.compile(rf"(?<![\w-]){_WORD}:?\s+{_PLACE}(?P<number>\d{{1,9}})(?!\w)", re.IGNORECASE)
_UNSEEN = re.compile(r"<!--.*?-->|```.*?```|`[^`\n]*`", re.DOTALL)
"""Comments and code say nothing."""


class Closed(NamedTuple):
    """`name`: org/repo in lower case."""

    name: str
    number: int


def closed_by(text: str, name: str) -> list[Closed]:
    """What a text closes, each once, in its order. `name`: org/repo of where it stands."""
    seen = _UNSEEN.sub(" ", text)
    found = [
        Closed((match["name"] or match["page"] or name).lower(), int(match["number"]))
        for match in _CLOSES.finditer(seen)
    ]
    return list(dict.fromkeys(found))
