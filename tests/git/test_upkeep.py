"""The cache folder stays within its bound, and its mirrors in shape, whoever else is at work there."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from prow.git.locks import UseLock, held, held_if_free
from prow.git.merging import merge_heads
from prow.git.model import Made, Strategy
from prow.git.upkeep import MOST_LOOSE, MOST_PACKS, Kept, Upkeep, surplus, untidy
from prow.lib.clock import SystemClock
from prow.lib.virtual_clock import VirtualClock
from tests.git.support import World, world_in

CLOCK = SystemClock()
KEPT = st.builds(
    Kept,
    st.integers(0, 30).map(lambda n: Path(f"/c/o/{n}.git")),
    st.integers(0, 100),
    st.integers(0, 80),
    st.integers(0, 6_000),
    st.floats(0, 1000),
)


def value(name: str) -> float:
    return REGISTRY.get_sample_value(name) or 0.0


@given(st.lists(KEPT, max_size=12), st.integers(0, 400), st.floats(0, 1200))
def test_no_more_goes_than_has_to_and_nothing_used_lately(mirrors: list[Kept], most: int, now: float) -> None:
    going = surplus(mirrors, most=most, now=now, quiet=100)
    left = sum(each.size for each in mirrors) - sum(each.size for each in going)
    assert all(now - each.used >= 100 for each in going)
    assert not going or left + going[-1].size > most
    if left > most:
        assert all(now - each.used < 100 for each in mirrors if each not in going)
    used = [each.used for each in going]
    assert used == sorted(used)


@given(st.lists(KEPT, max_size=12))
def test_the_mirror_that_needs_it_most_is_packed(mirrors: list[Kept]) -> None:
    chosen = untidy(mirrors)
    wanted = [each for each in mirrors if each.packs > MOST_PACKS or each.loose > MOST_LOOSE]
    assert (chosen is None) == (not wanted)
    if chosen is not None:
        assert chosen in wanted


async def filled(world: World, *names: str, size: int = 50_000) -> dict[str, str]:
    """Mirrors of repositories of about that size; the first was used longest ago."""
    commits: dict[str, str] = {}
    for age, name in enumerate(reversed(names)):
        world.remote = world.folder / "remote" / "acme" / name
        if not world.remote.exists():
            await world.raw("init", "--quiet", "--bare", str(world.remote), where=world.folder)
        commits[name] = await world.commit({"f": os.urandom(size)})
        mirror = world.mirrors.mirror("acme", name)
        await mirror.ensure([commits[name]])
        await mirror.read_file(commits[name], "f")
        when = CLOCK.now().timestamp() - 4000 - 100 * age
        os.utime(mirror.folder.with_suffix(".use"), (when, when))
    await world.mirrors.upkeep.settled()
    return commits


def names_in(world: World) -> set[str]:
    return {path.stem for path in (world.cache / "acme").glob("*.git")}


async def test_the_least_used_mirrors_make_room_and_come_back_when_wanted(world: World) -> None:
    commits = await filled(world, "old", "middle", "new")
    evicted = value("prow_git_evictions_total")
    await Upkeep(world.git, clock=CLOCK, folder=world.cache, most=130_000).round()
    assert names_in(world) == {"middle", "new"}
    assert value("prow_git_evictions_total") - evicted == 1
    assert 100_000 < value("prow_git_cache_bytes") < 130_000
    old = world.mirrors.mirror("acme", "old")
    assert not await old.has(commits["old"])
    await old.ensure([commits["old"]])
    assert len(await old.read_file(commits["old"], "f")) == 50_000


async def test_a_reader_of_a_mirror_that_made_room_gets_it_again(world: World) -> None:
    commits = await filled(world, "old")
    await Upkeep(world.git, clock=CLOCK, folder=world.cache, most=1).round()
    assert names_in(world) == set()
    assert len(await world.mirrors.mirror("acme", "old").read_file(commits["old"], "f")) == 50_000


async def test_what_somebody_uses_stays(world: World) -> None:
    await filled(world, "read", "fetched", "idle")
    folder = world.cache / "acme"
    upkeep = Upkeep(world.git, clock=CLOCK, folder=world.cache, most=1)
    async with held(folder / "read.use", CLOCK, shared=True), held(folder / "fetched.lock", CLOCK):
        await upkeep.round()
        assert names_in(world) == {"read", "fetched"}
    await upkeep.round()
    assert names_in(world) == set()


async def test_what_was_used_a_moment_ago_stays(world: World) -> None:
    commits = await filled(world, "old")
    await world.mirrors.aclose()
    async with world_in(world.folder) as again:
        await again.mirrors.mirror("acme", "old").read_file(commits["old"], "f")
        await Upkeep(again.git, clock=CLOCK, folder=again.cache, most=1).round()
        assert names_in(again) == {"old"}


async def test_one_process_at_a_time_looks_after_the_folder(world: World) -> None:
    await filled(world, "old")
    upkeep = Upkeep(world.git, clock=CLOCK, folder=world.cache, most=1)
    with held_if_free(world.cache / ".upkeep.lock") as mine:
        assert mine
        await upkeep.round()
        assert names_in(world) == {"old"}
    await upkeep.round()
    assert names_in(world) == set()


async def test_many_packs_become_one_while_somebody_reads(world: World) -> None:
    commits = [await world.commit({f"f{n}": f"{n}\n"}, branch=f"b{n}") for n in range(3)]
    for commit in commits:
        await world.mirror.ensure([commit])
        await world.mirror.read_files(commit, await world.mirror.list_tree(commit), max_file=100)
    packs = world.mirror.folder / "objects" / "pack"
    assert len(list(packs.glob("*.pack"))) == 6
    left = packs / "tmp_pack_left"
    left.write_bytes(b"x")
    os.utime(left, (1, 1))
    upkeep = Upkeep(world.git, clock=CLOCK, folder=world.cache, most_packs=5)
    await upkeep.round()
    assert len(list(packs.glob("*.pack"))) <= 2
    assert not left.exists()
    for number, commit in enumerate(commits):  # by the same reader as before
        assert await world.mirror.read_file(commit, f"f{number}") == f"{number}\n".encode()
    await world.mirrors.aclose()
    async with world_in(world.folder) as again:
        for number, commit in enumerate(commits):  # nothing was lost, though no ref names any of them
            assert await again.mirror.read_file(commit, f"f{number}") == f"{number}\n".encode()


async def test_packs_are_put_together_though_contents_are_missing_and_what_was_made_here_stays(world: World) -> None:
    """A branch names commits most of whose files nobody has read."""
    base = await world.commit({"f": "".join(f"{n}\n" for n in range(20)), "unread": "1\n"})
    await world.mirror.fetch(["refs/heads/main"])
    sides = [
        await world.commit({"f": "".join(f"{n}\n" for n in range(start, end)), name: name}, start=base, branch=name)
        for name, start, end in (("one", 2, 20), ("two", 0, 18))
    ]
    for side in sides:
        await world.mirror.ensure([side])
    made = await merge_heads(world.mirror, sides[0], [sides[1]], Strategy.MERGE)
    assert isinstance(made, Made)
    packs = world.mirror.folder / "objects" / "pack"
    assert len(list(packs.glob("*.pack"))) > 3
    for _ in range(2):
        await Upkeep(world.git, clock=CLOCK, folder=world.cache, most_packs=1).round()
        assert len(list(packs.glob("*.pack"))) == 2  # what the server has, and what was made here
    assert list(packs.glob("tmp_*")) == []
    await world.mirrors.aclose()
    (world.remote / "objects").rename(world.remote / "gone")
    async with world_in(world.folder) as again:
        mirror = again.mirror
        assert await mirror.read_file(made.commit, "f") == "".join(f"{n}\n" for n in range(2, 18)).encode()
        assert (await mirror.show(made.commit)).parents == tuple(sides)
        assert await mirror.changed_files(base, made.commit) == ("f", "one", "two")
        (world.remote / "gone").rename(world.remote / "objects")
        assert await mirror.read_file(made.commit, "unread") == b"1\n"
        await mirror.fetch(["refs/heads/one"])
        assert await mirror.resolve("refs/heads/one") == sides[0]


async def test_a_damaged_mirror_that_is_found_out_by_packing_is_made_again(world: World) -> None:
    first = await world.commit({"f": "1\n"})
    await world.mirror.ensure([first])
    damaged = next((world.mirror.folder / "objects" / "pack").glob("*.pack"))
    await world.mirror.ensure([await world.commit({"g": "1\n"}, branch="other")])
    await world.mirrors.aclose()
    damaged.chmod(0o600)
    damaged.write_bytes(damaged.read_bytes()[:40])
    upkeep = Upkeep(world.git, clock=CLOCK, folder=world.cache, most_packs=1)
    async with held(world.mirror.folder.with_suffix(".use"), CLOCK, shared=True):
        await upkeep.round()
        assert names_in(world) == {"rockets"}
        assert list(world.cache.rglob("tmp_*")) == []
    await upkeep.round()
    assert names_in(world) == set()
    assert await world.mirror.read_file(first, "f") == b"1\n"


async def test_what_a_killed_process_left_half_made_goes(world: World) -> None:
    for name in (".a.git.77.new", ".a.git.78.gone", ".fresh.git.79.new", ".github.git"):
        (world.cache / "acme" / name).mkdir(parents=True)
    for name in (".a.git.77.new", ".a.git.78.gone", ".github.git"):
        os.utime(world.cache / "acme" / name, (1, 1))
    await Upkeep(world.git, clock=CLOCK, folder=world.cache).round()
    assert {path.name for path in (world.cache / "acme").iterdir()} == {".fresh.git.79.new", ".github.git"}


async def test_what_a_killed_fetch_left_goes_when_nobody_can_be_writing(world: World) -> None:
    commits = await filled(world, "old")
    packs = world.cache / "acme" / "old.git" / "objects" / "pack"
    left = [packs / "tmp_pack_x", packs / f"{next(packs.glob('*.pack')).stem}.keep", packs / ".tmp-7-pack-x.pack"]
    for path in left:
        path.touch()
    upkeep = Upkeep(world.git, clock=CLOCK, folder=world.cache)
    for suffix in (".lock", ".files"):
        async with held(world.cache / "acme" / f"old{suffix}", CLOCK):
            await upkeep.round()
        assert all(path.exists() for path in left)
    await upkeep.round()
    assert not any(path.exists() for path in left)
    assert len(await world.mirrors.mirror("acme", "old").read_file(commits["old"], "f")) == 50_000


async def test_a_fetch_begins_a_round_now_and_then(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with world_in(tmp_path, clock=clock) as world:

        async def fetched() -> float:
            """What the cache is said to have after one more fetch of 1 kB."""
            await world.mirror.ensure([await world.commit({"f": os.urandom(1000)})])
            await world.mirrors.upkeep.settled()
            return value("prow_git_cache_bytes")

        first = await fetched()
        assert await fetched() == first
        await clock.sleep(700)
        assert await fetched() > first


async def test_who_wants_a_mirror_alone_is_not_starved_by_readers(tmp_path: Path) -> None:
    lock = UseLock(tmp_path / "x.use", CLOCK)
    order: list[str] = []
    inside, leave = asyncio.Event(), asyncio.Event()

    async def read(name: str, *, first: bool = False) -> None:
        async with lock.shared():
            order.append(name)
            if first:
                inside.set()
                await leave.wait()

    async def alone() -> None:
        async with lock.alone():
            order.append("alone")

    first = asyncio.create_task(read("first", first=True))
    await inside.wait()
    writer = asyncio.create_task(alone())
    while lock._open.is_set():
        await CLOCK.sleep(0)
    later = [asyncio.create_task(read("later")) for _ in range(3)]
    leave.set()
    await asyncio.gather(first, writer, *later)
    assert order == ["first", "alone", *["later"] * 3]
