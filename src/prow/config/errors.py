"""What is wrong with a configuration, and where: one line each, several at once."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from prow.lib.errors import UsageError

_LONGEST = 600


class Kind(StrEnum):
    """FILE: it cannot be read. SYNTAX: it is not YAML. TYPE: a value of another type is wanted. UNKNOWN: nothing reads
    this key. DUPLICATE: the key is there twice, the last one counts. RULE: it can be read, but not used."""

    FILE = "file"
    SYNTAX = "syntax"
    TYPE = "type"
    UNKNOWN = "unknown"
    DUPLICATE = "duplicate"
    RULE = "rule"


class ConfigError(UsageError):
    """One thing that keeps a configuration from being used.

    `file` as the operator named it; `line` and `column` count from 1, 0: not known; `path`: where in the document,
    e.g. `plank.report_templates.*` or `presubmits.o/r[3].spec`. The text is `file:line:column: message`. `kind`: what
    sort of thing it is; `hint`: the known name that may be meant, also in the message, or empty. Whatever a file holds,
    message and path are one line of bounded length.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        line: int = 0,
        column: int = 0,
        path: str = "",
        kind: Kind = Kind.RULE,
        hint: str = "",
    ) -> None:
        where = ":".join([file, *(str(number) for number in (line, column) if number)])
        message = one_line(message)
        super().__init__(f"{where}: {message}" if where else message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.path = one_line(path)
        self.kind = kind
        self.hint = hint


def one_line(text: str) -> str:
    """Without what does not print, and without the middle when it is long: what was quoted stands there."""
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


class ConfigErrors(ConfigError):
    """All that was found, in the order of the files. The text has one line for each."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        first = errors[0]
        super().__init__(
            first.message,
            file=first.file,
            line=first.line,
            column=first.column,
            path=first.path,
            kind=first.kind,
            hint=first.hint,
        )
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


def raise_all(errors: Sequence[ConfigError]) -> None:
    """Raise what is in `errors`: nothing, the one, or all in one."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ConfigErrors(errors)
