"""Commits as git tells them, whole: trees, parents, people, times, messages, and the paths they touch."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import islice
from pathlib import Path

import pygit2
from pygit2.enums import DeltaStatus, SortMode

from prow.sim import gitlib
from prow.sim.gitrepo import NOTHING, git

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
    repo = gitlib.opened(path)
    return [_logged(repo[sha].peel(pygit2.Commit)) for sha in shas]


async def one(path: Path, sha: str) -> Logged:
    return (await of(path, [sha]))[0]


async def listed(path: Path, start: str, *, most: int = 1000, below: str = "") -> list[Logged]:
    """The history of a commit, newest first; `below`: only commits that touch this path."""
    out = await git("rev-list", f"-n{most}", start, "--", *([below] if below else []), cwd=path)
    return await of(path, out.decode().split())


async def pushed(path: Path, before: str, after: str) -> list[Logged]:
    """The commits of a push, oldest first, with the paths they touch; the last twenty at most."""
    repo = gitlib.opened(path)
    walker = repo.walk(after, SortMode.TOPOLOGICAL)
    if before != NOTHING:
        walker.hide(before)
    newest = [_logged(commit, touched=True) for commit in islice(walker, _MOST_IN_PUSH)]
    return newest[::-1]


def _logged(commit: pygit2.Commit, *, touched: bool = False) -> Logged:
    paths: dict[DeltaStatus, list[str]] = {}
    if touched and len(commit.parents) <= 1:
        tree = commit.tree
        diff = commit.parents[0].tree.diff_to_tree(tree) if commit.parents else tree.diff_to_tree(swap=True)
        for delta in diff.deltas:
            paths.setdefault(delta.status, []).append(delta.new_file.raw_path.decode("utf-8", "replace"))
    return Logged(
        str(commit.id),
        str(commit.tree_id),
        tuple(str(parent) for parent in commit.parent_ids),
        _signature(commit.author),
        _signature(commit.committer),
        commit.raw_message.decode("utf-8", "replace").strip(),
        tuple(paths.get(DeltaStatus.ADDED, ())),
        tuple(paths.get(DeltaStatus.DELETED, ())),
        tuple(paths.get(DeltaStatus.MODIFIED, []) + paths.get(DeltaStatus.TYPECHANGE, [])),
    )


def _signature(who: pygit2.Signature) -> Signature:
    at = datetime.fromtimestamp(who.time, timezone(timedelta(minutes=who.offset)))
    return Signature(who.raw_name.decode("utf-8", "replace"), who.raw_email.decode("utf-8", "replace"), at.isoformat())


async def blamed(path: Path, sha: str, file: str) -> list[str]:
    """For each line of a file the commit that wrote it."""
    out = await git("blame", "--line-porcelain", sha, "--", file, cwd=path)
    return [line.split()[0].decode() for line in out.splitlines() if _BLAMED.fullmatch(line)]
