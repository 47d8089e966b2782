"""What two commits differ in, file by file: what became of each, numbers of lines, its patch, and where in that a line stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pygit2
from pygit2.enums import DeltaStatus

from prow.sim import gitlib

_KINDS = {
    DeltaStatus.ADDED: "added",
    DeltaStatus.DELETED: "removed",
    DeltaStatus.TYPECHANGE: "changed",
    DeltaStatus.RENAMED: "renamed",
}
_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")
_LONGEST_PATCH = 500_000
_MOST_LINES = 20_000
"""GitHub shows no more of a single file."""


async def changed_files(path: Path, base: str | None, head: str) -> list[dict[str, object]]:
    """The files of a pull request: against the merge base, with numbers of lines. Without a base all files of the head are new."""
    found: list[dict[str, object]] = []
    for patch in filter(None, _diff(path, base, head)):
        _, added, removed = patch.line_stats
        delta = patch.delta
        one: dict[str, object] = {
            "sha": str((delta.old_file if delta.status == DeltaStatus.DELETED else delta.new_file).id),
            "filename": _name(delta),
            "status": _KINDS.get(delta.status, "modified"),
            "additions": added,
            "deletions": removed,
            "changes": added + removed,
        }
        if delta.status == DeltaStatus.RENAMED:
            one["previous_filename"] = delta.old_file.raw_path.decode("utf-8", "replace")
        found.append(one)
    return found


@lru_cache(maxsize=16)
def patches(path: Path, base: str | None, head: str) -> Mapping[str, str]:
    """The same files' patches by name, from the first hunk on; there is none of what is binary, very long, or renamed and nothing else."""
    found = {}
    for patch in filter(None, _diff(path, base, head)):
        _, added, removed = patch.line_stats
        if patch.delta.is_binary or added + removed > _MOST_LINES:
            continue
        text = patch.data[: _LONGEST_PATCH + 1].decode("utf-8", "replace")
        hunks = text.find("\n@@ ") + 1
        if hunks and len(text) <= _LONGEST_PATCH:
            found[_name(patch.delta)] = text[hunks:].removesuffix("\n")
    return MappingProxyType(found)


def _diff(path: Path, base: str | None, head: str) -> pygit2.Diff:
    repo = gitlib.opened(path)
    tree = repo[head].peel(pygit2.Tree)
    if base is None:
        return tree.diff_to_tree(swap=True)
    found = repo[_fork_point(repo, base, head) or base].peel(pygit2.Tree).diff_to_tree(tree)
    kinds = {delta.status for delta in found.deltas}
    if {DeltaStatus.ADDED, DeltaStatus.DELETED} <= kinds:
        found.find_similar()
    return found


def _name(delta: pygit2.DiffDelta) -> str:
    return delta.new_file.raw_path.decode("utf-8", "replace")


def _fork_point(repo: pygit2.Repository, base: str, head: str) -> pygit2.Oid | None:
    """None when they have nothing in common."""
    try:
        return repo.merge_base(base, head)
    except gitlib.MISSING:
        return None


class Place(NamedTuple):
    """A line of a patch. `position`: below the first hunk's header; `old`, `new`: its number on either side, where it is there; `hunk`:
    which of the patch's lines begins its hunk."""

    position: int
    old: int | None
    new: int | None
    hunk: int

    def stands_at(self, side: str, line: int) -> bool:
        return (self.old if side == "LEFT" else self.new) == line


def places(patch: str) -> Iterator[Place]:
    """Of each line that somebody may comment on."""
    old = new = hunk = 0
    for position, line in enumerate(patch.split("\n")):
        header = _HUNK.match(line)
        if header is not None:
            old, new, hunk = int(header[1]), int(header[2]), position
        elif not line.startswith("\\"):
            removed, added = line.startswith("-"), line.startswith("+")
            yield Place(position, None if added else old, None if removed else new, hunk)
            old, new = old + (not added), new + (not removed)


def hunk_until(patch: str, place: Place) -> str:
    """The hunk's header and lines up to this one."""
    return "\n".join(patch.split("\n")[place.hunk : place.position + 1])
