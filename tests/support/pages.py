"""Pages of documentation: their code blocks, and the commands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)


def blocks(page: Path, language: str = "") -> list[str]:
    """The code blocks of a language; empty: those without one."""
    return [text for _, named, text in _FENCE.findall(page.read_text("utf-8")) if named == language]


def commands(program: str, pages: list[Path] = PAGES) -> list[str]:
    """Lines in code blocks without a language that begin with the program, without their comments."""
    lines = [line.split("  #")[0].strip() for page in pages for block in blocks(page) for line in block.splitlines()]
    return list(dict.fromkeys(line for line in lines if line.startswith(f"{program} ")))


def texts(page: Path) -> Iterator[str]:
    """What commands are said to print."""
    yield from blocks(page, "text")
