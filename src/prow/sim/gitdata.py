"""git's objects of a bare repository: trees, blobs, commits, tags, differences; read and written without a working tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pygit2
from pygit2.enums import FileMode

from prow.sim import gitlib, gitrepo
from prow.sim.gitrepo import GitFailed, git


@dataclass(frozen=True)
class Entry:
    """Of a tree. `kind`: blob, tree or commit (a submodule). `size`: of blobs."""

    mode: str
    kind: str
    sha: str
    path: str
    size: int | None = None

    @property
    def word(self) -> str:
        """What it is called in a list of contents."""
        if self.mode == "120000":
            return "symlink"
        return {"tree": "dir", "commit": "submodule"}.get(self.kind, "file")


async def kind_of(path: Path, sha: str) -> str | None:
    """blob, tree, commit or tag; None: there is no such object."""
    found = _object(path, sha)
    return found.type_str if found is not None else None


async def object_at(path: Path, name: str) -> str | None:
    """The sha of `commit:path`, of a ref, or of an abbreviation."""
    found = _object(path, name)
    return str(found.id) if found is not None else None


def _object(path: Path, name: str) -> pygit2.Object | None:
    try:
        return gitlib.opened(path).revparse_single(name) if "\0" not in name else None
    except gitlib.MISSING:
        return None


async def tree(path: Path, treeish: str, *, recursive: bool = False) -> list[Entry] | None:
    """Its entries, with those of its folders when `recursive`; None: it is no tree."""
    found = _tree(path, treeish)
    return list(_entries(gitlib.opened(path), found, "", recursive=recursive)) if found is not None else None


def _tree(path: Path, treeish: str) -> pygit2.Tree | None:
    found = _object(path, treeish)
    try:
        return found.peel(pygit2.Tree) if found is not None else None
    except gitlib.MISSING:
        return None


def _entries(repo: pygit2.Repository, folder: pygit2.Tree, above: str, *, recursive: bool) -> Iterator[Entry]:
    for found in folder:
        one = _entry(repo, found, above + _name(found))
        yield one
        if recursive and one.kind == "tree":
            yield from _entries(repo, repo[found.id].peel(pygit2.Tree), f"{one.path}/", recursive=True)


def _name(found: pygit2.Object) -> str:
    return (found.raw_name or b"").decode("utf-8", "replace")


def _entry(repo: pygit2.Repository, found: pygit2.Object, name: str) -> Entry:
    kind = found.type_str
    size = repo.odb.read_header(found.id)[1] if kind == "blob" else None
    return Entry(f"{found.filemode or 0:06o}", kind, str(found.id), name, size)


async def entry(path: Path, commit: str, name: str) -> Entry | None:
    """What is at that path of a commit."""
    top = _tree(path, commit)
    try:
        return _entry(gitlib.opened(path), top[name], name) if top is not None else None
    except gitlib.MISSING:
        return None


async def blob(path: Path, sha: str) -> bytes | None:
    found = _object(path, sha)
    return found.data if isinstance(found, pygit2.Blob) else None


async def write_blob(path: Path, data: bytes) -> str:
    return str(gitlib.opened(path).create_blob(data))


async def write_tree(path: Path, base: str | None, entries: Sequence[tuple[str, str | None, str]]) -> str:
    """A tree from another with changes: (mode, sha or None to take it away, path)."""
    repo, index = gitlib.opened(path), pygit2.Index()
    try:
        start = _tree(path, base) if base else None
        if start is not None:
            index.read_tree(start)
        for mode, sha, name in entries:
            if sha is None:
                index.remove(name)
            else:
                index.add(pygit2.IndexEntry(name, pygit2.Oid(hex=sha), FileMode(int(mode, 8))))
        return str(index.write_tree(repo))
    except (*gitlib.MISSING, OSError) as error:
        raise GitFailed(f"git write-tree: {error}") from error


async def write_commit(
    path: Path, tree_sha: str, parents: Sequence[str], message: str, names: Mapping[str, str]
) -> str:
    """`names`: GIT_AUTHOR_… and GIT_COMMITTER_… of the environment."""
    flags = [word for parent in parents for word in ("-p", parent)]
    text = (message.rstrip() + "\n").encode()
    return (await git("commit-tree", tree_sha, *flags, cwd=path, stdin=text, env=names)).decode().strip()


async def write_tag(path: Path, name: str, target: str, kind: str, message: str, tagger: str) -> str:
    text = f"object {target}\ntype {kind}\ntag {name}\ntagger {tagger}\n\n{message.rstrip()}\n"
    return (await git("mktag", cwd=path, stdin=text.encode())).decode().strip()


async def tag_object(path: Path, sha: str) -> dict[str, str] | None:
    """The fields of an annotated tag, and its `message`."""
    if await kind_of(path, sha) != "tag":
        return None
    head, _, message = (await git("cat-file", "tag", sha, cwd=path)).decode("utf-8", "replace").partition("\n\n")
    found = dict(line.split(" ", 1) for line in head.splitlines())
    return found | {"message": message.strip()}


async def merge_base(path: Path, one: str, other: str) -> str | None:
    found = gitlib.opened(path).merge_base(one, other)
    return str(found) if found is not None else None


async def counts(path: Path, base: str, head: str) -> tuple[int, int]:
    """How many commits only the head has, and how many only the base."""
    return gitlib.opened(path).ahead_behind(head, base)


async def only_in(path: Path, base: str, head: str, *, most: int) -> list[str]:
    """Commits that the head has and the base has not, oldest first."""
    return [str(commit.id) for commit in islice(gitrepo.only_in(gitlib.opened(path), base, head), most)]


async def diff(path: Path, base: str, head: str) -> bytes:
    """As `git diff` tells it, from where the two parted."""
    start = await merge_base(path, base, head) or base
    return await git("diff", "--full-index", start, head, "--", cwd=path)


async def patch(path: Path, base: str, head: str) -> bytes:
    """A mail for each commit, as `git am` takes them."""
    return await git("format-patch", "--stdout", "--full-index", "--no-signature", f"{base}..{head}", "--", cwd=path)


async def diff_of(path: Path, commit: str) -> bytes:
    """What one commit changes."""
    return await git("diff-tree", "-p", "--root", "--no-commit-id", "--full-index", commit, "--", cwd=path)


async def patch_of(path: Path, commit: str) -> bytes:
    return await git(
        "format-patch", "--stdout", "--root", "--full-index", "--no-signature", "-1", commit, "--", cwd=path
    )


async def rename_ref(path: Path, old: str, new: str) -> None:
    gitlib.opened(path).lookup_reference(old).rename(new)


async def set_head(path: Path, branch: str) -> None:
    """Which branch a clone checks out."""
    gitlib.opened(path).set_head(f"refs/heads/{branch}")


async def is_empty(path: Path) -> bool:
    return not await gitrepo.refs(path, "refs/heads/")
