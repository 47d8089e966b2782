"""Folders of commits, as git stores them: parsed here, and kept by their SHA, which never changes its meaning.

Paths are looked up folder by folder. Links are followed inside the repository only; what leads out of it leads nowhere.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec

from prow.git import metrics
from prow.git.errors import Broken, NoSuchFile
from prow.git.model import TreeEntry

KEPT_ENTRIES = 50_000
MOST_LINKS = 40
_LONGEST_PATH = 4096
_HASH_BYTES = 20
_KINDS = {"40000": ("040000", "tree"), "160000": ("160000", "commit")}


class Node(msgspec.Struct, frozen=True, gc=False):
    mode: str
    kind: str
    sha: str


Folder = Mapping[str, Node]
ReadsTrees = Callable[[Iterable[str]], Awaitable[Mapping[str, Folder]]]
ReadsLink = Callable[[str], Awaitable[bytes]]


def parse(data: bytes) -> dict[str, Node]:
    """A tree object. Raises Broken. Names need not be UTF-8; what is not survives the way there and back."""
    found: dict[str, Node] = {}
    position, size = 0, len(data)
    while position < size:
        space = data.find(b" ", position, position + 8)
        end = data.find(b"\0", space)
        after = end + 1 + _HASH_BYTES
        if space < 0 or end < 0 or after > size:
            raise Broken("a tree object cannot be parsed")
        mode = data[position:space].decode("ascii", "replace")
        mode, kind = _KINDS.get(mode) or (mode, "blob")
        name = data[space + 1 : end].decode("utf-8", "surrogateescape")
        found[name] = Node(mode, kind, data[end + 1 : after].hex())
        position = after
    return found


class TreeCache:
    """Parsed folders of all mirrors of a process; the least used go when there are too many entries."""

    def __init__(self, most: int = KEPT_ENTRIES) -> None:
        self._most = most
        self._trees: OrderedDict[str, Folder] = OrderedDict()
        self._count = 0

    def get(self, sha: str) -> Folder | None:
        found = self._trees.get(sha)
        if found is not None:
            self._trees.move_to_end(sha)
        return found

    def put(self, sha: str, folder: Folder) -> None:
        if sha in self._trees or len(folder) > self._most:
            return
        self._trees[sha] = folder
        self._count += len(folder) + 1
        while self._count > self._most:
            _, old = self._trees.popitem(last=False)
            self._count -= len(old) + 1
        metrics.TREES.set(self._count)


async def look_up(root: str, path: str, *, read: ReadsTrees, link: ReadsLink) -> TreeEntry:
    """What a path below the tree `root` leads to, links followed: its own path is then another one. Raises NoSuchFile."""
    rest = [part for part in path.split("/") if part][::-1]
    way: list[tuple[str, Node]] = []
    links = 0
    here = Node("040000", "tree", root)
    while rest:
        part = rest.pop()
        if part == "." or not part:
            continue
        if part == "..":
            if not way:
                raise NoSuchFile(f"{path} leads out of the repository")
            way.pop()
        else:
            here = way[-1][1] if way else Node("040000", "tree", root)
            if here.kind != "tree":
                raise NoSuchFile(f"{path} is not there")
            node = (await read([here.sha]))[here.sha].get(part)
            if node is None:
                raise NoSuchFile(f"{path} is not there")
            if node.mode == "120000":
                links += 1
                target = (await link(node.sha)).decode("utf-8", "surrogateescape")
                if links > MOST_LINKS or target.startswith("/") or len(target) > _LONGEST_PATH or "\0" in target:
                    raise NoSuchFile(f"{path} leads out of the repository, or in a circle")
                rest += [step for step in target.split("/") if step][::-1]
            else:
                way.append((part, node))
    node = way[-1][1] if way else Node("040000", "tree", root)
    name = "/".join(part for part, _ in way)
    return TreeEntry(node.mode, node.kind, node.sha, name)
