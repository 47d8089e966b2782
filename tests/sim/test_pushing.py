"""git pushes: protected branches refuse with GitHub's words, old names lead on, archived repositories take nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.sim.gitrepo import git
from prow.sim.server import Sim
from prow.sim.state import Protection
from prow.sim.verbs import RepoStory
from tests.sim.support import Clone, simulated


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[Sim]:
    async with simulated(tmp_path, served=True) as sim:
        yield sim


@pytest.fixture
async def clone(sim: Sim, repo: RepoStory, tmp_path: Path) -> Clone:
    repo.collaborator("wernher", "admin")
    return await Clone.make(sim, tmp_path, "prow-bot")


async def test_a_branch_that_wants_reviews_takes_no_pushes(repo: RepoStory, clone: Clone) -> None:
    repo.protect(reviews=1, contexts=["unit"])
    await clone.commit("new.txt", "x\n")
    told = await clone.push("main")
    assert "GH006: Protected branch update failed for refs/heads/main." in told
    assert "Changes must be made through a pull request." in told
    assert 'Required status check "unit" is expected.' in told
    assert await clone.push("main:feature") == ""


async def test_administrators_push_unless_it_is_enforced(
    sim: Sim, repo: RepoStory, clone: Clone, tmp_path: Path
) -> None:
    repo.protect(reviews=1)
    admin = await Clone.make(sim, tmp_path, "wernher")
    await admin.commit("new.txt", "x\n")
    assert await admin.push("main") == ""
    repo.protect(reviews=1, enforce_admins=True)
    await admin.commit("more.txt", "x\n")
    assert "through a pull request" in await admin.push("main")


async def test_a_green_commit_may_be_pushed_where_only_checks_are_wanted(
    sim: Sim, repo: RepoStory, clone: Clone
) -> None:
    repo.protect(contexts=["unit"])
    await clone.commit("new.txt", "x\n")
    assert await clone.push("HEAD:refs/heads/try") == ""
    sha = (await git("rev-parse", "HEAD", cwd=clone.folder)).decode().strip()
    assert "is expected" in await clone.push("main")
    await sim.world.set_status(repo.repo, "checks", sha, context="unit", state="success")
    assert await clone.push("main") == ""


async def test_nobody_forces_or_deletes_a_protected_branch(sim: Sim, repo: RepoStory, tmp_path: Path) -> None:
    repo.collaborator("wernher", "admin")
    await repo.push("wernher", {"a": "a"}, branch="release")
    repo.protect("release")
    admin = await Clone.make(sim, tmp_path, "wernher")
    await admin.commit("new.txt", "x\n")
    assert "Cannot force-push to this protected branch" in await admin.push("--force", "main:release")
    assert "Cannot delete this protected branch" in await admin.push(":release")
    repo.repo.protections["release"] = Protection(force_pushes=True, deletions=True)
    assert await admin.push("--force", "main:release") == ""
    assert await admin.push(":release") == ""
    assert "deletion of the current branch" in await admin.push(":main")


async def test_a_linear_history_takes_no_merges(repo: RepoStory, clone: Clone) -> None:
    repo.repo.protections["main"] = Protection(linear=True)
    await git("checkout", "--quiet", "-b", "side", cwd=clone.folder)
    await clone.commit("side.txt", "x\n")
    await git("checkout", "--quiet", "main", cwd=clone.folder)
    await clone.commit("main.txt", "x\n")
    assert await clone.push("main") == ""
    await git("-c", "user.name=w", "-c", "user.email=w@x", "merge", "--quiet", "--no-edit", "side", cwd=clone.folder)
    assert "This branch must not contain merge commits." in await clone.push("main")


async def test_pushing_is_left_to_a_few(sim: Sim, repo: RepoStory, clone: Clone) -> None:
    repo.add_team("release", ["ada"])
    repo.repo.protections["main"] = Protection(pushers=frozenset(), push_teams=frozenset({"release"}))
    await clone.commit("new.txt", "x\n")
    assert "You're not authorized to push to this branch." in await clone.push("main")
    sim.world.org("acme").teams["release"].memberships |= {"prow-bot": sim.world.org("acme").memberships["prow-bot"]}
    assert await clone.push("main") == ""


async def test_pull_refs_are_githubs_own(repo: RepoStory, clone: Clone) -> None:
    pr = await repo.open_pull_request("mia", title="Fix it", files={"new.txt": "x\n"})
    await pr.expect_mergeable()
    assert "hidden ref" in await clone.push(f"HEAD:refs/pull/{pr.number}/head")
    listed = (await git("ls-remote", "origin", cwd=clone.folder)).decode()
    assert f"refs/pull/{pr.number}/head" in listed
    assert f"refs/pull/{pr.number}/merge" in listed
    assert "refs/sim" not in listed


async def test_an_archived_repository_is_read_only(repo: RepoStory, clone: Clone) -> None:
    repo.repo.archived = True
    await clone.commit("new.txt", "x\n")
    told = await clone.push("main")
    assert "This repository was archived so it is read-only." in told
    assert "403" in told
    await git("fetch", "--quiet", cwd=clone.folder)


async def test_git_follows_a_repository_to_its_new_name(sim: Sim, repo: RepoStory, clone: Clone) -> None:
    await sim.world.rename(repo.repo, "wernher", "gadgets")
    await git("fetch", "--quiet", cwd=clone.folder)
    await clone.commit("new.txt", "x\n")
    assert await clone.push("main") == ""
    assert await repo.file("new.txt") == "x\n"
