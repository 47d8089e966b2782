"""Finds file, line and column of what a check speaks about. Reads a file only when there is something to say about it.

Jobs know their line. The line of one of their keys is looked for in the text below it; only where the text is not in the
usual form is the whole file parsed for its positions.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from prow.checkconfig.model import At, Finding, Level, Problem
from prow.config.config import Config
from prow.config.decode import spell
from prow.config.documents import Document, read
from prow.config.errors import ConfigError
from prow.config.job import JobBase
from prow.lib import goyaml
from prow.lib.goyaml import Path, YamlError

_ITEM = re.compile(r"( *)(- +)?(?=[A-Za-z])")
_KEY = re.compile(r"(?P<key>[A-Za-z_]+):(?: +|$)(?P<value>\S?)")
_ODD = frozenset("#&!*")  # what begins here is no plain value
_LISTS = ("labels", "missingLabels")


class _Spot(NamedTuple):
    file: str
    line: int = 0
    column: int = 0
    path: str = ""


class Places:
    """The files of one run by name: config.yaml and plugins.yaml, each followed by its supplemental files."""

    def __init__(self, config: Config, configs: Sequence[str], plugins: Sequence[str] = ()) -> None:
        self._config = config
        self._configs = configs
        self._plugins = plugins
        self._documents: dict[str, Document] = {}
        self._lines: dict[str, list[str]] = {}
        self._indexes: dict[int, Path] = {}
        self._trees: dict[str, Any] = {}

    def finding(self, name: str, problem: Problem, level: Level = Level.WARNING) -> Finding:
        """What a check said, with its place."""
        if problem.told is not None:
            return told(name, problem.told, level)
        spot = self._spot(problem.at)
        return Finding(name=name, message=problem.message, level=level, hint=problem.hint, **spot._asdict())

    def _spot(self, at: At) -> _Spot:
        if at.kind == "job" and at.job is not None:
            return self._of_job(at.job, at.path)
        if at.kind == "file":
            return _Spot(at.name)
        if at.kind == "query":
            return self._of_query(at)
        return self._of_path(self._plugins if at.kind == "plugins" else self._configs, at.path)

    def _of_path(self, files: Sequence[str], path: Path) -> _Spot:
        """In the first of the files that has all of the path."""
        file = (
            next((each for each in files if _holds(self._tree(each), path)), files[0]) if len(files) > 1 else files[0]
        )
        if not path:
            return _Spot(files[0])
        positions = self._document(file).positions
        key, value = positions.find(path, key=True), positions.find(path)
        # An entry is best found by its name; a value that stands beside its key is what is wrong itself.
        line, column = key if key[0] != value[0] or "/" in str(path[-1]) else value
        return _Spot(file, line, column, spell(path))

    def _of_query(self, at: At) -> _Spot:
        """Queries are sorted and joined when they are loaded; this finds the one in a file that the query came from."""
        for file in self._configs:
            for index, query in enumerate(_queries(self._tree(file))):
                if _came_from(query, at):
                    below: Path = at.path
                    if len(below) == 2 and below[0] in _LISTS:
                        listed = query.get(str(below[0])) or []
                        below = (below[0], listed.index(below[1])) if below[1] in listed else below[:1]
                    return self._of_path([file], ("tide", "queries", index, *below))
        return self._of_path(self._configs, ("tide", "queries"))

    def _of_job(self, job: JobBase, below: Path) -> _Spot:
        if not self._indexes:
            self._indexes = _indexes(self._config)
        file, line = job.source
        path = (*self._indexes.get(id(job), ()), *below)
        if not file:
            return _Spot("", path=spell(path))
        quick = self._near(file, line, below)
        if quick is None:
            quick = self._document(file).positions.find(path)
        return _Spot(file, *quick, spell(path))

    def _near(self, file: str, line: int, below: Path) -> tuple[int, int] | None:
        """Where a key of the job that begins at this line is, or the job; None: the text does not say it at a glance."""
        if file not in self._lines:
            self._lines[file] = self._document(file).data.decode("utf-8", "replace").split("\n")
        lines = self._lines[file]
        head = _ITEM.match(lines[line - 1]) if 0 < line <= len(lines) else None
        if head is None or len(below) > 1:
            return None
        indent = head.end()
        if not below:
            return line, indent + 1
        for number in range(line, len(lines) + 1):
            text = lines[number - 1].rstrip("\r")
            if number > line and text.strip() and not text.startswith(" " * indent):
                break
            found = _KEY.match(text, indent)
            if found is None or found["key"] != below[0] or (number > line and text[indent - 1 : indent].strip()):
                continue
            value = found["value"]
            return (number, found.start("value") + 1) if value and value not in _ODD else None
        return line, indent + 1

    def _tree(self, file: str) -> Any:
        if file not in self._trees:
            try:
                self._trees[file] = goyaml.load(self._document(file).data)
            except YamlError:
                self._trees[file] = None
        return self._trees[file]

    def _document(self, file: str) -> Document:
        if file not in self._documents:
            try:
                self._documents[file] = read(file, what="a config file")
            except ConfigError:
                self._documents[file] = Document(file, b"")  # gone meanwhile
        return self._documents[file]


def told(name: str, error: ConfigError, level: Level) -> Finding:
    """What a loader found."""
    return Finding(
        name=name,
        message=error.message,
        level=level,
        file=error.file,
        line=error.line,
        column=error.column,
        path=error.path,
        hint=error.hint,
    )


def _queries(tree: Any) -> list[dict[str, Any]]:
    tide = tree.get("tide") if isinstance(tree, dict) else None
    listed = tide.get("queries") if isinstance(tide, dict) else None
    return [query if isinstance(query, dict) else {} for query in listed] if isinstance(listed, list) else []


def _holds(tree: Any, path: Path) -> bool:
    for step in path:
        try:
            tree = tree[step]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _came_from(written: dict[str, Any], at: At) -> bool:
    query = at.query
    if query is None:
        return False
    names = {*(written.get("orgs") or ()), *(written.get("repos") or ())}
    same: Sequence[tuple[str, tuple[str, ...]]] = (
        ("labels", query.labels),
        ("missingLabels", query.missing_labels),
        ("includedBranches", query.included_branches),
        ("excludedBranches", query.excluded_branches),
    )
    return (
        all(sorted(written.get(key) or ()) == sorted(values) for key, values in same)
        and names <= {*query.orgs, *query.repos}
        and (not at.name or at.name in names)
        and (written.get("author") or "") == query.author
    )


def _indexes(config: Config) -> dict[int, Path]:
    """The path of each job in its own file, by the job's identity."""
    found: dict[int, Path] = {}
    by_repo: tuple[tuple[str, dict[str, Any]], ...] = (
        ("presubmits", config.presubmits),
        ("postsubmits", config.postsubmits),
    )
    for kind, listed in by_repo:
        for repo, jobs in listed.items():
            _number(jobs, (kind, repo), found)
    _number(config.periodics, ("periodics",), found)
    return found


def _number(jobs: Sequence[JobBase], above: Path, found: dict[int, Path]) -> None:
    counts: dict[str, int] = {}
    for job in jobs:
        index = counts.get(job.source.file, 0)
        counts[job.source.file] = index + 1
        found[id(job)] = (*above, index)
