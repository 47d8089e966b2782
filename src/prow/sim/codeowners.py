"""CODEOWNERS: who must look at which file. No I/O.

Patterns are those of .gitignore without `!`, `[ ]` and escapes; of the lines that match a path the last one counts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


@dataclass(frozen=True)
class Line:
    pattern: re.Pattern[str]
    owners: frozenset[str]


def parse(text: str) -> list[Line]:
    """Owners are `login` or `org/team`, lower case, without their @; addresses of mail are passed over."""
    found = []
    for raw in text.splitlines():
        words = raw.partition("#")[0].split()
        if words:
            owners = frozenset(word[1:].lower() for word in words[1:] if word.startswith("@"))
            found.append(Line(re.compile(_expression(words[0])), owners))
    return found


def owners_of(lines: list[Line], path: str) -> frozenset[str]:
    return next((line.owners for line in reversed(lines) if line.pattern.fullmatch(path)), frozenset())


def _expression(pattern: str) -> str:
    anchored = "/" in pattern.rstrip("/")
    text = pattern.strip("/")
    parts = re.split(r"(\*\*/|/\*\*|\*\*|\*|\?)", text)
    words = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    body = "".join(words.get(part, re.escape(part)) for part in parts)
    start = "" if anchored else "(?:.*/)?"
    if pattern.endswith("/"):
        return f"{start}{body}/.*"
    # `docs/*` means the files of that folder alone; everything else that names a folder means what is below it, too.
    return f"{start}{body}" if text.endswith("/*") else f"{start}{body}(?:/.*)?"
