"""Commits as git tells them, whole: trees, parents, people, times, messages, and the paths they touch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prow.sim.gitrepo import NOTHING, git

_FORMAT = "--format=%x01%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x02"
_MOST_IN_PUSH = 20
_BLAMED = re.compile(rb"[0-9a-f]{40} [0-9]+ [0-9]+(?: [0-9]+)?")


@dataclass(frozen=True)
class Signature:
    """Who and when; `date` is ISO 8601 with an offset."""

    name: str
    email: str
    date: str


@dataclass(frozen=True)
class Logged:
    """`added`, `removed`, `modified`: paths, where they were asked for."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()


async def of(path: Path, shas: Sequence[str]) -> list[Logged]:
    """These commits, in this order; one may be there twice. Full names only."""
    if not shas:
        return []
    out = await git("log", "--no-walk=unsorted", _FORMAT, "--stdin", cwd=path, stdin="\n".join(shas).encode())
    found = _parsed(out)
    if len(found) == len(shas):
        return found
    known = {one.sha: one for one in found}
    return [known[sha] for sha in shas]


async def one(path: Path, sha: str) -> Logged:
    return (await of(path, [sha]))[0]


async def listed(path: Path, start: str, *, most: int = 1000, below: str = "") -> list[Logged]:
    """The history of a commit, newest first; `below`: only commits that touch this path."""
    out = await git("log", _FORMAT, f"-n{most}", start, "--", *([below] if below else []), cwd=path)
    return _parsed(out)


async def pushed(path: Path, before: str, after: str) -> list[Logged]:
    """The commits of a push, oldest first, with the paths they touch; twenty at most."""
    span = after if before == NOTHING else f"{before}..{after}"
    limit = f"-n{_MOST_IN_PUSH}"
    out = await git("log", "--reverse", limit, _FORMAT, "--name-status", "--no-renames", span, "--", cwd=path)
    return _parsed(out)


def _parsed(out: bytes) -> list[Logged]:
    found = []
    for block in out.decode("utf-8", "replace").split("\x01")[1:]:
        told, _, rest = block.partition("\x02")
        sha, tree, parents, an, ae, ad, cn, ce, cd, message = told.split("\0", 9)
        paths: dict[str, list[str]] = {"A": [], "D": [], "M": []}
        for line in rest.splitlines():
            kind, _, name = line.partition("\t")
            if name:
                paths.setdefault("M" if kind[:1] == "T" else kind[:1], []).append(name)
        found.append(
            Logged(
                sha,
                tree,
                tuple(parents.split()),
                Signature(an, ae, ad),
                Signature(cn, ce, cd),
                message.strip(),
                tuple(paths["A"]),
                tuple(paths["D"]),
                tuple(paths["M"]),
            )
        )
    return found


async def blamed(path: Path, sha: str, file: str) -> list[str]:
    """For each line of a file the commit that wrote it."""
    out = await git("blame", "--line-porcelain", sha, "--", file, cwd=path)
    return [line.split()[0].decode() for line in out.splitlines() if _BLAMED.fullmatch(line)]
