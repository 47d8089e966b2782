"""Merging two commits of a bare repository by GitHub's three methods, by plumbing and without a working tree.

`git merge-tree --write-tree` of git 2.39 finds the merge base by itself. To replay a commit C on top of O, it is given O's tree
as a synthetic child of C's parent: the merge base of that child and C is then just that parent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prow.sim.gitrepo import Compared, GitFailed, git, git_code

_COMMITTER = ("GitHub", "noreply@github.example")


@dataclass(frozen=True)
class Person:
    name: str
    email: str

    @classmethod
    def of(cls, login: str) -> Person:
        return cls(login, f"{login}@users.noreply.example")


async def tree_of_merge(path: Path, ours: str, theirs: str) -> str | None:
    """The tree of a clean merge, None when the commits conflict."""
    code, out, err = await git_code("merge-tree", "--write-tree", "--end-of-options", ours, theirs, cwd=path)
    if code > 1:
        raise GitFailed(f"git merge-tree: {err.decode('utf-8', 'replace').strip()}")
    return out.decode().splitlines()[0] if code == 0 else None


async def preview(path: Path, base: str, head: str, *, when: int) -> str | None:
    """What GitHub keeps as `refs/pull/N/merge`: the merge commit, None when there is a conflict. No ref is moved."""
    return await merge(path, base, head, message=f"Merge {head} into {base}", author=Person.of("github"), when=when)


async def merge(path: Path, base: str, head: str, *, message: str, author: Person, when: int) -> str | None:
    """A merge commit of base and head."""
    tree = await tree_of_merge(path, base, head)
    return None if tree is None else await _commit(path, tree, (base, head), message, _names(author, when))


async def squash(path: Path, base: str, head: str, *, message: str, author: Person, when: int) -> str | None:
    """One commit on the base with everything of the head."""
    tree = await tree_of_merge(path, base, head)
    return None if tree is None else await _commit(path, tree, (base,), message, _names(author, when))


async def rebase(path: Path, base: str, compared: Compared, *, when: int) -> str | None:
    """The head's commits one after the other on the base, authors kept; those that change nothing any more are left out.

    None when one of them conflicts or is itself a merge.
    """
    if not compared.linear:
        return None
    onto, tree = base, await _tree(path, base)
    for commit, (parent,) in compared.commits:
        made = await _replayed(path, tree, commit, parent, when)
        if made is None:
            return None
        if made != tree:
            about = await describe(path, commit)
            names = _names(about.author, when) | {"GIT_AUTHOR_DATE": about.date}
            onto, tree = await _commit(path, made, (onto,), about.message, names), made
    return onto


async def rebases(path: Path, base: str, compared: Compared, *, when: int) -> bool:
    """Whether `rebase` would find no conflict, in fewer processes."""
    if not compared.linear:
        return False
    tree = await _tree(path, base)
    for commit, (parent,) in compared.commits:
        made = await _replayed(path, tree, commit, parent, when)
        if made is None:
            return False
        tree = made
    return True


async def _replayed(path: Path, tree: str, commit: str, parent: str, when: int) -> str | None:
    """The tree with what a commit changed, None when that conflicts."""
    start = await _commit(path, tree, (parent,), "start", _names(Person(*_COMMITTER), when))
    return await tree_of_merge(path, start, commit)


@dataclass(frozen=True)
class Described:
    author: Person
    date: str
    message: str

    @property
    def subject(self) -> str:
        return self.message.partition("\n")[0]

    @property
    def body(self) -> str:
        return self.message.partition("\n")[2].strip()


async def describe(path: Path, commit: str) -> Described:
    """Who wrote a commit, when and with which message."""
    out = await git("show", "-s", "--format=%an%x00%ae%x00%ad%x00%B", "--date=raw", commit, "--", cwd=path)
    name, email, date, message = out.decode("utf-8", "replace").split("\0", 3)
    return Described(Person(name, email), date, message.strip())


async def _tree(path: Path, commit: str) -> str:
    return (await git("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}", cwd=path)).decode().strip()


async def _commit(path: Path, tree: str, parents: tuple[str, ...], message: str, names: Mapping[str, str]) -> str:
    flags = [word for parent in parents for word in ("-p", parent)]
    made = await git("commit-tree", tree, *flags, cwd=path, stdin=(message.rstrip() + "\n").encode(), env=names)
    return made.decode().strip()


def _names(author: Person, when: int) -> dict[str, str]:
    name, email = _COMMITTER
    return {
        "GIT_AUTHOR_NAME": author.name,
        "GIT_AUTHOR_EMAIL": author.email,
        "GIT_AUTHOR_DATE": f"{when} +0000",
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
        "GIT_COMMITTER_DATE": f"{when} +0000",
    }
