"""Why a text is not YAML that Prow reads: libyaml's complaints in the words of those who wrote the file, with line and column."""

from __future__ import annotations

import yaml


class YamlError(ValueError):
    """The text is not YAML that Prow reads. `line` and `column` count from 1; 0: not known."""

    def __init__(self, message: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


def syntax_error(error: yaml.YAMLError, data: bytes | str) -> YamlError:
    text = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if isinstance(error, yaml.reader.ReaderError):
        return _unreadable(error, text)
    mark, begin = getattr(error, "problem_mark", None), getattr(error, "context_mark", None)
    message = getattr(error, "problem", None) or str(error)
    where = mark or begin
    line, column = (where.line + 1, where.column + 1) if where is not None else (0, 0)
    if message == _CANNOT_START:
        message = _IN_WORDS["tab" if _char_at(text, line, column) == "\t" else message]
    elif message in _IN_WORDS:
        opened = f"{begin.line + 1}:{begin.column + 1}" if begin is not None else "the start"
        message = _IN_WORDS[message].replace("OPENED", opened)
    return YamlError(f"not YAML: {message}", line=line, column=column)


def _unreadable(error: yaml.reader.ReaderError, data: bytes) -> YamlError:
    """A character that no YAML text has. libyaml says at which byte; people count lines."""
    before = data[: error.position]
    lines = before.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    line, column = len(lines), len(lines[-1].decode("utf-8", "replace").removeprefix("\ufeff")) + 1
    what = f"{data[error.position]:#04x}" if error.position < len(data) else "the end"
    if "control" in error.reason:
        hint = "; is this a text file?" if (line, column) == (1, 1) else ""
        return YamlError(f"not YAML: the control character {what} is not allowed{hint}", line=line, column=column)
    return YamlError(f"not YAML: byte {what} is no UTF-8; save the file as UTF-8", line=line, column=column)


def _char_at(data: bytes, line: int, column: int) -> str:
    lines = data.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()
    return lines[line - 1][column - 1 : column] if 0 < line <= len(lines) else ""


_CANNOT_START = "found character that cannot start any token"
# What libyaml says, in the words of those who wrote the file. OPENED: line and column where the quote or bracket begins.
_IN_WORDS = {
    _CANNOT_START: "no text can begin with this character; put it in quotes",
    "tab": "a tab cannot indent; use blanks",
    "found a tab character that violates indentation": "a tab cannot indent; use blanks",
    "found undefined tag handle": "this tag is not known; put a text that begins with `!` in quotes",
    "mapping values are not allowed in this context": "`:` is not allowed here; look at the indentation, and put a text that "
    "has `: ` in it in quotes",
    "could not find expected ':'": "a `:` after the key is missing, or the text of several lines is not indented",
    "did not find expected key": "a key was expected; look at the indentation and the quotes of the block that begins at OPENED",
    "did not find expected '-' indicator": "an item (`- …`) was expected; look at the indentation of the list that begins at OPENED",
    "did not find expected ',' or ']'": "the list `[…]` that begins at OPENED is not closed, or a `,` is missing",
    "did not find expected ',' or '}'": "the mapping `{…}` that begins at OPENED is not closed, or a `,` is missing",
    "found unexpected end of stream": "the quotes that begin at OPENED are not closed",
    "found unexpected document indicator": "the quotes that begin at OPENED are not closed",
    "did not find expected node content": "a value was expected; is a `[` or `{` before not closed?",
    "block sequence entries are not allowed in this context": "an item (`- …`) is not allowed here",
}  # fmt: skip
