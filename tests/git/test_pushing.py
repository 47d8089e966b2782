"""Commits that go back: to the repository, to a fork, from the value that was known, and what refusals mean."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prow.git.commits import Writing
from prow.git.errors import EmptyRepository, NoSuchRepository, PushRefused, Refusal
from prow.git.merging import cherry_pick_range, merge_heads
from prow.git.model import NOTHING, Identity, Made, Strategy
from prow.git.pushing import Fork, Update, heads, push
from prow.sim import gitrepo
from tests.git.support import Hub, World, hub_in

MAIN = "refs/heads/main"
PICK = "refs/heads/cherry-pick-1-to-release"


class Picked:
    """`made`: a commit of the mirror on top of `base`, that nobody else has yet."""

    def __init__(self, world: World, base: str, made: str) -> None:
        self.world = world
        self.base = base
        self.made = made

    async def remote(self, ref: str = MAIN) -> str | None:
        return await gitrepo.resolve(self.world.remote, ref)


@pytest.fixture
async def picked(world: World) -> Picked:
    base = await world.commit({"f": "1\n", "large": "x\n" * 1000})
    one = await world.commit({"f": "2\n"}, start=base, branch="one")
    two = await world.commit({"g": "1\n"}, start=base, branch="two")
    await world.mirror.ensure([one, two])
    made = await merge_heads(world.mirror, one, [two], Strategy.MERGE)
    assert isinstance(made, Made)
    return Picked(world, base, made.commit)


async def test_a_commit_becomes_a_new_branch(picked: Picked) -> None:
    await push(picked.world.mirror, [Update(PICK, picked.made, NOTHING)])
    assert await picked.remote(PICK) == picked.made
    assert await picked.world.raw("show", f"{PICK}:f") == "2"


async def test_a_branch_moves_forward(picked: Picked) -> None:
    await push(picked.world.mirror, [Update(MAIN, picked.made)])
    assert await picked.remote() == picked.made
    await push(picked.world.mirror, [Update(MAIN, picked.made)])
    with pytest.raises(PushRefused) as caught:
        await push(picked.world.mirror, [Update(MAIN, picked.base)])
    assert caught.value.reason is Refusal.NON_FAST_FORWARD


async def test_a_branch_is_replaced_only_from_the_value_that_was_known(picked: Picked) -> None:
    mirror = picked.world.mirror
    await push(mirror, [Update(MAIN, picked.made, picked.base)])
    await push(mirror, [Update(MAIN, picked.base, picked.made)])
    with pytest.raises(PushRefused) as caught:
        await push(mirror, [Update(MAIN, picked.made, "1" * 40)])
    assert caught.value.reason is Refusal.MOVED
    with pytest.raises(PushRefused) as caught:
        await push(mirror, [Update(MAIN, picked.made, NOTHING)])
    assert caught.value.reason is Refusal.MOVED
    assert await picked.remote() == picked.base


async def test_several_refs_move_together_or_not_at_all(picked: Picked) -> None:
    mirror = picked.world.mirror
    with pytest.raises(PushRefused):
        await push(mirror, [Update(PICK, picked.made, NOTHING), Update(MAIN, picked.made, "1" * 40)])
    assert await picked.remote(PICK) is None
    await push(mirror, [Update(PICK, picked.made, NOTHING), Update("refs/heads/one", NOTHING)])
    assert (await picked.remote(PICK), await picked.remote("refs/heads/one")) == (picked.made, None)


@pytest.mark.parametrize(("hook", "reason"), [
    ("echo 'GH006: Protected branch update failed for refs/heads/main.' >&2; exit 1", Refusal.PROTECTED),
    ("echo 'GH013: Repository rule violations found' >&2; exit 1", Refusal.PROTECTED),
    ("echo 'no commits on Fridays' >&2; exit 1", Refusal.HOOK_DECLINED),
])  # fmt: skip
async def test_a_refusal_tells_its_reason_and_what_the_server_said(picked: Picked, hook: str, reason: Refusal) -> None:
    hooks = picked.world.remote / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "pre-receive").write_text(f"#!/bin/sh\n{hook}\n")
    (hooks / "pre-receive").chmod(0o755)
    with pytest.raises(PushRefused, match=hook[6:20]) as caught:
        await push(picked.world.mirror, [Update(MAIN, picked.made)])
    assert caught.value.reason is reason
    assert await picked.remote() == picked.base


async def test_the_branches_of_a_remote_are_listed(picked: Picked) -> None:
    found = await heads(picked.world.mirror)
    assert found.default == "main"
    assert set(found.branches) == {"main", "one", "two"}
    assert found.branches["main"] == picked.base
    await gitrepo.create(picked.world.remote.parent.parent / "bot" / "rockets", "main")
    with pytest.raises(EmptyRepository):
        await heads(picked.world.mirror, of=Fork("bot", "rockets"))
    with pytest.raises(NoSuchRepository):
        await heads(picked.world.mirror, of=Fork("bot", "none"))


# Over HTTP, with rights


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    async with hub_in(tmp_path, {"f": "1\n", "docs/large": "x\n" * 1000}) as made:
        yield made


async def test_a_cherry_pick_goes_to_the_fork_of_the_bot(hub: Hub) -> None:
    sim, repo, world = hub.sim, hub.repo, hub.world
    await repo.push("wernher", {"old": "1\n"}, branch="release")
    pull = await repo.open_pull_request("mia", title="Fix", files={"f": "2\n"})
    await pull.push({"g": "1\n"}, message="And more")
    fork = await sim.world.fork(repo.repo, "prow-bot")
    await world.mirror.fetch(["refs/heads/release", "refs/heads/main", f"refs/pull/{pull.number}/head"])
    onto = await world.mirror.resolve("refs/heads/release")
    how = Writing(committer=Identity("prow-bot", "bot@example.com"), sign_off=True)
    made = await cherry_pick_range(world.mirror, onto, base=await repo.tip(), head=pull.head_sha, writing=how)
    assert isinstance(made, Made)
    await push(world.mirror, [Update(PICK, made.commit, NOTHING)], to=Fork("prow-bot", "rockets"))
    assert await gitrepo.resolve(fork.path, PICK) == made.commit
    assert (
        await gitrepo.git("log", "--format=%an %s", f"{onto}..{made.commit}", cwd=fork.path)
    ).decode().splitlines() == ["mia And more", "mia Fix"]
    assert (await heads(world.mirror, of=Fork("prow-bot", "rockets"))).branches[
        PICK.removeprefix("refs/heads/")
    ] == made.commit


async def test_who_may_not_write_is_told_so(hub: Hub) -> None:
    repo, world = hub.repo, hub.world
    await world.mirror.fetch([MAIN])
    base = await world.mirror.resolve(MAIN)
    with pytest.raises(PushRefused) as caught:
        await push(world.mirror, [Update(PICK, base, NOTHING)])
    assert caught.value.reason is Refusal.NO_PERMISSION
    repo.collaborator("prow-bot", "write")
    await push(world.mirror, [Update(PICK, base, NOTHING)])
    with pytest.raises(NoSuchRepository):
        await push(world.mirror, [Update(PICK, base, NOTHING)], to=Fork("prow-bot", "none"))


async def test_the_rules_of_a_protected_branch_hold_for_pushes(hub: Hub) -> None:
    repo, world = hub.repo, hub.world
    repo.collaborator("prow-bot", "write")
    repo.protect(contexts=["ci/unit"])
    other = await repo.push("wernher", {"f": "2\n"}, branch="other")
    await world.mirror.fetch([MAIN])
    await world.mirror.ensure([other])
    with pytest.raises(PushRefused, match=r"ci/unit|rotected") as caught:
        await push(world.mirror, [Update(MAIN, other)])
    assert caught.value.reason is Refusal.PROTECTED
    assert await repo.tip() != other
