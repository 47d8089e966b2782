"""Finds the files of a commit that somebody wants, and remembers for each folder what it found there.

A commit differs from the one before in a few folders, so looking at the next one reads those alone, however many files there are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import ParamSpec, TypeVar

from prow.git import metrics
from prow.git.errors import TooLarge
from prow.git.model import TreeEntry
from prow.git.trees import Folder, ReadsTrees
from prow.lib import open_work

MOST_FOLDERS = 100_000
MOST_FOUND = 100_000
KEPT = 150_000
_LONGEST_PATH = 4096
_MANY = 2_000

_Key = tuple[str, str]
_Found = tuple[TreeEntry, ...]
_Sorted = tuple[_Found, tuple[_Key, ...]]
P = ParamSpec("P")
T = TypeVar("T")


class Memory:
    """What finders found in folders: shared by all that get it. `most`: folders and found files together; the least used go."""

    def __init__(self, most: int = KEPT) -> None:
        self.most = most
        self._kept: OrderedDict[tuple[Finder, _Key], _Found] = OrderedDict()
        self._weight = 0

    def get(self, finder: Finder, key: _Key) -> _Found | None:
        found = self._kept.get((finder, key))
        if found is not None:
            self._kept.move_to_end((finder, key))
        return found

    def put(self, finder: Finder, key: _Key, found: _Found) -> None:
        if (finder, key) in self._kept:
            return
        self._kept[finder, key] = found
        self._weight += 1 + len(found)
        while self._weight > self.most:
            _, old = self._kept.popitem(last=False)
            self._weight -= 1 + len(old)
        metrics.FOUND.set(self._weight)


class Finder:
    """`wanted`: is this file (or link) wanted? `enters`: may something wanted be in or below this folder? Both by path.

    One finder serves one repository. `most_folders`: of one commit.
    """

    def __init__(
        self,
        wanted: Callable[[str], bool],
        enters: Callable[[str], bool] = lambda _: True,
        *,
        memory: Memory | None = None,
        most_folders: int = MOST_FOLDERS,
    ) -> None:
        self._wanted = wanted
        self._enters = enters
        self._memory = memory or Memory()
        self._most_folders = most_folders

    async def find(self, root: str, read: ReadsTrees) -> _Found:
        """The wanted files below the tree `root`, in the order of their paths. Raises TooLarge for trees that have no end."""
        top = (root, "")
        known: dict[_Key, _Found] = {}
        seen: dict[_Key, _Sorted] = {}
        layer = self._unknown([top], known)
        while layer:
            trees = await read(dict.fromkeys(sha for sha, _ in layer))
            entries = sum(len(trees[sha]) for sha, _ in layer)
            seen |= await _done(entries, self._all_sorted_out, layer, trees)
            layer = self._unknown([each for key in layer for each in seen[key][1]], known)
            if len(seen) + len(layer) > self._most_folders:
                raise TooLarge(f"more than {self._most_folders} folders")
        await _done(len(seen), _gathered, seen, known)
        if len(seen) <= self._memory.most:
            for key in seen:
                self._memory.put(self, key, known[key])
        return known[top]

    def _all_sorted_out(self, layer: Sequence[_Key], trees: Mapping[str, Folder]) -> dict[_Key, _Sorted]:
        return {key: self._sorted_out(key[1], trees[key[0]]) for key in layer}

    def _sorted_out(self, path: str, folder: Folder) -> _Sorted:
        files: list[TreeEntry] = []
        folders: list[_Key] = []
        for name, node in folder.items():
            inside = f"{path}/{name}" if path else name
            if node.kind == "blob":
                if self._wanted(inside):
                    files.append(TreeEntry(node.mode, node.kind, node.sha, inside))
            elif node.kind == "tree" and len(inside) <= _LONGEST_PATH and self._enters(inside):
                folders.append((node.sha, inside))
        return tuple(files), tuple(folders)

    def _unknown(self, keys: Sequence[_Key], known: dict[_Key, _Found]) -> list[_Key]:
        for key in keys:
            found = self._memory.get(self, key)
            if found is not None:
                known[key] = found
        return [key for key in keys if key not in known]


async def _done(things: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Work on many things is done in a thread, so that nothing else waits for it."""
    return await open_work.in_thread(work, *args, **kwargs) if things > _MANY else work(*args, **kwargs)


def _gathered(seen: dict[_Key, _Sorted], known: dict[_Key, _Found]) -> None:
    for key in reversed(seen):  # those below come first
        files, folders = seen[key]
        known[key] = _joined(files, (known[each] for each in folders))
        if len(known[key]) > MOST_FOUND:
            raise TooLarge(f"more than {MOST_FOUND} files are wanted")


def _joined(files: _Found, below: Iterator[_Found]) -> _Found:
    parts = [part for part in (files, *below) if part]
    if len(parts) == 1:
        return parts[0]
    return tuple(sorted((entry for part in parts for entry in part), key=lambda entry: entry.path))
