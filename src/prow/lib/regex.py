"""Regular expressions of configs and users, with Go's semantics: RE2, linear in the text, no look-around.

Every pattern that does not stand in our own source goes through here. Text that cannot be UTF-8 (lone surrogates) is
matched with U+FFFD in place of what is broken, as Go does. A compiled `Regex` may be used from any thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import re2  # type: ignore[import-untyped]

_MAX_PATTERN = 64 * 1024
_NONE = (-1, -1)


class RegexError(ValueError):
    """The pattern is not RE2; `str(error)` says why in one line."""


class Match(Protocol):
    """A match: what `re.Match` has, offsets in characters."""

    def group(self, group: int | str = 0, /) -> str | None: ...

    def groups(self, default: str | None = None) -> tuple[str | None, ...]: ...

    def groupdict(self, default: str | None = None) -> dict[str, str | None]: ...

    def start(self, group: int = 0) -> int: ...

    def end(self, group: int = 0) -> int: ...

    def span(self, group: int = 0) -> tuple[int, int]: ...

    def __getitem__(self, group: int | str, /) -> str | None: ...


def _options() -> re2.Options:
    options = re2.Options()
    options.log_errors = False
    return options


_OPTIONS = _options()


class Regex:
    """A compiled pattern; searches are unanchored, as in Go."""

    __slots__ = ("_compiled", "pattern")

    def __init__(self, pattern: str) -> None:
        if len(pattern) > _MAX_PATTERN:
            raise RegexError(f"the pattern is longer than {_MAX_PATTERN} characters")
        self.pattern = pattern
        try:
            # Past re2's own global cache of 128: who holds the Regex decides how long it lives.
            self._compiled = re2._Regexp(_valid(pattern), _OPTIONS)  # noqa: SLF001
        except re2.error as error:
            raise RegexError(_reason(error)) from None
        if "\\C" in pattern and _has_any_byte(pattern):
            raise RegexError("invalid escape sequence: \\C")

    def search(self, text: str) -> Match | None:
        """The leftmost match, or None."""
        found: Match | None = self._compiled.search(_valid(text))
        return found

    def matches(self, text: str) -> bool:
        """Whether the pattern occurs in the text."""
        return self._compiled.search(_valid(text)) is not None

    def fullmatch(self, text: str) -> Match | None:
        found: Match | None = self._compiled.fullmatch(_valid(text))
        return found

    def finditer(self, text: str) -> Iterator[Match]:
        """All matches from left to right; an empty one directly after another match is skipped, as in Go."""
        last = -1
        for found in self._compiled.finditer(_valid(text)):
            start, end = found.span()
            if start == end == last:
                continue
            last = end
            yield found

    def sub(self, replacement: str, text: str) -> str:
        """Every match replaced by the literal text `replacement`."""
        pieces, position = [], 0
        for found in self.finditer(text):
            pieces += [text[position : found.start()], replacement]
            position = found.end()
        return "".join([*pieces, text[position:]])

    def __repr__(self) -> str:
        return f"Regex({self.pattern!r})"


class RegexSet:
    """Many patterns in one pass over a text."""

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = tuple(patterns)
        self._set = re2.Set.SearchSet(_OPTIONS) if self.patterns else None
        if self._set is not None:
            for pattern in self.patterns:
                Regex(pattern)  # its error says why; that of the set does not
                self._set.Add(_valid(pattern))
            self._set.Compile()

    def matching(self, text: str) -> tuple[int, ...]:
        """The indexes of all patterns that occur in the text, ascending."""
        if self._set is None:
            return ()
        return tuple(sorted(self._set.Match(_valid(text)) or ()))


def compile(pattern: str) -> Regex:  # noqa: A001 - the name that every regex module has
    """Compile; RegexError when the pattern is not RE2."""
    return Regex(pattern)


def check(pattern: str) -> str | None:
    """Why the pattern is wrong, or None when it is fine."""
    try:
        Regex(pattern)
    except RegexError as error:
        return str(error)
    return None


def escape(text: str) -> str:
    """A pattern that matches exactly this text (Go's `regexp.QuoteMeta`)."""
    return "".join("\\" + char if char in "\\.+*?()|[]{}^$" else char for char in text)


def _valid(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _has_any_byte(pattern: str) -> bool:
    """`\\C` (any byte) is in C++ RE2 and not in Go's."""
    position = 0
    while (position := pattern.find("\\", position)) >= 0:
        if pattern[position + 1 : position + 2] == "Q":
            position = pattern.find("\\E", position + 2)
            if position < 0:
                return False
        if pattern[position + 1 : position + 2] == "C":
            return True
        position += 2
    return False


def _reason(error: re2.error) -> str:
    (cause,) = error.args
    reason = cause.decode("utf-8", "replace") if isinstance(cause, bytes) else str(cause)
    hint = next((hint for begin, hint in _HINTS.items() if reason.startswith(begin)), "")
    return _shortened(reason) + (f"; {hint}" if hint else "")


_LONGEST = 200
_HINTS = {
    "invalid perl operator: (?!": "there is no look-ahead",
    "invalid perl operator: (?=": "there is no look-ahead",
    "invalid perl operator: (?<": "there is no look-behind",
    **{f"invalid escape sequence: \\{digit}": "there are no back-references" for digit in range(1, 10)},
    "invalid escape sequence: \\Z": "the end of the text is \\z",
    "no argument for repetition operator": "a * that stands for any text is .* here",
    "bad repetition operator": "write it as a group: (?:a*)*",
}


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
