"""Real bare repositories by the git command line: refs, commits without a working tree, comparisons. Merges are in `gitmerge`.

Programs are started without a shell, with a clean environment; names of branches are checked by git itself.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from prow.lib import open_work

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
_MOST_KNOWN = 50_000
_known: dict[Path, set[str]] = {}
"""Commits that a repository has: it never throws any away."""
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


async def create(path: Path, default_branch: str) -> None:
    """A bare repository that serves partial clones and single commits, as GitHub does: what `git init` would write, without a process."""
    for folder in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    (path / "HEAD").write_text(f"ref: refs/heads/{default_branch}\n")
    (path / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n")
    await _configure(path)


async def _configure(path: Path) -> None:
    _known.pop(path, None)
    with (path / "config").open("a") as config:  # what `git config` would do, in five processes less
        config.write(_SETTINGS)


async def copy(source: Path, target: Path) -> None:
    """A bare copy with all branches and tags."""
    target.parent.mkdir(parents=True, exist_ok=True)
    await git("clone", "--quiet", "--bare", "--no-hardlinks", str(source), str(target))
    await _configure(target)


async def refs(path: Path) -> dict[str, str]:
    """Every ref and its commit."""
    out = await git("for-each-ref", "--format=%(refname) %(objectname)", cwd=path)
    return dict(line.split(" ", 1) for line in out.decode().splitlines())


async def resolve(path: Path, ref: str) -> str | None:
    """The commit that a ref or a name of a commit stands for. What stands in a file or was seen before is not asked of git again."""
    if ref.startswith("refs/heads/"):
        sha = stored(path, ref)
        if sha is not None:
            return sha
    if ref in _known.get(path, ()):
        return ref
    code, out, _ = await git_code("rev-parse", "--quiet", "--verify", "--end-of-options", f"{ref}^{{commit}}", cwd=path)
    if code:
        return None
    sha = out.decode().strip()
    if sha == ref:
        known = _known.setdefault(path, set())
        if len(known) >= _MOST_KNOWN:
            known.clear()
        known.add(sha)
    return sha


def is_sha(name: str) -> bool:
    return _SHA.fullmatch(name) is not None


def stored(path: Path, ref: str) -> str | None:
    """What stands in the file of a ref, or in that of packed ones; without a process. Branches stand for commits."""
    if ".." in ref:
        return None
    try:
        found = (path / ref).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return _packed(path, ref)
    return found if _SHA.fullmatch(found) else None


def _packed(path: Path, ref: str) -> str | None:
    try:
        text = (path / "packed-refs").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    end = f" {ref}"
    return next((line[:40] for line in text.splitlines() if line.endswith(end) and _SHA.fullmatch(line[:40])), None)


async def update_ref(path: Path, ref: str, sha: str) -> None:
    await git("update-ref", "--end-of-options", ref, sha, cwd=path)


async def valid_branch(name: str) -> bool:
    """git's own judgement on a name that comes from outside."""
    code, _, _ = await git_code("check-ref-format", f"refs/heads/{name}")
    return code == 0


async def delete_ref(path: Path, ref: str) -> None:
    await git("update-ref", "-d", "--end-of-options", ref, cwd=path)


async def commit(
    path: Path,
    branch: str,
    files: Mapping[str, str | bytes | None],
    *,
    message: str,
    author: str,
    when: int,
    parent: str | None,
    by: tuple[str, str] | None = None,
) -> str:
    """Write a commit on `branch` by fast-import. A file that is None is removed; a name that ends in `.sh` is executable. `by`: name
    and address in place of the author's."""
    name, email = by or (author, f"{author}@users.noreply.example")
    who = f"{name} <{email}> {when} +0000"
    text = message.encode()
    lines = [
        b"commit refs/heads/%s\n" % branch.encode(),
        b"mark :1\n",
        b"author %s\ncommitter %s\n" % (who.encode(), who.encode()),
    ]
    lines.append(b"data %d\n%s\n" % (len(text), text))
    if parent:
        lines.append(b"from %s\n" % parent.encode())
    for path_of, content in files.items():
        quoted = b'"' + path_of.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
        if content is None:
            lines.append(b"D %s\n" % quoted)
        else:
            data = content.encode() if isinstance(content, str) else content
            mode = b"100755" if path_of.endswith(".sh") else b"100644"
            lines.append(b"M %s inline %s\ndata %d\n%s\n" % (mode, quoted, len(data), data))
    await git("fast-import", "--quiet", "--force", cwd=path, stdin=b"".join(lines))
    sha = await resolve(path, f"refs/heads/{branch}")
    if sha is None:
        raise GitFailed(f"the commit on {branch} was not made")
    return sha


async def fetch(path: Path, source: Path, ref: str, target: str = "") -> None:
    """Copy a ref, or a commit that may have left its branch already, with its objects from another repository on this disk."""
    spec = f"+{ref}:{target}" if target else ref
    await git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(source), spec, cwd=path)


async def changed_files(path: Path, base: str, head: str) -> list[dict[str, object]]:
    """The files of a pull request: against the merge base, with numbers of lines."""
    code, out, _ = await git_code("merge-base", "--end-of-options", base, head, cwd=path)
    start = out.decode().strip() if code == 0 else base
    numbers = await git("diff", "--numstat", "--no-renames", "-z", start, head, "--", cwd=path)
    states = await git("diff", "--name-status", "--no-renames", "-z", start, head, "--", cwd=path)
    words = {"A": "added", "D": "removed", "M": "modified", "T": "changed"}
    fields = states.decode("utf-8", "replace").split("\0")
    kinds = dict(zip(fields[1::2], fields[0::2], strict=False))
    found: list[dict[str, object]] = []
    for row in numbers.decode("utf-8", "replace").split("\0"):
        if row:
            added, removed, name = row.split("\t", 2)
            plus, minus = (int(n) if n.isdigit() else 0 for n in (added, removed))
            found.append(
                {
                    "sha": NOTHING,
                    "filename": name,
                    "status": words.get(kinds.get(name, "M")[:1], "modified"),
                    "additions": plus,
                    "deletions": minus,
                    "changes": plus + minus,
                }
            )
    return found


async def read_file(path: Path, commit_sha: str, name: str) -> bytes | None:
    code, out, _ = await git_code("cat-file", "blob", f"{commit_sha}:{name}", cwd=path)
    return out if code == 0 else None


@dataclass(frozen=True)
class Compared:
    """From a base to a head. `commits`: those that only the head has, oldest first, each with its parents."""

    commits: tuple[tuple[str, tuple[str, ...]], ...]
    behind: bool

    @property
    def linear(self) -> bool:
        return all(len(parents) == 1 for _, parents in self.commits)


async def compare(path: Path, base: str, head: str) -> Compared:
    out = await git(
        "rev-list", "--left-right", "--parents", "--topo-order", "--reverse", f"{base}...{head}", "--", cwd=path
    )
    rows = [line.split() for line in out.decode().splitlines()]
    ahead = tuple((row[0][1:], tuple(row[1:])) for row in rows if row[0].startswith(">"))
    return Compared(ahead, behind=any(row[0].startswith("<") for row in rows))


async def is_ancestor(path: Path, older: str, newer: str) -> bool:
    code, _, _ = await git_code("merge-base", "--is-ancestor", older, newer, cwd=path)
    return code == 0


async def merged_heads(path: Path, commit_sha: str) -> frozenset[int]:
    """Numbers of the pull requests whose heads a commit contains."""
    out = await git("for-each-ref", f"--merged={commit_sha}", "--format=%(refname)", "refs/pull/*/head", cwd=path)
    return frozenset(int(name.split("/")[2]) for name in out.decode().split())
