"""Where refs are, as the simulator says it and as git itself would."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from prow.sim import gitrepo, lsrefs

PREFIXES: tuple[tuple[str, ...], ...] = (
    (), ("refs/heads/main",), ("HEAD", "refs/heads/"), ("refs/heads/ma",), ("refs/heads/a/",), ("refs/tags/", "refs/pull/"),
    ("refs/heads/none",), ("refs/",), ("ref",), ("main", "refs/main", "refs/tags/main", "refs/heads/main"), ("refs/sim/",), ("../x", "refs/../HEAD"),
)  # fmt: skip
FLAGS: tuple[tuple[str, ...], ...] = ((), ("peel", "symrefs"), ("peel", "symrefs", "unborn"))


def packet(text: str) -> bytes:
    return b"%04x%s\n" % (len(text) + 5, text.encode())


def asking(prefixes: Iterable[str], flags: Iterable[str]) -> bytes:
    head = packet("command=ls-refs") + packet("agent=git/9") + packet("object-format=sha1")
    words = [*flags, *(f"ref-prefix {prefix}" for prefix in prefixes)]
    return head + b"0001" + b"".join(packet(word) for word in words) + b"0000"


@pytest.fixture
async def repo(tmp_path: Path) -> Path:
    path = tmp_path / "r.git"
    await gitrepo.create(path, "main")
    return path


async def test_it_is_what_git_says(repo: Path) -> None:
    sha = ""
    for branch in ("main", "main2", "a/main", "a/b/c"):
        sha = await gitrepo.commit(
            repo, branch, {"f": branch}, message=branch, author="w", when=1_700_000_000, parent=sha or None
        )
    who = {f"GIT_COMMITTER_{what}": "w@x" for what in ("NAME", "EMAIL")}
    for args in (("tag", "light"), ("tag", "-a", "-m", "A tag", "heavy"), ("tag", "-a", "-m", "Of a tag", "heavier", "heavy"), ("pack-refs", "--all")):  # fmt: skip
        await gitrepo.git(*args, cwd=repo, env=who)
    for ref in ("refs/pull/1/head", "refs/pull/1/merge", "refs/sim/hidden", "refs/heads/later", "refs/heads/main"):
        await gitrepo.update_ref(repo, ref, sha)
    await gitrepo.delete_ref(repo, "refs/heads/a/main")
    for prefixes in PREFIXES:
        await agrees(repo, prefixes, FLAGS[-1])
    for flags in FLAGS:
        await agrees(repo, (), flags)


async def test_it_is_what_git_says_of_an_empty_repository(repo: Path) -> None:
    for flags in FLAGS:
        await agrees(repo, ("HEAD", "refs/heads/"), flags)


async def agrees(repo: Path, prefixes: Iterable[str], flags: Iterable[str]) -> None:
    body = asking(prefixes, flags)
    asked = lsrefs.question(body)
    assert asked is not None
    args = ("upload-pack", "--stateless-rpc", str(repo))
    theirs = await gitrepo.git(*args, stdin=body, env={"GIT_PROTOCOL": "version=2"})
    assert await lsrefs.answer(repo, asked) == theirs, (prefixes, flags)


@pytest.mark.parametrize("body", [
    b"", b"0000", b"zzzz", b"0009x", asking((), ())[:-4], asking((), ("strange",)), asking((), ()).replace(b"ls-refs", b"fetch--"), packet("command=ls-refs") + b"0000",
])  # fmt: skip
def test_everything_else_is_left_to_git(body: bytes) -> None:
    assert lsrefs.question(body) is None
