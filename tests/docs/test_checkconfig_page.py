"""The page about checkconfig names every warning, as the table of them does."""

from __future__ import annotations

import re
from pathlib import Path

from prow.checkconfig.table import ALWAYS, TABLE

PAGE = Path(__file__).parents[2] / "docs/checkconfig.md"


def test_every_warning_has_its_line() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (\w+)(.*?) \| (.*) \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [
        (
            check.name,
            "always" if check in ALWAYS else check.when.value,
            ", with --plugin-config" if check.plugins else "",
            check.summary,
        )
        for check in (*TABLE, *ALWAYS)
    ]
