"""Every call that GitHub describes, as the simulator knows them: `python -m tests.support.github_calls` writes the file again."""

from __future__ import annotations

import re
from pathlib import Path

from prow.sim import unbuilt
from tests.support.github_description import description

FILE = Path(unbuilt.__file__).with_name("calls.txt")
_PARAMETER_FOR_A_NOUN = re.compile(r"/orgs/\{org\}/\{")
"""Where even the noun is a parameter: nothing that a bot would call."""


def text() -> str:
    found: dict[str, list[str]] = {}
    for method, template in sorted(description().operations):
        if not _PARAMETER_FOR_A_NOUN.match(template):
            found.setdefault(template, []).append(method.upper())
    return "".join(f"{template} {' '.join(methods)}\n" for template, methods in sorted(found.items()))


if __name__ == "__main__":
    FILE.write_text(text(), encoding="ascii")
