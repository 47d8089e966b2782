"""Log bytes to HTML lines: escapes everything, understands the colour sequences (SGR) and drops all other control sequences.

Pure. A log is hostile input: nothing of it reaches the page but escaped text and spans with our own class names.
"""

from __future__ import annotations

import html
import re

_SEQUENCE = re.compile(r"\x1b(?:\[([0-?]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]")
_LONGEST_LINE = 10_000
_STYLES = {1: "b", 2: "d", 3: "i", 4: "u"}
_ENDS = {22: {"b", "d"}, 23: {"i"}, 24: {"u"}}


class AnsiRenderer:
    """Keeps the colour over line ends and over pieces of a log that is still growing."""

    def __init__(self, *, first_line: int = 1) -> None:
        self._line = first_line
        self._classes: list[str] = []
        self._rest = ""
        self._bytes = b""

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """HTML of all lines that `data` completes; with `final` also of an unfinished last one."""
        data = self._bytes + data
        cut = len(data) if final else data.rfind(b"\n") + 1
        self._bytes = data[cut:]
        if len(self._bytes) > _LONGEST_LINE:
            cut, self._bytes = len(data), b""
        text = data[:cut].decode("utf-8", "replace")
        if not text:
            return ""
        lines = text.split("\n")
        if lines[-1] == "":
            lines.pop()
        return "".join(self._render(line) for line in lines)

    def _render(self, line: str) -> str:
        number = self._line
        self._line += 1
        line = line.removesuffix("\r").rpartition("\r")[2]
        if len(line) > _LONGEST_LINE:
            line = f"{line[:_LONGEST_LINE]} … ({len(line) - _LONGEST_LINE} more characters in the raw log)"
        parts: list[str] = []
        position = 0
        for match in _SEQUENCE.finditer(line):
            self._text(parts, line[position : match.start()])
            position = match.end()
            if match[2] == "m":
                self._style(match[1] or "")
        self._text(parts, line[position:])
        return f'<span class="l" id="L{number}" data-n="{number}">{"".join(parts)}</span>'

    def _text(self, parts: list[str], text: str) -> None:
        text = html.escape(_CONTROL.sub("", text.replace("\x1b", "")))
        if text:
            parts.append(f'<span class="{" ".join(self._classes)}">{text}</span>' if self._classes else text)

    def _style(self, codes: str) -> None:
        for code in (int(c) if c.isdigit() else 0 for c in codes.split(";")):
            if code == 0:
                self._classes = []
            elif code in _STYLES:
                self._classes = [c for c in self._classes if c != _STYLES[code]] + [_STYLES[code]]
            elif code in _ENDS:
                self._classes = [c for c in self._classes if c not in _ENDS[code]]
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self._classes = [c for c in self._classes if c[0] != "f"] + [f"f{code % 10}"]
            elif code == 39:
                self._classes = [c for c in self._classes if c[0] != "f"]


def render(data: bytes, *, first_line: int = 1) -> str:
    """A whole log."""
    return AnsiRenderer(first_line=first_line).feed(data, final=True)
