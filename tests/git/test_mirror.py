"""Mirrors of real repositories, served by the simulated GitHub over HTTP: what is asked of it, and what its refusals mean."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from prow.git.client import Git
from prow.git.errors import (
    BadCredentials,
    EmptyRepository,
    GitFailed,
    NoAccess,
    NoSuchFile,
    NoSuchRef,
    NoSuchRepository,
)
from prow.git.finder import Finder
from prow.git.locks import held_if_free, use_lock
from prow.git.merging import merged_tree, try_merge
from prow.git.model import Strategy
from prow.git.pushing import heads
from prow.lib.clock import SystemClock
from prow.lib.errors import ProwError, UsageError
from prow.sim import gitrepo
from tests.git.support import Hub, World, hub_in, processes, world_in

FILES = {
    "OWNERS": "approvers: [a]\n", "docs/OWNERS": "approvers: [b]\n", "docs/a.md": "a\n",
    ".prow/one.yaml": "presubmits: {}\n", ".prow/two.yaml": "postsubmits: {}\n", "code": "".join(f"{n}\n" for n in range(30)),
}  # fmt: skip


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    async with hub_in(tmp_path, FILES) as made:
        yield made


def requests_for(kind: str) -> float:
    return REGISTRY.get_sample_value("prow_git_fetches_total", {"kind": kind}) or 0.0


async def test_a_first_look_at_many_files_costs_two_requests(hub: Hub) -> None:
    finder = Finder(lambda path: path.rpartition("/")[2] == "OWNERS")
    await hub.mirror.fetch(["refs/heads/main"])
    commit = await hub.mirror.resolve("refs/heads/main")
    assert commit == await hub.repo.tip()
    entries = await hub.mirror.find(commit, finder)
    files = await hub.mirror.read_files(commit, entries, max_file=1000)
    assert files == {"OWNERS": b"approvers: [a]\n", "docs/OWNERS": b"approvers: [b]\n"}
    assert hub.watched.fetches == 2
    assert (await hub.mirror.read_files(commit, entries, max_file=1000)) == files
    await hub.mirror.ensure([commit])
    assert hub.watched.fetches == 2
    with pytest.raises(NoSuchFile, match="acme/rockets has no none in"):
        await hub.mirror.read_file(commit, "none")


async def test_a_merge_gets_all_that_it_needs_in_one_request(hub: Hub) -> None:
    """Changed on both sides, and renamed: git alone would ask for one after the other."""
    base = await hub.repo.push("wernher", {f"f{n}": FILES["code"] + f"{n}\n" for n in range(5)})
    edits: dict[str, str | bytes | None] = {
        f"f{n}": FILES["code"].replace("\n3\n", "\nthree\n") + f"{n}\n" for n in range(5)
    }
    one = await hub.repo.push("wernher", edits, branch="one", start=base)
    other: dict[str, str | bytes | None] = {f"f{n}": "top\n" + FILES["code"] + f"{n}\n" for n in range(4)}
    other |= {"f4": None, "moved": FILES["code"].replace("\n25\n", "\nmoved\n") + "4\n"}
    two = await hub.repo.push("wernher", other, branch="two", start=base)
    await hub.mirror.ensure([one, two])
    before = hub.watched.fetches
    merge = await try_merge(hub.mirror, one, two)
    assert merge.clean
    assert hub.watched.fetches - before <= 1
    assert b"\nthree\n" in await hub.mirror.read_file(merge.tree, "moved")
    assert await merged_tree(hub.mirror, one, [two], Strategy.SQUASH) == merge.tree
    assert hub.watched.fetches - before <= 1


async def test_what_is_asked_for_together_is_fetched_together(hub: Hub) -> None:
    shas = [await hub.repo.push("wernher", {"x": f"{n}\n"}, branch=f"b{n}") for n in range(3)]
    hub.watched.go.clear()
    first = asyncio.create_task(hub.mirror.ensure([shas[0]]))
    await hub.watched.arrived.wait()
    rest = [
        asyncio.create_task(hub.mirror.fetch([f"refs/heads/b{n}", sha])) for n, sha in enumerate(shas) for _ in range(3)
    ]
    hub.watched.go.set()
    await asyncio.gather(first, *rest)
    assert hub.watched.fetches == 2
    for n, sha in enumerate(shas):
        assert await hub.mirror.resolve(f"refs/heads/b{n}") == sha


async def test_contents_that_are_asked_for_together_are_fetched_together(hub: Hub) -> None:
    await hub.mirror.fetch(["refs/heads/main"])
    commit = await hub.mirror.resolve("refs/heads/main")
    before = hub.watched.fetches
    hub.watched.go.clear()
    hub.watched.arrived.clear()
    first = asyncio.create_task(hub.mirror.read_file(commit, "OWNERS"))
    await hub.watched.arrived.wait()
    paths = ("OWNERS", "docs/OWNERS", "docs/a.md", "docs/a.md", ".prow/one.yaml")
    rest = [asyncio.create_task(hub.mirror.read_file(commit, path)) for path in paths]
    while (batch := hub.mirror.local._contents._next) is None or len(batch.members) < len(rest):
        await SystemClock().sleep(0)
    first.cancel()  # the others do not suffer from it
    hub.watched.go.set()
    assert await asyncio.gather(*rest) == [FILES[path].encode() for path in paths]
    assert hub.watched.fetches - before == 2


async def test_contents_that_another_process_is_fetching_are_waited_for(hub: Hub) -> None:
    await hub.mirror.fetch(["refs/heads/main"])
    commit = await hub.mirror.resolve("refs/heads/main")
    before = hub.watched.fetches, requests_for("files")
    async with world_in(hub.world.folder, base=hub.sim.world.base, tokens=hub.tokens) as other:
        hub.watched.go.clear()
        hub.watched.arrived.clear()
        one = asyncio.create_task(hub.mirror.read_file(commit, "code"))
        await hub.watched.arrived.wait()
        two = asyncio.create_task(other.mirror.read_file(commit, "code"))
        while other.mirror.local._contents._next is None:
            await SystemClock().sleep(0)
        hub.watched.go.set()
        assert await one == await two
    assert (hub.watched.fetches, requests_for("files")) == (before[0] + 1, before[1] + 1)


async def test_a_mirror_stays_while_contents_come_for_somebody_who_gave_up(hub: Hub) -> None:
    await hub.mirror.fetch(["refs/heads/main"])
    commit = await hub.mirror.resolve("refs/heads/main")
    hub.watched.go.clear()
    hub.watched.arrived.clear()
    asked = asyncio.create_task(hub.mirror.read_file(commit, "code"))
    await hub.watched.arrived.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    with held_if_free(use_lock(hub.mirror.folder)) as unused:
        assert not unused
    hub.watched.go.set()
    await asyncio.gather(*hub.mirror.local._contents._tasks)
    with held_if_free(use_lock(hub.mirror.folder)) as unused:
        assert unused


async def test_a_wish_that_cannot_be_met_does_not_spoil_the_others(hub: Hub) -> None:
    await hub.mirror.fetch(["refs/heads/main"])
    gone, *rest = await asyncio.gather(
        hub.mirror.fetch(["refs/heads/gone"]),
        *(hub.mirror.fetch(["refs/heads/main"]) for _ in range(3)),
        return_exceptions=True,
    )
    assert isinstance(gone, NoSuchRef)
    assert rest == [None] * 3
    assert hub.watched.fetches == 1 + 1 + 1  # all together, then the wish that is left: main has not moved


async def test_a_branch_that_has_not_moved_is_not_fetched_again(hub: Hub) -> None:
    """One small request says so, and no process runs; a branch with a longer name is another one."""
    before = processes()
    await hub.repo.push("wernher", {"x": "1\n"}, branch="main2")
    await hub.mirror.fetch(["refs/heads/main"])
    tip = await hub.mirror.resolve("refs/heads/main")
    assert (hub.watched.fetches, processes() - before) == (1, 1)
    for _ in range(3):
        await hub.mirror.fetch(["refs/heads/main"])
        assert await hub.mirror.resolve("refs/heads/main") == tip
    assert (hub.watched.fetches, processes() - before) == (1, 1)
    moved = await hub.repo.push("wernher", {"x": "2\n"})
    await hub.mirror.fetch(["refs/heads/main"])
    assert await hub.mirror.resolve("refs/heads/main") == moved
    assert (hub.watched.fetches, processes() - before) == (2, 2)


async def test_a_server_that_does_not_say_where_its_refs_are_is_fetched_from(hub: Hub) -> None:
    """It is left alone for a minute: what it says, and that it redirects, is of no use."""
    await hub.mirror.fetch(["refs/heads/main"])
    before = len(hub.watched.requests)
    hub.watched.answers["/git-upload-pack"] = (302, {"location": "http://127.0.0.1:9/elsewhere"})
    with pytest.raises(GitFailed):
        await hub.mirror.fetch(["refs/heads/main"])
    assert [method for method, _ in hub.watched.requests[before:]] == ["POST", "GET", "POST"]
    hub.watched.answers.clear()
    await hub.mirror.fetch(["refs/heads/main"])
    assert hub.watched.requests[-2][0] == "GET"


async def test_a_ref_that_was_spoilt_on_this_disk_is_mended(hub: Hub) -> None:
    await hub.mirror.fetch(["refs/heads/main"])
    tip = await hub.mirror.resolve("refs/heads/main")
    path = hub.mirror.folder / "refs/heads/main"
    for spoilt in (b"", b"\0" * 41, b"ref: refs/heads/none\n"):
        path.write_bytes(spoilt)
        assert await hub.mirror.resolve("refs/heads/main") == tip
        path.write_bytes(spoilt)
        await hub.mirror.fetch(["refs/heads/main"])
        assert await hub.mirror.resolve("refs/heads/main") == tip


async def test_packed_refs_are_read(hub: Hub) -> None:
    await hub.repo.push("wernher", {"x": "1\n"}, branch="a/main")
    await hub.mirror.fetch(["+refs/heads/*:refs/heads/*"])
    await gitrepo.git("pack-refs", "--all", cwd=hub.mirror.folder)
    assert not (hub.mirror.folder / "refs/heads/main").exists()
    assert await hub.mirror.resolve("refs/heads/main") == await hub.repo.tip()
    assert await hub.mirror.resolve("refs/heads/a/main") == await hub.repo.tip("a/main")
    before = hub.watched.fetches
    await hub.mirror.fetch(["refs/heads/main"])
    assert hub.watched.fetches == before


async def test_fetches_are_timed_under_upstreams_names(hub: Hub) -> None:
    names = ("git_ensure_fresh_primary_duration", "git_fetch_by_sha_duration")

    def counts() -> list[float]:
        of = {"org": "acme", "repo": "rockets"}
        return [REGISTRY.get_sample_value(f"{name}_count", of) or 0 for name in names]

    before = counts()
    await hub.mirror.fetch(["refs/heads/main"])
    await hub.mirror.ensure([await hub.repo.push("wernher", {"x": "1\n"}, branch="x")])
    assert [now - then for now, then in zip(counts(), before, strict=True)] == [1, 1]
    assert REGISTRY.get_sample_value("sparse_checkout_duration_count") == 0


# What a server's refusals mean


async def test_an_empty_repository_is_told_from_a_missing_branch(hub: Hub) -> None:
    await hub.sim.world.create_repo("acme/empty", files={"x": "x\n"})
    path = hub.sim.world.repos["acme/empty"].path
    for ref in await gitrepo.refs(path):
        await gitrepo.delete_ref(path, ref)
    mirror = hub.world.mirrors.mirror("acme", "empty")
    with pytest.raises(EmptyRepository, match="acme/empty has no commits yet"):
        await mirror.fetch(["refs/heads/main"])
    with pytest.raises(EmptyRepository):
        await heads(mirror)
    with pytest.raises(NoSuchRef) as caught:
        await hub.mirror.fetch(["refs/heads/gone"])
    assert not isinstance(caught.value, EmptyRepository)


async def test_a_renamed_default_branch_is_seen(hub: Hub) -> None:
    await hub.mirror.fetch(["refs/heads/main"])
    tip = await hub.repo.tip()
    for name in ("update-ref refs/heads/trunk", "update-ref -d refs/heads/main"):
        await gitrepo.git(*name.split(), tip, cwd=hub.repo.repo.path)
    await gitrepo.git("symbolic-ref", "HEAD", "refs/heads/trunk", cwd=hub.repo.repo.path)
    found = await heads(hub.mirror)
    assert (found.default, found.branches) == ("trunk", {"trunk": tip})
    with pytest.raises(NoSuchRef):
        await hub.mirror.fetch(["refs/heads/main"])
    await hub.mirror.fetch(["refs/heads/trunk"])


async def test_a_renamed_repository_is_followed(hub: Hub) -> None:
    hub.watched.answers["/acme/old/info/refs"] = (
        301,
        {"location": f"{hub.sim.world.base}/acme/rockets/info/refs?service=git-upload-pack"},
    )
    mirror = hub.world.mirrors.mirror("acme", "old")
    await mirror.fetch(["refs/heads/main"])
    assert await mirror.resolve("refs/heads/main") == await hub.repo.tip()


@pytest.mark.parametrize(("status", "expected"), [
    (404, NoSuchRepository), (401, BadCredentials), (403, NoAccess), (500, GitFailed), (502, GitFailed), (429, GitFailed),
])  # fmt: skip
async def test_what_the_server_answers_has_a_meaning(hub: Hub, status: int, expected: type[ProwError]) -> None:
    await hub.mirror.fetch(["refs/heads/main"])
    hub.watched.answers |= {"/info/refs": (status, {}), "/git-upload-pack": (status, {})}
    for call in (hub.mirror.fetch(["refs/heads/main"]), heads(hub.mirror)):
        with pytest.raises(expected) as caught:
            await call
        assert type(caught.value) is expected
        assert "acme/rockets" in str(caught.value)
    hub.watched.answers.clear()
    await hub.mirror.fetch(["refs/heads/main"])


async def test_a_deleted_repository_is_told_and_its_mirror_still_answers(hub: Hub) -> None:
    await hub.mirror.fetch(["refs/heads/main"])
    commit = await hub.mirror.resolve("refs/heads/main")
    assert await hub.mirror.read_file(commit, "OWNERS")
    del hub.sim.world.repos["acme/rockets"]
    with pytest.raises(NoSuchRepository, match="not found"):
        await hub.mirror.fetch(["refs/heads/main"])
    assert await hub.mirror.read_file(commit, "OWNERS") == b"approvers: [a]\n"


# Names


@pytest.mark.parametrize("name", ["..", "a/b", "a b", "--upload-pack=touch /tmp/owned", "", "\n", "a" * 101])
async def test_hostile_names_never_reach_git(world: World, name: str) -> None:
    for pair in (("acme", name), (name, "rockets")):
        with pytest.raises(ProwError):
            world.mirrors.mirror(*pair)


async def test_a_missing_git_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"git 2\.38 or newer is needed"):
        await Git.open(SystemClock(), home=tmp_path, program="git-that-is-not-there", environ=dict(os.environ))


# Two processes

_OTHER = """
import asyncio, sys
from pathlib import Path
from tests.git.support import world_in

async def main(folder, shas):
    async with world_in(Path(folder)) as world:
        print("ready", flush=True)
        for sha in shas:
            await world.mirror.ensure([sha])
            assert await world.mirror.read_file(sha, "f")
            await world.mirror.fetch(["+refs/heads/*:refs/heads/*"])
            print(sha, flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2:]))
"""


async def test_two_processes_share_a_mirror(world: World) -> None:
    shas = [await world.commit({"f": f"{n}\n"}, branch=f"b{n}") for n in range(4)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _OTHER,
        str(world.folder),
        *shas,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    for sha in reversed(shas):
        await world.mirror.fetch(["+refs/heads/*:refs/heads/*"])
        await world.mirror.ensure([sha])
        assert await world.mirror.read_file(sha, "f")
    said, _ = await process.communicate()
    assert process.returncode == 0
    assert said.decode().split() == shas
