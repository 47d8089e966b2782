"""Merging two commits of a bare repository by GitHub's three methods, by plumbing and without a working tree.

`git merge-tree --write-tree` of git 2.39 finds the merge base by itself. To replay a commit C on top of O, it is given O's tree
as a synthetic child of C's parent: the merge base of that child and C is then just that parent.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import DeltaStatus

from prow.sim import gitlib, gitlog
from prow.sim.gitrepo import Compared, GitFailed, git_code, only_in


@dataclass(frozen=True)
class Person:
    name: str
    email: str

    @classmethod
    def of(cls, login: str) -> Person:
        return cls(login, f"{login}@users.noreply.example")


_GITHUB = Person("GitHub", "noreply@github.example")


async def tree_of_merge(path: Path, ours: str, theirs: str) -> str | None:
    """The tree of a clean merge, None when the commits conflict."""
    tree = _tree_where_apart(path, ours, theirs)
    if tree is not None:
        return tree
    code, out, err = await git_code("merge-tree", "--write-tree", "--end-of-options", ours, theirs, cwd=path)
    if code > 1:
        raise GitFailed(f"git merge-tree: {err.decode('utf-8', 'replace').strip()}")
    return out.decode().splitlines()[0] if code == 0 else None


def _tree_where_apart(path: Path, ours: str, theirs: str) -> str | None:
    """The tree of a merge that leaves git nothing to judge: one side has a single line of commits, neither takes a file away (which may
    be a rename), and no file of the one side is a file or a folder of the other."""
    repo = gitlib.opened(path)
    commits = list(only_in(repo, ours, theirs))
    if not commits or any(len(commit.parent_ids) != 1 for commit in commits):
        return None
    fork = commits[0].parents[0].tree
    trees = (repo[ours].peel(pygit2.Tree), repo[theirs].peel(pygit2.Tree))
    if not _apart(*(_touched(fork, tree) for tree in trees)):
        return None
    return str(repo.merge_trees(fork, *trees).write_tree(repo))


def _touched(before: pygit2.Tree, after: pygit2.Tree) -> set[bytes] | None:
    """None: something is gone."""
    deltas = list(before.diff_to_tree(after).deltas)
    gone = any(delta.status == DeltaStatus.DELETED for delta in deltas)
    return None if gone else {delta.new_file.raw_path for delta in deltas}


def _apart(ours: set[bytes] | None, theirs: set[bytes] | None) -> bool:
    return (
        ours is not None and theirs is not None and not (_with_folders(ours) & theirs or ours & _with_folders(theirs))
    )


def _with_folders(names: set[bytes]) -> set[bytes]:
    parts = [name.split(b"/") for name in names]
    return {b"/".join(words[:length]) for words in parts for length in range(1, len(words) + 1)}


async def preview(path: Path, base: str, head: str, *, when: int) -> str | None:
    """What GitHub keeps as `refs/pull/N/merge`: the merge commit, None when there is a conflict. No ref is moved."""
    return await merge(path, base, head, message=f"Merge {head} into {base}", author=Person.of("github"), when=when)


async def merge(path: Path, base: str, head: str, *, message: str, author: Person, when: int) -> str | None:
    """A merge commit of base and head."""
    tree = await tree_of_merge(path, base, head)
    return None if tree is None else _commit(path, tree, (base, head), message, author, when)


async def squash(path: Path, base: str, head: str, *, message: str, author: Person, when: int) -> str | None:
    """One commit on the base with everything of the head."""
    tree = await tree_of_merge(path, base, head)
    return None if tree is None else _commit(path, tree, (base,), message, author, when)


async def rebase(path: Path, base: str, compared: Compared, *, when: int) -> str | None:
    """The head's commits one after the other on the base, authors kept; those that change nothing any more are left out.

    None when one of them conflicts or is itself a merge.
    """
    if not compared.linear:
        return None
    repo = gitlib.opened(path)
    onto, tree = base, str(repo[base].peel(pygit2.Commit).tree_id)
    committer = _signature(_GITHUB, when)
    for sha, (parent,) in compared.commits:
        commit = repo[sha].peel(pygit2.Commit)
        made = await _replayed(path, tree, sha, parent, when)
        if made is None:
            return None
        if made != tree:
            message = commit.message.rstrip() + "\n"
            onto, tree = str(repo.create_commit(None, commit.author, committer, message, made, [onto])), made
    return onto


async def rebases(path: Path, base: str, compared: Compared, *, when: int) -> bool:
    """Whether `rebase` would find no conflict."""
    return _replays_apart(path, base, compared) or await rebase(path, base, compared, when=when) is not None


def _replays_apart(path: Path, base: str, compared: Compared) -> bool:
    """Whether no commit on the way changes what the base did."""
    if not compared.linear or not compared.commits:
        return False
    repo = gitlib.opened(path)
    fork = repo[compared.commits[0][1][0]].peel(pygit2.Tree)
    theirs: set[bytes] = set()
    for sha, (parent,) in compared.commits:
        touched = _touched(repo[parent].peel(pygit2.Tree), repo[sha].peel(pygit2.Tree))
        if touched is None:
            return False
        theirs |= touched
    return _apart(_touched(fork, repo[base].peel(pygit2.Tree)), theirs)


async def _replayed(path: Path, tree: str, commit: str, parent: str, when: int) -> str | None:
    """The tree with what a commit changed, None when that conflicts."""
    start = _commit(path, tree, (parent,), "start", _GITHUB, when)
    return await tree_of_merge(path, start, commit)


@dataclass(frozen=True)
class Described:
    author: Person
    message: str

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0]

    @property
    def body(self) -> str:
        return self.message.partition("\n")[2].strip()


async def describe(path: Path, commit: str) -> Described:
    """Who wrote a commit, and with which message."""
    told = await gitlog.one(path, commit)
    return Described(Person(told.author.name, told.author.email), told.message)


def _commit(path: Path, tree: str, parents: tuple[str, ...], message: str, author: Person, when: int) -> str:
    names = _signature(author, when), _signature(_GITHUB, when)
    return str(gitlib.opened(path).create_commit(None, *names, message.rstrip() + "\n", tree, list(parents)))


def _signature(person: Person, when: int) -> pygit2.Signature:
    return pygit2.Signature(person.name, person.email, when, 0)
