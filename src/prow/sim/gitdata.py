"""git's objects of a bare repository: trees, blobs, commits, tags, differences; read and written without a working tree."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prow.sim.gitrepo import NOTHING, GitFailed, git, git_code

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"


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
    code, out, _ = await git_code("cat-file", "-t", sha, cwd=path)
    return out.decode().strip() if code == 0 else None


async def object_at(path: Path, name: str) -> str | None:
    """The sha of `commit:path`, of a ref, or of an abbreviation."""
    code, out, _ = await git_code("rev-parse", "--quiet", "--verify", "--end-of-options", name, cwd=path)
    return out.decode().strip() if code == 0 else None


async def tree(path: Path, treeish: str, *, recursive: bool = False) -> list[Entry] | None:
    """Its entries, with those of its folders when `recursive`; None: it is no tree."""
    flags = ["-r", "-t"] if recursive else []
    code, out, _ = await git_code("ls-tree", "--long", "-z", *flags, "--end-of-options", treeish, cwd=path)
    if code:
        return None
    found = []
    for row in out.decode("utf-8", "replace").split("\0"):
        if row:
            about, _, name = row.partition("\t")
            mode, kind, sha, size = about.split()
            found.append(Entry(mode, kind, sha, name, int(size) if size.isdecimal() else None))
    return found


async def entry(path: Path, commit: str, name: str) -> Entry | None:
    """What is at that path of a commit."""
    code, out, _ = await git_code("ls-tree", "--long", "-z", "--full-tree", commit, "--", f":(literal){name}", cwd=path)
    if code or not out:
        return None
    about, _, found = out.decode("utf-8", "replace").rstrip("\0").partition("\t")
    mode, kind, sha, size = about.split()
    return Entry(mode, kind, sha, found, int(size) if size.isdecimal() else None)


async def blob(path: Path, sha: str) -> bytes | None:
    code, out, _ = await git_code("cat-file", "blob", sha, cwd=path)
    return out if code == 0 else None


async def write_blob(path: Path, data: bytes) -> str:
    return (await git("hash-object", "-w", "--stdin", cwd=path, stdin=data or b"")).decode().strip()


async def write_tree(path: Path, base: str | None, entries: Sequence[tuple[str, str | None, str]], key: str) -> str:
    """A tree from another with changes: (mode, sha or None to take it away, path). `key` names the scratch file."""
    index = path / f"sim-index-{key}"
    env = {"GIT_INDEX_FILE": str(index)}
    try:
        await git("read-tree", *([base] if base else ["--empty"]), cwd=path, env=env)
        lines = [f"{mode if sha else '0'} {sha or NOTHING}\t{name}\0" for mode, sha, name in entries]
        if lines:
            await git("update-index", "-z", "--index-info", cwd=path, stdin="".join(lines).encode(), env=env)
        return (await git("write-tree", cwd=path, env=env)).decode().strip()
    finally:
        if index.exists():
            os.unlink(index)  # noqa: PTH108 - it may be gone by then


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
    code, out, _ = await git_code("merge-base", one, other, cwd=path)
    return out.decode().split()[0] if code == 0 else None


async def counts(path: Path, base: str, head: str) -> tuple[int, int]:
    """How many commits only the head has, and how many only the base."""
    out = await git("rev-list", "--left-right", "--count", f"{base}...{head}", "--", cwd=path)
    behind, ahead = out.decode().split()
    return int(ahead), int(behind)


async def only_in(path: Path, base: str, head: str, *, most: int) -> list[str]:
    """Commits that the head has and the base has not, oldest first."""
    out = await git("rev-list", "--topo-order", "--reverse", f"{base}..{head}", "--", cwd=path)
    return out.decode().split()[:most]


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
    sha = (await git("rev-parse", "--verify", "--end-of-options", old, cwd=path)).decode().strip()
    await git("update-ref", "--end-of-options", new, sha, cwd=path)
    await git("update-ref", "-d", "--end-of-options", old, cwd=path)


async def set_head(path: Path, branch: str) -> None:
    """Which branch a clone checks out."""
    await git("symbolic-ref", "HEAD", f"refs/heads/{branch}", cwd=path)


async def is_empty(path: Path) -> bool:
    code, out, _ = await git_code("for-each-ref", "--count=1", "refs/heads", cwd=path)
    if code:
        raise GitFailed("git for-each-ref failed")
    return not out.strip()
