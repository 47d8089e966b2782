"""Real bare repositories: refs, commits without a working tree, comparisons; by libgit2, and by the git command line for what goes
between repositories. Merges are in `gitmerge`.

Programs are started without a shell, with a clean environment. What touches a repository is asynchronous, whichever of the two does it.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import FileMode, SortMode

from prow.lib import open_work
from prow.sim import gitlib

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
}
NOTHING = "0" * 40
_SHA = re.compile(r"[0-9a-f]{40}")
_SETTINGS = """
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
	allowReachableSHA1InWant = true
	hideRefs = refs/sim
[receive]
	hideRefs = refs/pull
	hideRefs = refs/sim
[http]
	receivepack = true
[gc]
	auto = 0
"""


class GitFailed(Exception):
    """git ended with an error; the text is its standard error."""


async def git(
    *arguments: str, cwd: Path | None = None, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> bytes:
    """Run git and give its standard output."""
    code, out, err = await git_code(*arguments, cwd=cwd, stdin=stdin, env=env)
    if code:
        raise GitFailed(f"git {arguments[0]}: {err.decode('utf-8', 'replace').strip()}")
    return out


async def git_code(
    *arguments: str, cwd: Path | None = None, stdin: bytes = b"", env: Mapping[str, str] | None = None
) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and error. A call that is cancelled still lets git finish, so that no repository is left half written."""
    run = asyncio.get_running_loop().create_task(_run(arguments, cwd, stdin, {**ENVIRONMENT, **(env or {})}))
    try:
        return await asyncio.shield(run)
    except asyncio.CancelledError:
        await asyncio.wait({run})
        raise


async def _run(
    arguments: tuple[str, ...], cwd: Path | None, stdin: bytes, env: Mapping[str, str]
) -> tuple[int, bytes, bytes]:
    with open_work.counted():
        process = await asyncio.create_subprocess_exec(
            "git",
            "-c",
            "core.hooksPath=/dev/null",
            *arguments,
            cwd=cwd,
            env=env,
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin or None)
    return process.returncode or 0, out, err


async def create(path: Path, default_branch: str, *, family: Path | None = None) -> None:
    """A bare repository that serves partial clones and single commits, as GitHub does: what `git init` would write, without a process.

    `family`: a repository whose objects it shares, as forks do at GitHub: what one has, all have.
    """
    gitlib.forget(path)
    for folder in ("refs/heads", "refs/tags"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    if family is None:
        for folder in ("objects/info", "objects/pack"):
            (path / folder).mkdir(parents=True, exist_ok=True)
    else:
        _share(path, family)
    (path / "HEAD").write_text(f"ref: refs/heads/{default_branch}\n")
    (path / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n")
    _configure(path)


def _share(path: Path, family: Path) -> None:
    objects = (family / "objects").resolve()
    (path / "objects").symlink_to(os.path.relpath(objects, path.resolve()), target_is_directory=True)


def _configure(path: Path) -> None:
    with (path / "config").open("a") as config:  # what `git config` would do, in five processes less
        config.write(_SETTINGS)


def are_family(path: Path, other: Path) -> bool:
    """Whether they share their objects."""
    return (path / "objects").samefile(other / "objects")


def remove(path: Path, others: Iterable[Path]) -> None:
    """Away with it. When it keeps the objects of forks among the `others`, one of them keeps them from then on."""
    gitlib.forget(path)
    objects = path / "objects"
    if not objects.is_symlink():
        heirs = [other for other in others if (other / "objects").is_symlink() and are_family(path, other)]
        for number, heir in enumerate(heirs):
            gitlib.forget(heir)
            (heir / "objects").unlink()
            if number:
                _share(heir, heirs[0])
            else:
                objects.rename(heir / "objects")
    shutil.rmtree(path, ignore_errors=True)


async def copy(source: Path, target: Path) -> None:
    """A bare copy with all branches and tags."""
    target.parent.mkdir(parents=True, exist_ok=True)
    await git("clone", "--quiet", "--bare", "--no-hardlinks", str(source), str(target))
    gitlib.forget(target)
    _configure(target)


async def refs(path: Path, below: str = "refs/") -> dict[str, str]:
    """Every ref and what it points to; `below`: only those of this folder, which ends with a slash."""
    found = {}
    for line in _packed(path).splitlines():
        sha, _, name = line.partition(" ")
        if _SHA.fullmatch(sha) and name.startswith(below):
            found[name] = sha
    for folder, _, files in os.walk(path / below):
        for file in files:
            name = os.path.relpath(os.path.join(folder, file), path)  # noqa: PTH118 - thousands of them
            at = stored(path, name)
            if at is not None:
                found[name] = at
    return found


async def resolve(path: Path, ref: str) -> str | None:
    """The commit that a ref or a name of a commit stands for."""
    try:
        if "\0" in ref:
            return None
        return str(gitlib.opened(path).revparse_single(ref).peel(pygit2.Commit).id)
    except gitlib.MISSING:
        return None


def is_sha(name: str) -> bool:
    return _SHA.fullmatch(name) is not None


def stored(path: Path, ref: str) -> str | None:
    """What stands in the file of a ref, or in that of packed ones; without a process. Branches stand for commits."""
    if ".." in ref:
        return None
    try:
        found = (path / ref).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        end = f" {ref}"
        lines = _packed(path).splitlines()
        found = next((line[:40] for line in lines if line.endswith(end)), "")
    return found if _SHA.fullmatch(found) else None


def _packed(path: Path) -> str:
    try:
        return (path / "packed-refs").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return ""


async def update_ref(path: Path, ref: str, sha: str) -> None:
    try:
        gitlib.opened(path).references.create(ref, sha, force=True)
    except gitlib.MISSING as error:
        raise GitFailed(f"{ref} cannot be moved to {sha}: {error}") from error


async def valid_branch(name: str) -> bool:
    """git's own judgement on a name that comes from outside."""
    return "\0" not in name and pygit2.reference_is_valid_name(f"refs/heads/{name}")


async def delete_ref(path: Path, ref: str) -> None:
    with suppress(KeyError):
        gitlib.opened(path).references.delete(ref)


async def commit(
    path: Path,
    branch: str,
    files: Mapping[str, str | bytes | None],
    *,
    message: str,
    author: str,
    when: int,
    parent: str | None,
) -> str:
    """Write a commit on `branch`: as `make_commit`, and the branch moves."""
    sha = await make_commit(path, files, message=message, author=author, when=when, parent=parent)
    await update_ref(path, f"refs/heads/{branch}", sha)
    return sha


async def make_commit(
    path: Path,
    files: Mapping[str, str | bytes | None],
    *,
    message: str,
    author: str,
    when: int,
    parent: str | None,
    by: tuple[str, str] | None = None,
) -> str:
    """Write a commit; no ref moves. A file (or a folder) that is None is removed; a name that ends in `.sh` is executable. `by`: name
    and address in place of the author's."""
    repo = gitlib.opened(path)
    name, email = by or (author, f"{author}@users.noreply.example")
    who = pygit2.Signature(name, email, when, 0)
    index = pygit2.Index()
    try:
        if parent:
            index.read_tree(repo[parent].peel(pygit2.Tree))
        for file, content in files.items():
            if content is None:
                _remove(index, file)
            else:
                data = content.encode() if isinstance(content, str) else content
                mode = FileMode.BLOB_EXECUTABLE if file.endswith(".sh") else FileMode.BLOB
                index.add(pygit2.IndexEntry(file, repo.create_blob(data), mode))
        return str(repo.create_commit(None, who, who, message, index.write_tree(repo), [parent] if parent else []))
    except gitlib.MISSING as error:
        raise GitFailed(f"the commit was not made: {error}") from error


def _remove(index: pygit2.Index, name: str) -> None:
    if name in index:
        index.remove(name)
    for entry in [one for one in index if one.path.startswith(f"{name}/")]:
        index.remove(entry.path)


async def fetch(path: Path, source: Path, ref: str, target: str = "") -> None:
    """Copy a ref, or a commit that may have left its branch already, with its objects from another repository on this disk."""
    if not are_family(path, source):
        spec = f"+{ref}:{target}" if target else ref
        await git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(source), spec, cwd=path)
        return
    if ref.endswith("/*"):
        for name, sha in (await refs(source, ref.removesuffix("*"))).items():
            await update_ref(path, target.removesuffix("*") + name.removeprefix(ref.removesuffix("*")), sha)
        return
    found = await resolve(source, ref)
    if found is None:
        raise GitFailed(f"git fetch: {ref} is not there")
    if target:
        await update_ref(path, target, found)


async def read_file(path: Path, commit_sha: str, name: str) -> bytes | None:
    try:
        found = gitlib.opened(path).revparse_single(commit_sha).peel(pygit2.Tree)[name]
    except gitlib.MISSING:
        return None
    return found.data if isinstance(found, pygit2.Blob) else None


@dataclass(frozen=True)
class Compared:
    """From a base to a head. `commits`: those that only the head has, oldest first, each with its parents."""

    commits: tuple[tuple[str, tuple[str, ...]], ...]
    behind: bool

    @property
    def linear(self) -> bool:
        return all(len(parents) == 1 for _, parents in self.commits)


async def compare(path: Path, base: str, head: str) -> Compared:
    repo = gitlib.opened(path)
    _, behind = repo.ahead_behind(head, base)
    ahead = tuple((str(one.id), tuple(str(parent) for parent in one.parent_ids)) for one in only_in(repo, base, head))
    return Compared(ahead, behind=behind > 0)


def only_in(repo: pygit2.Repository, base: str, head: str) -> Iterator[pygit2.Commit]:
    """Commits that the head has and the base has not, oldest first."""
    walker = repo.walk(head, SortMode.TOPOLOGICAL | SortMode.REVERSE)
    walker.hide(base)
    return iter(walker)


async def is_ancestor(path: Path, older: str, newer: str) -> bool:
    try:
        return older == newer or gitlib.opened(path).descendant_of(newer, older)
    except gitlib.MISSING:
        return False
