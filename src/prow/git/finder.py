"""Finds the files of a commit that somebody wants, and remembers for each folder what it found there.

A commit differs from the one before in a few folders, so looking at the next one reads those alone, however many files there are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

from prow.git.errors import TooLarge
from prow.git.model import TreeEntry
from prow.git.trees import Folder, ReadsTrees

MOST_FOLDERS = 200_000
MOST_FOUND = 100_000
KEPT = 200_000
_LONGEST_PATH = 4096

_Key = tuple[str, str]
_Found = tuple[TreeEntry, ...]


class Finder:
    """`wanted`: is this file (or link) wanted? `enters`: may something wanted be in or below this folder? Both by path.

    One finder serves one repository. `keep`: folders and found files that are remembered at most.
    """

    def __init__(
        self, wanted: Callable[[str], bool], enters: Callable[[str], bool] = lambda _: True, *, keep: int = KEPT
    ) -> None:
        self._wanted = wanted
        self._enters = enters
        self._keep = keep
        self._below: OrderedDict[_Key, _Found] = OrderedDict()
        self._weight = 0

    async def find(self, root: str, read: ReadsTrees) -> _Found:
        """The wanted files below the tree `root`, in the order of their paths. Raises TooLarge for trees that have no end."""
        top = (root, "")
        known: dict[_Key, _Found] = {}
        seen: dict[_Key, tuple[_Found, tuple[_Key, ...]]] = {}
        layer = self._unknown([top], known)
        while layer:
            trees = await read(dict.fromkeys(sha for sha, _ in layer))
            for key in layer:
                seen[key] = self._sorted_out(key[1], trees[key[0]])
            layer = self._unknown([each for key in layer for each in seen[key][1]], known)
            if len(seen) + len(layer) > MOST_FOLDERS:
                raise TooLarge(f"more than {MOST_FOLDERS} folders")
        for key in reversed(seen):  # those below come first
            files, folders = seen[key]
            known[key] = _joined(files, (known[each] for each in folders))
            self._remember(key, known[key])
        return known[top]

    def _sorted_out(self, path: str, folder: Folder) -> tuple[_Found, tuple[_Key, ...]]:
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
            found = self._below.get(key)
            if found is not None:
                self._below.move_to_end(key)
                known[key] = found
        return [key for key in keys if key not in known]

    def _remember(self, key: _Key, found: _Found) -> None:
        if len(found) > MOST_FOUND:
            raise TooLarge(f"more than {MOST_FOUND} files are wanted")
        if key not in self._below:
            self._below[key] = found
            self._weight += 1 + len(found)
        while self._weight > self._keep:
            _, old = self._below.popitem(last=False)
            self._weight -= 1 + len(old)


def _joined(files: _Found, below: Iterator[_Found]) -> _Found:
    parts = [part for part in (files, *below) if part]
    if len(parts) == 1:
        return parts[0]
    return tuple(sorted((entry for part in parts for entry in part), key=lambda entry: entry.path))
