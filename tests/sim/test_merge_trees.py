"""Merges that leave nothing to judge are made without git, and are what git makes of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prow.sim import gitmerge, gitrepo

START = {"a.txt": "a\n", "lib/b.txt": "b\n", "lib/deep/c.txt": "c\n", "d.txt": "".join(f"{n}\n" for n in range(20))}
NAMES = ("a.txt", "lib/b.txt", "lib/deep/c.txt", "d.txt", "new.txt", "lib/new.txt", "lib", "a.txt/under", "docs/x.txt")
CHANGES = st.lists(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(["1\n", "2\n", None]), min_size=1, max_size=3),
    min_size=1,
    max_size=3,
)


async def branch(path: Path, name: str, changes: list[dict[str, str | None]], start: str) -> str:
    tip = start
    for number, files in enumerate(changes):
        tip = await gitrepo.commit(path, name, files, message=name, author="mia", when=number, parent=tip)
    return tip


@pytest.fixture
async def repo(tmp_path: Path) -> tuple[Path, str]:
    path = tmp_path / "r.git"
    await gitrepo.create(path, "main")
    return path, await gitrepo.commit(path, "main", START, message="x", author="mia", when=0, parent=None)


async def judged_by_git(path: Path, ours: str, theirs: str) -> str | None:
    code, out, _ = await gitrepo.git_code("merge-tree", "--write-tree", ours, theirs, cwd=path)
    return out.decode().splitlines()[0] if code == 0 else None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ours=CHANGES, theirs=CHANGES)
async def test_every_merge_is_what_git_makes_of_it(
    repo: tuple[Path, str], ours: list[dict[str, str | None]], theirs: list[dict[str, str | None]]
) -> None:
    path, start = repo
    one, other = await branch(path, "ours", ours, start), await branch(path, "theirs", theirs, start)
    assert await gitmerge.tree_of_merge(path, one, other) == await judged_by_git(path, one, other)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ours=CHANGES, theirs=CHANGES)
async def test_what_is_said_to_be_rebased_without_conflict_is(
    repo: tuple[Path, str], ours: list[dict[str, str | None]], theirs: list[dict[str, str | None]]
) -> None:
    path, start = repo
    base, head = await branch(path, "ours", ours, start), await branch(path, "theirs", theirs, start)
    compared = await gitrepo.compare(path, base, head)
    rebased = await gitmerge.rebase(path, base, compared, when=0)
    assert await gitmerge.rebases(path, base, compared, when=0) == (rebased is not None)


async def test_a_moved_folder_is_for_git_to_judge(repo: tuple[Path, str]) -> None:
    path, start = repo
    moved: dict[str, str | None] = {
        "lib/b.txt": None,
        "src/b.txt": "b\n",
        "lib/deep/c.txt": None,
        "src/deep/c.txt": "c\n",
    }
    ours = await branch(path, "ours", [moved], start)
    theirs = await branch(path, "theirs", [{"lib/new.txt": "new\n"}], start)
    tree = await gitmerge.tree_of_merge(path, ours, theirs)
    assert tree == await judged_by_git(path, ours, theirs)
