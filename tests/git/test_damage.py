"""Mirrors that a crash, a full disk or a person damaged: they mend themselves once, and say so."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from prow.git.errors import GitFailed, NoSuchRef, NoSuchRepository
from prow.git.locks import held, use_lock
from prow.git.merging import merged_tree, try_merge
from prow.git.model import Strategy
from prow.lib.clock import SystemClock
from tests.git.support import World, world_in

CLOCK = SystemClock()


def repairs(how: str = "made again") -> float:
    return REGISTRY.get_sample_value("prow_git_repairs_total", {"how": how}) or 0.0


def fetch_processes() -> float:
    return REGISTRY.get_sample_value("prow_git_processes_total", {"command": "fetch"}) or 0.0


def packs(mirror: Path) -> list[Path]:
    found = sorted((mirror / "objects" / "pack").glob("*.pack"), key=lambda path: -path.stat().st_size)
    assert found
    return found


def cut_pack(mirror: Path) -> None:
    for pack in packs(mirror):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:40])


def spoil_pack(mirror: Path) -> None:
    for pack in packs(mirror):
        data = bytearray(pack.read_bytes())
        data[12:-20] = bytes(byte ^ 0x55 for byte in data[12:-20])
        pack.chmod(0o600)
        pack.write_bytes(bytes(data))


def lose_pack(mirror: Path) -> None:
    for pack in packs(mirror):
        pack.unlink()


def lose_index(mirror: Path) -> None:
    for index in (mirror / "objects" / "pack").glob("*.idx"):
        index.unlink()


def empty_objects(mirror: Path) -> None:
    """What a power cut leaves of files that were written last."""
    for pack in [*packs(mirror), *(mirror / "objects" / "pack").glob("*.idx")]:
        pack.chmod(0o600)
        pack.write_bytes(b"")


def spoil_head(mirror: Path) -> None:
    (mirror / "HEAD").write_bytes(b"\0" * 20)


def lose_head(mirror: Path) -> None:
    (mirror / "HEAD").unlink()


def spoil_config(mirror: Path) -> None:
    (mirror / "config").write_text("[core\nnonsense")


def spoil_ref(mirror: Path) -> None:
    for ref in (mirror / "refs" / "heads").iterdir():
        ref.write_text("")


def lose_everything(mirror: Path) -> None:
    for path in sorted(mirror.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()


DAMAGE = (
    cut_pack, spoil_pack, lose_pack, lose_index, empty_objects, spoil_head, lose_head, spoil_config, spoil_ref, lose_everything,
)  # fmt: skip


@pytest.fixture
async def one_two(world: World) -> tuple[str, str]:
    base = await world.commit({"f": "1\n", "docs/g": "g\n"})
    one = await world.commit({"f": "2\n"}, start=base, branch="one")
    await world.mirror.fetch(["refs/heads/main"])
    await world.mirror.ensure([one])
    return base, one


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_mirror_is_mended_by_the_next_who_wants_something(
    world: World, one_two: tuple[str, str], damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    """As a service does it: look whether the commit is here, get it if not, read it. A new process knows nothing of before."""
    base, one = one_two
    await world.mirrors.aclose()
    damage(world.mirror.folder)
    before = repairs()
    async with world_in(world.folder) as again:
        await again.mirror.fetch(["refs/heads/main"])
        assert await again.mirror.resolve("refs/heads/main") == base
        await again.mirror.ensure([one])
        assert await again.mirror.read_file(one, "docs/g") == b"g\n"
        assert (await try_merge(again.mirror, base, one)).clean
        assert await again.mirror.changed_files(base, one) == ("f",)
    assert repairs() - before <= 1
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == repairs() - before


@pytest.mark.parametrize(
    "damage", [cut_pack, spoil_pack, lose_pack, empty_objects, spoil_head, spoil_config, lose_everything]
)
async def test_a_mirror_damaged_under_its_reader_is_mended_and_has_what_it_had(
    world: World, one_two: tuple[str, str], damage: Callable[[Path], None]
) -> None:
    base, one = one_two
    await world.mirrors.aclose()  # ends the process that has the old files open
    damage(world.mirror.folder)
    before = repairs()
    assert await world.mirror.read_file(one, "docs/g") == b"g\n"
    assert await world.mirror.resolve("refs/heads/main") == base
    assert repairs() - before <= 1


async def test_all_readers_wait_for_one_repair(world: World, one_two: tuple[str, str]) -> None:
    base, one = one_two
    await world.mirrors.aclose()
    cut_pack(world.mirror.folder)
    before = repairs()
    fetches = fetch_processes()
    asked = [world.mirror.read_file(sha, "docs/g") for sha in (base, one) for _ in range(4)]
    assert set(await asyncio.gather(*asked)) == {b"g\n"}
    assert repairs() - before == 1
    assert fetch_processes() - fetches <= 3  # what was there lately, what is needed, the contents


async def test_a_mirror_is_not_made_again_under_somebody_who_reads(world: World, one_two: tuple[str, str]) -> None:
    await world.mirrors.aclose()
    cut_pack(world.mirror.folder)
    local, before = world.mirror.local, world.mirror.local.identity
    async with held(use_lock(world.mirror.folder), CLOCK, shared=True):  # as another process does
        asked = asyncio.create_task(world.mirror.read_file(one_two[1], "docs/g"))
        while local.use._open.is_set():
            await CLOCK.sleep(0)
        assert local.identity == before
    assert await asked == b"g\n"
    assert local.identity != before


async def test_a_missing_folder_is_damage_and_not_an_answer(world: World) -> None:
    commit = await world.commit({"docs/g": "g\n"})
    await world.mirror.ensure([commit])
    await world.mirrors.aclose()
    pack = packs(world.mirror.folder)[0]
    moved = world.folder / pack.name
    moved.write_bytes(pack.read_bytes())
    lose_pack(world.mirror.folder)
    await world.raw("unpack-objects", "-q", stdin=moved.read_bytes(), where=world.mirror.folder)
    tree = await world.raw("rev-parse", f"{commit}:docs")
    (world.mirror.folder / "objects" / tree[:2] / tree[2:]).unlink()
    before = repairs()
    assert await world.mirror.read_file(commit, "docs/g") == b"g\n"
    assert repairs() - before == 1


@pytest.mark.parametrize(
    "lock", ["refs/heads/main.lock", "packed-refs.lock", "shallow.lock", "config.lock", "HEAD.lock"]
)
async def test_what_a_killed_git_locked_is_unlocked(world: World, one_two: tuple[str, str], lock: str) -> None:
    (world.mirror.folder / lock).touch()
    new = await world.commit({"f": "3\n"}, start=one_two[0])
    before = repairs()
    await world.mirror.fetch(["refs/heads/main"])
    assert await world.mirror.resolve("refs/heads/main") == new
    assert repairs() == before


@pytest.mark.parametrize(("old", "new"), [("release", "release/1"), ("release/1", "release"), ("a/b/c", "a")])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("pattern", [False, True])
async def test_a_branch_that_is_gone_makes_way_for_one_of_a_like_name(
    world: World, old: str, new: str, packed: bool, pattern: bool
) -> None:
    main = await world.commit({"f": "1\n"})
    await world.commit({"f": "2\n"}, branch=old)
    await world.mirror.fetch(["refs/heads/main", f"refs/heads/{old}"])
    if packed:
        await world.raw("pack-refs", "--all", where=world.mirror.folder)
    await world.raw("update-ref", "-d", f"refs/heads/{old}")
    tip = await world.commit({"f": "3\n"}, branch=new)
    await world.mirror.fetch(["+refs/heads/*:refs/heads/*" if pattern else f"refs/heads/{new}"])
    assert await world.mirror.resolve(f"refs/heads/{new}") == tip
    assert await world.mirror.resolve("refs/heads/main") == main
    with pytest.raises(NoSuchRef):
        await world.mirror.resolve(f"refs/heads/{old}")


async def test_a_server_that_is_damaged_itself_costs_no_mirror(world: World, one_two: tuple[str, str]) -> None:
    new = await world.commit({"g": "1\n"}, start=one_two[0])
    tree = await world.raw("rev-parse", f"{new}^{{tree}}")
    (world.remote / "objects" / tree[:2] / tree[2:]).unlink()
    before = repairs()
    with pytest.raises(GitFailed):
        await world.mirror.fetch(["refs/heads/main"])
    assert repairs() == before
    assert await world.mirror.resolve("refs/heads/main") == one_two[0]


async def test_what_is_gone_at_the_server_keeps_nothing_else_out(world: World, one_two: tuple[str, str]) -> None:
    base, one = one_two
    short = await world.commit({"f": "4\n"}, start=base, branch="short")
    await world.mirror.fetch(["refs/heads/short", short])
    await world.raw("update-ref", "-d", "refs/heads/short")
    (world.remote / "objects" / short[:2] / short[2:]).unlink()
    await world.mirrors.aclose()
    cut_pack(world.mirror.folder)
    before = repairs()
    for _ in range(2):
        with pytest.raises(NoSuchRef):
            await world.mirror.read_file("1" * 40, "f")
        assert await world.mirror.resolve("refs/heads/main") == base
        assert await world.mirror.read_file(one, "docs/g") == b"g\n"
        with pytest.raises(NoSuchRef):
            await world.mirror.resolve("refs/heads/short")
    assert repairs() - before == 1


async def test_processes_that_know_of_different_commits_mend_a_mirror_once(world: World) -> None:
    shas = [await world.commit({"f": f"{n}\n"}, branch=f"b{n}") for n in range(2)]
    async with world_in(world.folder) as other:
        both = list(zip((world, other), shas, strict=True))
        for each, sha in both:
            await each.mirror.ensure([sha])
            await each.mirrors.aclose()
        cut_pack(world.mirror.folder)
        before = repairs()
        for _ in range(3):
            for each, sha in both:
                assert await each.mirror.read_file(sha, "f") == f"{shas.index(sha)}\n".encode()
        assert repairs() - before == 1
        for each, _ in both:
            with pytest.raises(NoSuchRef):
                await each.mirror.read_file("1" * 40, "f")
        assert repairs() - before == 1


async def test_a_branch_that_another_process_did_not_know_of_comes_back(world: World, one_two: tuple[str, str]) -> None:
    base, one = one_two
    async with world_in(world.folder) as other:
        await other.mirror.ensure([one])
        await other.mirrors.aclose()
        cut_pack(world.mirror.folder)
        before = repairs()
        assert await other.mirror.read_file(one, "f") == b"2\n"
        assert world.mirror.local.stored("refs/heads/main") is None
        assert await world.mirror.resolve("refs/heads/main") == base
        assert repairs() - before == 1


async def test_a_mirror_that_could_not_be_filled_again_is_filled_later(world: World, one_two: tuple[str, str]) -> None:
    """The server was away when the damage was seen."""
    await world.mirrors.aclose()
    cut_pack(world.mirror.folder)
    world.remote.rename(world.folder / "away")
    async with world_in(world.folder, base=world.base) as again:
        with pytest.raises(NoSuchRepository):
            await again.mirror.read_file(one_two[1], "docs/g")
        (world.folder / "away").rename(world.remote)
        before = repairs()
        assert await again.mirror.read_file(one_two[1], "docs/g") == b"g\n"
        assert repairs() == before


async def test_what_another_process_took_away_comes_back_with_a_fetch_of_something_else(world: World) -> None:
    first = await world.commit({"f": "1\n"})
    await world.mirror.ensure([first])
    shutil.rmtree(world.mirror.folder)
    await world.mirror.ensure([await world.commit({"f": "2\n"}, branch="other")])
    assert await world.mirror.has(first)


async def test_a_mirror_made_again_in_the_same_place_is_another_one(world: World) -> None:
    """File systems give the numbers of files that are gone to those that come next."""
    lines = "".join(f"{number}\n" for number in range(20))
    base = await world.commit({"f": lines})
    one, two = [
        await world.commit({"f": text}, start=base, branch=text[:1]) for text in (f"top\n{lines}", f"{lines}end\n")
    ]
    await world.mirror.ensure([one, two])
    merged = await merged_tree(world.mirror, one, [two], Strategy.MERGE)
    await world.mirrors._readers.aclose()
    lose_everything(world.mirror.folder)
    await world.raw("init", "--quiet", "--bare", str(world.mirror.folder))
    await world.mirror.ensure([one, two])
    assert await merged_tree(world.mirror, one, [two], Strategy.MERGE) == merged
    assert isinstance(merged, str)
    assert (await world.mirror.read_file(merged, "f")).startswith(b"top\n0\n")


async def test_a_cache_folder_that_cannot_be_written_is_told(world: World) -> None:
    """Whoever waits hears of it, and hears it again."""
    commit = await world.commit({"f": "1\n"})
    world.cache.write_text("no folder")
    for _ in range(2):
        for call in (world.mirror.fetch(["refs/heads/main"]), world.mirror.read_file(commit, "f")):
            with pytest.raises(GitFailed, match="Not a directory"):
                await call
    world.cache.unlink()
    await world.mirror.fetch(["refs/heads/main"])
    assert await world.mirror.read_file(commit, "f") == b"1\n"


async def test_a_mirror_that_cannot_be_mended_is_told_once(world: World, one_two: tuple[str, str]) -> None:
    """The server has lost everything, too."""
    await world.mirrors.aclose()
    cut_pack(world.mirror.folder)
    shutil.rmtree(world.remote)
    before = repairs()
    with pytest.raises(NoSuchRepository):
        await world.mirror.read_file(one_two[1], "docs/g")
    assert repairs() - before == 1
