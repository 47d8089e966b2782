"""`ls-refs` of git's protocol 2: where refs are, told without a process. It is most of what a simulated GitHub is asked by git."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pygit2

from prow.sim import gitlib, gitrepo

_HIDDEN = "refs/sim/"
_DELIMITER, _FLUSH = b"0001", b"0000"
_FLAGS = frozenset({"peel", "symrefs", "unborn"})


@dataclass(frozen=True)
class Question:
    """`prefixes` empty: all refs are wanted."""

    prefixes: tuple[str, ...]
    flags: frozenset[str]


def question(body: bytes) -> Question | None:
    """What is asked; None when it is no `ls-refs`, or one that only git itself understands. Pure."""
    try:
        head, found, rest = _packets(body)
    except ValueError:
        return None
    if not found or "command=ls-refs" not in head or any(word.startswith("server-option=") for word in head):
        return None
    prefixes = tuple(word.removeprefix("ref-prefix ") for word in rest if word.startswith("ref-prefix "))
    flags = frozenset(word for word in rest if not word.startswith("ref-prefix "))
    return Question(prefixes, flags) if flags <= _FLAGS else None


async def answer(path: Path, asked: Question) -> bytes:
    """What git itself would say of the repository at `path`."""
    repo = gitlib.opened(path)
    found = {name: sha for name, sha in (await _under(path, asked.prefixes)).items() if not name.startswith(_HIDDEN)}
    lines = [*_head(repo, path, asked), *(_line(repo, name, sha, asked) for name, sha in sorted(found.items()))]
    return b"".join(_packet(line) for line in lines) + _FLUSH


async def _under(path: Path, prefixes: Iterable[str]) -> dict[str, str]:
    """Those refs that begin with one of the prefixes; only their folders are looked at."""
    wanted = tuple(prefixes)
    if not wanted:
        return await gitrepo.refs(path)
    found: dict[str, str] = {}
    for folder in {
        f"{prefix.rpartition('/')[0]}/" for prefix in wanted if prefix.startswith("refs/") and ".." not in prefix
    }:
        found |= await gitrepo.refs(path, folder)
    if any("refs/".startswith(prefix) for prefix in wanted):
        found |= await gitrepo.refs(path)
    return {name: sha for name, sha in found.items() if name.startswith(wanted)}


def _head(repo: pygit2.Repository, path: Path, asked: Question) -> Iterator[str]:
    if asked.prefixes and not "HEAD".startswith(asked.prefixes):
        return
    target = repo.lookup_reference("HEAD").target
    sha = gitrepo.stored(path, str(target))
    symref = f" symref-target:{target}" if "symrefs" in asked.flags else ""
    if sha is not None:
        yield f"{sha} HEAD{symref}"
    elif "unborn" in asked.flags:
        yield f"unborn HEAD{symref}"


def _line(repo: pygit2.Repository, name: str, sha: str, asked: Question) -> str:
    if "peel" in asked.flags and name.startswith("refs/tags/"):
        it = repo[sha]
        if isinstance(it, pygit2.Tag):
            while isinstance(it, pygit2.Tag):
                it = it.get_object()
            return f"{sha} {name} peeled:{it.id}"
    return f"{sha} {name}"


def _packets(body: bytes) -> tuple[list[str], bool, list[str]]:
    """What stands before and after the delimiter, and whether there was one. Raises ValueError."""
    head: list[str] = []
    rest: list[str] = []
    now, place, found = head, 0, False
    while body[place : place + 4] != _FLUSH:
        if body[place : place + 4] == _DELIMITER:
            now, place, found = rest, place + 4, True
            continue
        size = int(body[place : place + 4].decode("ascii"), 16)
        if size < 4 or len(body) < place + size:
            raise ValueError("cut short")
        now.append(body[place + 4 : place + size].decode().removesuffix("\n"))
        place += size
    return head, found, rest


def _packet(line: str) -> bytes:
    data = f"{line}\n".encode()
    return b"%04x%s" % (len(data) + 4, data)
