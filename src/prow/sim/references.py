"""What texts name: issues and pull requests (`#7`, `org/repo#7`, addresses), and which of them they close (`Fixes #7`). No I/O."""

from __future__ import annotations

import re
from typing import NamedTuple

_CLOSES = r"(?P<closes>\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+)?"
_NAME = r"(?P<name>[\w.-]+/[\w.-]+)"
_PLACE = rf"(?:{_NAME}?#|GH-|https?://[^\s/]+/(?P<page>[\w.-]+/[\w.-]+)/(?:issues|pull)/)"
_REFERENCE = re.compile(rf"(?<![\w/-]){_CLOSES}(?<![\w&/-]){_PLACE}(?P<number>\d{{1,9}})(?!\w)", re.IGNORECASE)
_UNSEEN = re.compile(r"<!--.*?-->|```.*?```|`[^`\n]*`", re.DOTALL)
"""Comments and code say nothing."""


class Named(NamedTuple):
    """`repo`: org/repo in lower case."""

    repo: str
    number: int


def named_in(text: str, repo: str, *, closed: bool = False) -> list[Named]:
    """What a text names, each once, in its order. `repo`: org/repo of where it stands. `closed`: only what it closes."""
    if "#" not in text and "/" not in text and "-" not in text:
        return []
    found = [
        Named((match["name"] or match["page"] or repo).lower(), int(match["number"]))
        for match in _REFERENCE.finditer(_UNSEEN.sub(" ", text))
        if match["closes"] or not closed
    ]
    return list(dict.fromkeys(found))
