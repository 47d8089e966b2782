"""Forks share their objects with what they were made of, as at GitHub: nothing is copied, and nothing goes away with one of them."""

from __future__ import annotations

from prow.sim import gitrepo
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory


async def test_a_commit_of_a_fork_is_there_for_the_whole_family(sim: Sim, repo: RepoStory) -> None:
    fork = await sim.world.fork(repo.repo, "mia")
    sha = await sim.world.commit(fork, "mia", "change", {"new.txt": "new\n"}, message="Change")
    assert gitrepo.are_family(repo.repo.path, fork.path)
    assert await gitrepo.resolve(repo.repo.path, sha) == sha
    assert await gitrepo.resolve(repo.repo.path, "refs/heads/change") is None


async def test_forks_outlive_what_they_were_made_of(sim: Sim, repo: RepoStory) -> None:
    forks = [await sim.world.fork(repo.repo, login) for login in ("mia", "hedy", "zoe")]
    tip = await repo.tip()
    await sim.world.delete_repo(repo.repo, "wernher")
    assert not repo.repo.path.exists()
    for fork in forks:
        await gitrepo.git("fsck", "--strict", cwd=fork.path)
        assert await gitrepo.resolve(fork.path, "refs/heads/main") == tip
        await sim.world.commit(fork, fork.owner, "main", {"more.txt": fork.owner}, message="More")
    assert all(gitrepo.are_family(forks[0].path, fork.path) for fork in forks[1:])
