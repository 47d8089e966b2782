"""`.prowignore`: gitignore's syntax, for files of job configuration (`spec/config` §2.1).

The patterns become RE2, because in a repository's own config they come from whoever opened a pull request.
"""

from __future__ import annotations

import os
from pathlib import Path

from prow.lib.regex import Regex, RegexError

_MAX_FILE = 256 * 1024
_MAX_LINES = 2_000


class Ignores:
    """The patterns of all files read so far. Deeper files and later lines win; what is ignored hides all below it."""

    def __init__(self) -> None:
        self._rules: list[tuple[int, Regex, bool, bool]] = []

    def add_file(self, folder: str, file: str | os.PathLike[str]) -> None:
        """Read the `.prowignore` of `folder` (relative to the root, empty: the root) if there is one."""
        try:
            with Path(file).open("rb") as stream:
                text = stream.read(_MAX_FILE).decode("utf-8", "replace")
        except OSError:
            return
        self.add(folder, text)

    def add(self, folder: str, text: str) -> None:
        for line in text.splitlines()[:_MAX_LINES]:
            rule = _rule(folder, line)
            if rule is not None:
                self._rules.append((len(folder), *rule))
        self._rules.sort(key=lambda rule: rule[0])

    def ignored(self, path: str, *, is_dir: bool) -> bool:
        """Whether a path (relative to the root, `/` between names) is ignored; folders above it are asked first."""
        for index, char in enumerate(path):
            if char == "/" and self._decide(path[:index], is_dir=True):
                return True
        return self._decide(path, is_dir=is_dir)

    def _decide(self, path: str, *, is_dir: bool) -> bool:
        for _, pattern, negated, only_dirs in reversed(self._rules):
            if (is_dir or not only_dirs) and pattern.matches(path):
                return not negated
        return False


def _rule(folder: str, line: str) -> tuple[Regex, bool, bool] | None:
    if not line.strip() or line.startswith("#"):
        return None
    line = line.rstrip()
    negated = line.startswith("!")
    line = line[1:] if negated else line
    only_dirs = line.endswith("/")
    line = line.rstrip("/")
    if not line:
        return None
    anchored = "/" in line
    base = f"{_quoted(folder)}/" if folder else ""
    pattern = f"^{base}{'' if anchored else '(?:.*/)?'}{_translate(line.lstrip('/'))}$"
    try:
        return Regex(f"(?s){pattern}"), negated, only_dirs
    except RegexError:
        return None


def _translate(glob: str) -> str:
    result, position = "", 0
    while position < len(glob):
        char = glob[position]
        if glob.startswith("**/", position) and (position == 0 or glob[position - 1] == "/"):
            result, position = result + "(?:.*/)?", position + 3
            continue
        if glob[position:] == "**" and (position == 0 or glob[position - 1] == "/"):
            return result + ".*"
        if char == "*":
            result += "[^/]*"
        elif char == "?":
            result += "[^/]"
        elif char == "[" and (end := glob.find("]", position + 2)) > 0:
            body = glob[position + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            result += f"[{'^' + body[1:] if body[0] in '!^' else body}]"
            position = end
        elif char == "\\" and position + 1 < len(glob):
            position += 1
            result += _quoted(glob[position])
        else:
            result += _quoted(char)
        position += 1
    return result


def _quoted(text: str) -> str:
    return "".join("\\" + char if char in "\\.+*?()|[]{}^$" else char for char in text)
