"""From labels.yaml to a valid `LabelsFile` (`spec/config` §5.1). Synchronous."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence

from prow.config.decode import nearest, spell
from prow.config.documents import Document, Findings, read
from prow.config.labels import Label, LabelsFile
from prow.config.validate_job import Finding
from prow.lib.goyaml import Path

LONGEST_DESCRIPTION = 100
"""Bytes that GitHub keeps."""
TARGETS = ("prs", "issues", "both")
_COLOUR = re.compile(r"[0-9A-Fa-f]{6}")

# Label in lower case → where it is.
_Seen = dict[str, Path]


def load_labels(path: str | os.PathLike[str]) -> LabelsFile:
    """labels.yaml. Raises ConfigError (ConfigErrors when there are several). What is odd is left to `assemble_labels`."""
    return assemble_labels(read(path, what="labels.yaml", inflate=False), Findings())


def assemble_labels(document: Document, findings: Findings) -> LabelsFile:
    """Of a text that is read already; what is odd, and loads all the same, goes to the findings' warnings. Raises ConfigError."""
    labels = document.decode(LabelsFile, findings, coerce=True) or LabelsFile()
    findings.check()
    for path, wrong in label_problems(labels):
        findings.wrong(document, path, wrong)
    findings.check()
    for path, odd in label_oddities(labels):
        findings.warn(document, path, odd)
    return labels


def label_problems(file: LabelsFile) -> Iterator[Finding]:
    """What label_sync refuses. The names of a repository are unique: those for all, of its org and its own. A former name must not be
    that of a label before it; where former names meet, label_sync does not look, and `shared_names` tells. Pure."""
    seen: _Seen = {}
    yield from _problems(file.default.labels, ("default", "labels"), seen)
    by_org: dict[str, _Seen] = {}
    for org, labels in file.orgs.items():
        by_org[org] = dict(seen)
        yield from _problems(labels.labels, ("orgs", org, "labels"), by_org[org])
    for repo, labels in file.repos.items():
        org, slash, name = repo.partition("/")
        if not (org and slash and name) or "/" in name:
            yield ("repos", repo), f"{repo!r} is not of the form org/repo"
        else:
            yield from _problems(labels.labels, ("repos", repo, "labels"), dict(by_org.get(org, seen)))


def _problems(labels: Sequence[Label], above: Path, seen: _Seen) -> Iterator[Finding]:
    for index, label in enumerate(labels):
        path: Path = (*above, index)
        name = label.name.lower()
        if not name:
            yield path, "a label needs a name"
        elif name in seen:
            yield (
                (*path, "name"),
                f"the label {label.name} is there already: {_spelled(seen[name])} (case does not count)",
            )
        else:
            seen[name] = path
        size = len(label.description.encode())
        if size > LONGEST_DESCRIPTION:
            yield (*path, "description"), f"the description has {size} bytes, GitHub keeps {LONGEST_DESCRIPTION}"
        yield from _problems(label.previously, (*path, "previously"), dict(seen))


def _spelled(path: Path) -> str:
    return spell((*path, "name"))


def shared_names(file: LabelsFile) -> Iterator[Finding]:
    """Former names, of a valid file, that another label has or had too: label_sync takes one of them for its successor. Pure."""
    seen: _Seen = {}
    yield from _shared(file.default.labels, ("default", "labels"), seen)
    by_org: dict[str, _Seen] = {}
    for org, labels in file.orgs.items():
        by_org[org] = dict(seen)
        yield from _shared(labels.labels, ("orgs", org, "labels"), by_org[org])
    for repo, labels in file.repos.items():
        before = by_org.get(repo.partition("/")[0], seen)
        yield from _shared(labels.labels, ("repos", repo, "labels"), dict(before))


def _shared(labels: Sequence[Label], above: Path, seen: _Seen) -> Iterator[Finding]:
    for index, label in enumerate(labels):
        path: Path = (*above, index)
        other = seen.setdefault(label.name.lower(), path)
        if other != path:
            yield (*path, "name"), f"{label.name} is a name of two labels; the other: {_spelled(other)}"
        yield from _shared(label.previously, (*path, "previously"), seen)


def label_oddities(file: LabelsFile) -> Iterator[Finding]:
    """What loads, and will be refused by GitHub or ignored. Pure."""
    for org in file.orgs:
        if not org or "/" in org:
            yield ("orgs", org), f"{org!r} is no organisation; labels of one repository go below `repos`"
    lists: list[tuple[Path, Sequence[Label]]] = [(("default", "labels"), file.default.labels)]
    lists += [(("orgs", key, "labels"), listed.labels) for key, listed in file.orgs.items()]
    lists += [(("repos", key, "labels"), listed.labels) for key, listed in file.repos.items()]
    while lists:
        above, labels = lists.pop(0)
        for index, label in enumerate(labels):
            path: Path = (*above, index)
            lists.append(((*path, "previously"), label.previously))
            if label.color and not _COLOUR.fullmatch(label.color):
                yield (
                    (*path, "color"),
                    f'{label.color!r} is no colour: write six hexadecimal digits, in quotes, such as "0e8a16"',
                )
            if label.target and label.target not in TARGETS:
                near = nearest(label.target, TARGETS)
                meant = f"; did you mean {near!r}?" if near else f"; say {', '.join(TARGETS)}"
                yield (*path, "target"), f"unknown target {label.target!r}{meant}"
