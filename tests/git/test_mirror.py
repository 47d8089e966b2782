"""Mirrors of real repositories, served by the simulated GitHub over HTTP."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.git.client import Git
from prow.git.errors import NoSuchFile, NoSuchRef
from prow.git.merging import try_merge
from prow.git.mirror import Mirror, Mirrors
from prow.lib.clock import SystemClock
from prow.lib.errors import ProwError, UsageError
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory


class World:
    def __init__(self, sim: Sim, repo: RepoStory, mirrors: Mirrors) -> None:
        self.sim = sim
        self.repo = repo
        self.mirrors = mirrors

    @property
    def mirror(self) -> Mirror:
        return self.mirrors.mirror("acme", "rockets")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    sim = Sim(tmp_path / "github")
    sim.world.org("acme")
    async with sim.serve() as url:
        repo = await RepoStory.create(sim, "acme/rockets", files={"OWNERS": "approvers: [a]\n", "docs/a.md": "a\n"})
        (tmp_path / "home").mkdir()
        git = await Git.open(SystemClock(), home=tmp_path / "home")
        mirrors = Mirrors(git, clock=SystemClock(), folder=tmp_path / "mirrors", base=url)
        yield World(sim, repo, mirrors)
        await mirrors.aclose()


async def test_files_are_read_at_a_commit_without_a_checkout(world: World) -> None:
    sha = await world.repo.push("wernher", {"OWNERS": "approvers: [b]\n"})
    await world.mirror.ensure([sha])
    assert await world.mirror.read_file(sha, "OWNERS") == b"approvers: [b]\n"
    assert {entry.path for entry in await world.mirror.list_tree(sha)} == {"OWNERS", "docs/a.md"}
    with pytest.raises(NoSuchFile):
        await world.mirror.read_file(sha, "none")


async def test_merges_are_tried_without_a_working_tree(world: World) -> None:
    base = await world.repo.push("wernher", {"x": "base\n"})
    one = await world.repo.push("wernher", {"x": "one\n"}, branch="one", start=base)
    other = await world.repo.push("wernher", {"x": "other\n"}, branch="other", start=base)
    free = await world.repo.push("wernher", {"y": "free\n"}, branch="free", start=base)
    await world.mirror.ensure([one, other, free])
    assert (await try_merge(world.mirror, one, other)).conflicts == ("x",)
    merge = await try_merge(world.mirror, one, free)
    assert merge.clean
    assert await world.mirror.read_file(merge.tree, "y") == b"free\n"
    assert await world.mirror.changed_files(base, one) == ("x",)


async def test_a_damaged_mirror_is_made_again(world: World, tmp_path: Path) -> None:
    sha = await world.repo.push("wernher", {"x": "1\n"})
    await world.mirror.ensure([sha])
    for head in (tmp_path / "mirrors").rglob("HEAD"):
        head.write_bytes(b"garbage")
    assert await world.mirror.read_file(sha, "x") == b"1\n"


@pytest.mark.parametrize("name", ["..", "a/b", "a b", "--upload-pack=touch /tmp/owned", ""])
def test_hostile_names_never_reach_git(world: World, name: str) -> None:
    with pytest.raises(ProwError):
        world.mirrors.mirror("acme", name)


@pytest.mark.parametrize("ref", ["--output=/tmp/owned", "..", "refs/heads/..", "a:b"])
async def test_hostile_refs_are_refused(world: World, ref: str) -> None:
    with pytest.raises((ProwError, NoSuchRef)):
        await world.mirror.resolve(ref)


async def test_a_missing_git_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"git 2\.38 or newer is needed"):
        await Git.open(SystemClock(), home=tmp_path, program="git-that-is-not-there", environ=dict(os.environ))
