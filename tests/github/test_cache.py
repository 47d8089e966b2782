"""The cache of answers, in memory and in a file that processes share."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from prow.github.cache import Cache, Kept, Key, MemoryCache, keepable
from prow.github.client import GitHub
from prow.github.disk_cache import NAME, DiskCache
from prow.github.errors import NotFound
from prow.github.tokens import Credential, FixedToken, Tokens
from prow.lib.errors import UsageError
from prow.lib.virtual_clock import VirtualClock

KIND = pytest.mark.parametrize("kind", ["memory", "disk"])


def key(number: int, *, partition: str = "me", variant: str = "v3") -> Key:
    return Key(partition, f"https://api.github.com/repos/acme/rockets/pulls/{number}", variant)


def kept(body: bytes, etag: str = '"1"', **headers: str) -> Kept:
    return Kept(body=body, headers={"etag": etag, "content-type": "application/json", **headers}, token="t", stored=1.5)


def noise(size: int, seed: int) -> bytes:
    """What cannot be made smaller."""
    return random.Random(seed).randbytes(size)


@asynccontextmanager
async def opened(kind: str, folder: Path, *, max_bytes: int = 4 << 20) -> AsyncIterator[Cache]:
    clock = VirtualClock()
    cache: Cache = (
        MemoryCache(max_bytes) if kind == "memory" else await DiskCache.open(folder, max_bytes=max_bytes, clock=clock)
    )
    try:
        yield cache
    finally:
        await cache.aclose()


@KIND
async def test_what_is_put_in_comes_out_until_it_is_dropped(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path) as cache:
        for body in (b"", b"{}", b'{"a": 1}' * 9_000, noise(9_000, 1)):
            await cache.put(key(1), kept(body))
            assert await cache.get(key(1)) == kept(body)
        await cache.drop(key(1))
        assert await cache.get(key(1)) is None


@KIND
async def test_others_and_other_forms_of_the_answer_have_entries_of_their_own(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path) as cache:
        await cache.put(key(1), kept(b"mine"))
        assert await cache.get(key(1, partition="you")) is None
        assert await cache.get(key(1, variant="raw")) is None
        assert await cache.get(key(2)) is None


@KIND
async def test_a_full_cache_lets_the_least_recently_used_go(kind: str, tmp_path: Path) -> None:
    async with opened(kind, tmp_path, max_bytes=1 << 20) as cache:
        for number in range(30):
            await cache.put(key(number), kept(noise(50_000, number)))
        assert await cache.get(key(0)) is None
        assert await cache.get(key(29)) is not None


async def test_use_counts_in_memory_too() -> None:
    cache = MemoryCache(30_000)
    for number in (1, 2):
        await cache.put(key(number), kept(noise(10_000, number)))
    assert await cache.get(key(1)) is not None
    await cache.put(key(3), kept(noise(10_000, 3)))
    assert [await cache.get(key(number)) is not None for number in (1, 2, 3)] == [True, False, True]


async def test_use_counts_for_the_order_in_which_entries_go(tmp_path: Path) -> None:
    clock = VirtualClock()
    cache = await DiskCache.open(tmp_path, max_bytes=4 << 20, clock=clock, used_every=60)
    await asyncio.gather(*(cache.put(key(number), kept(noise(50_000, number))) for number in range(70)))
    await clock.sleep(100)
    assert await cache.get(key(0)) is not None
    await clock.sleep(1)  # its use is noted by the way
    await asyncio.gather(*(cache.put(key(number), kept(noise(50_000, number))) for number in range(70, 100)))
    assert await cache.get(key(0)) is not None
    assert await cache.get(key(1)) is None
    await cache.aclose()


async def test_the_file_stays_within_its_bound_however_much_goes_through(tmp_path: Path) -> None:
    async with opened("disk", tmp_path, max_bytes=1 << 20) as cache:
        for number in range(100):
            await cache.put(key(number), kept(noise(60_000, number)))
    assert (tmp_path / NAME).stat().st_size < (1 << 20) + (128 << 10)


async def test_a_file_that_may_be_smaller_now_gives_back_what_it_does_not_need(tmp_path: Path) -> None:
    async with opened("disk", tmp_path, max_bytes=8 << 20) as cache:
        for number in range(120):
            await cache.put(key(number), kept(noise(64 << 10, number)))
    assert (tmp_path / NAME).stat().st_size > 7 << 20
    async with opened("disk", tmp_path, max_bytes=2 << 20) as cache:
        for number in range(5):
            await cache.put(key(number), kept(noise(64 << 10, number)))
        assert await cache.get(key(4)) == kept(noise(64 << 10, 4))
    assert (tmp_path / NAME).stat().st_size < (2 << 20) + (1 << 20) + (128 << 10)


async def test_a_later_process_finds_what_an_earlier_one_kept(tmp_path: Path) -> None:
    for _ in range(2):
        async with opened("disk", tmp_path) as cache:
            found = await cache.get(key(1))
            await cache.put(key(1), kept(b"kept"))
    assert found == kept(b"kept")


async def test_the_file_is_ours_alone(tmp_path: Path) -> None:
    async with opened("disk", tmp_path / "new"):
        assert (tmp_path / "new" / NAME).stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


async def test_a_folder_that_cannot_be_had_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot open"):
        await DiskCache.open(tmp_path / "file", max_bytes=1 << 20, clock=VirtualClock())


@pytest.mark.parametrize("damage", [b"no database at all, by far not", b""], ids=["garbage", "empty"])
async def test_a_damaged_file_is_put_aside_and_made_anew(damage: bytes, tmp_path: Path) -> None:
    async with opened("disk", tmp_path) as cache:
        await cache.put(key(1), kept(b"old"))
    (tmp_path / NAME).write_bytes(damage * 100)
    async with opened("disk", tmp_path) as cache:
        assert await cache.get(key(1)) is None
        await cache.put(key(1), kept(b"new"))
        assert await cache.get(key(1)) == kept(b"new")
    assert (tmp_path / f"{NAME}.damaged").exists() == bool(damage)


async def test_a_file_that_is_damaged_while_it_is_used_is_replaced_and_nobody_hears_of_it(tmp_path: Path) -> None:
    async with opened("disk", tmp_path) as cache:
        for number in range(50):
            await cache.put(key(number), kept(noise(20_000, number)))
    file = tmp_path / NAME
    async with opened("disk", tmp_path) as cache:
        pages = bytearray(file.read_bytes())
        pages[4096:] = b"\xff" * (len(pages) - 4096)
        with file.open("r+b") as handle:
            handle.write(pages)
        for number in range(50):
            assert await cache.get(key(number)) is None
        await cache.put(key(1), kept(b"new"))
        assert await cache.get(key(1)) == kept(b"new")
    assert (tmp_path / f"{NAME}.damaged").exists()


async def test_of_two_processes_that_find_the_file_damaged_the_second_leaves_what_the_first_made(
    tmp_path: Path,
) -> None:
    numbers, file = range(50), tmp_path / NAME
    async with opened("disk", tmp_path) as cache:
        for number in numbers:
            await cache.put(key(number), kept(noise(20_000, number)))
    async with opened("disk", tmp_path) as one, opened("disk", tmp_path) as other:
        for each in (one, other):
            assert await each.get(key(0)) is not None
        pages = bytearray(file.read_bytes())
        pages[4096:] = b"\xff" * (len(pages) - 4096)
        with file.open("r+b") as handle:
            handle.write(pages)
        for number in numbers:
            await one.get(key(number))
        await one.put(key(99), kept(b"new"))
        for number in numbers:
            await other.get(key(number))
        assert await other.get(key(99)) == kept(b"new")
    async with opened("disk", tmp_path) as later:
        assert await later.get(key(99)) == kept(b"new")


async def test_a_cache_that_was_closed_has_nothing_and_raises_nothing(tmp_path: Path) -> None:
    async with opened("disk", tmp_path) as cache:
        await cache.put(key(1), kept(b"x"))
    await cache.put(key(1), kept(b"y"))
    assert await cache.get(key(1)) is None


WRITER = """
import asyncio, sys
from pathlib import Path
from prow.github.cache import Kept, Key
from prow.github.disk_cache import DiskCache
from prow.lib.clock import SystemClock

async def main(folder, me):
    cache = await DiskCache.open(Path(folder), max_bytes=2 << 20, clock=SystemClock())
    for round in range(150):
        key = Key("p", str(round % 30))
        await cache.put(key, Kept(body=(me * 3000).encode(), headers={"etag": me}))
        found = await cache.get(key)
        assert found is None or found.body == (found.headers["etag"] * 3000).encode(), found
    await cache.aclose()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_share_the_file_and_never_see_half_an_entry(tmp_path: Path) -> None:
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-c", WRITER, str(tmp_path), name, stderr=asyncio.subprocess.PIPE
        )
        for name in ("a", "b", "c")
    ]
    said = [(await writer.communicate())[1] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0], said
    async with opened("disk", tmp_path) as cache:
        assert isinstance(cache, DiskCache)
        assert await cache.count() == 30


@pytest.mark.parametrize(
    ("headers", "keeps"),
    [
        ({"etag": '"1"'}, True),
        ({"last-modified": "Thu, 26 Nov 2026 10:00:00 GMT"}, True),
        ({}, False),
        ({"etag": '"1"', "cache-control": "private, max-age=60"}, True),
        ({"etag": '"1"', "cache-control": "no-store"}, False),
        ({"etag": '"1"', "vary": "*"}, False),
    ],
)
def test_only_what_can_be_asked_about_again_is_kept(headers: dict[str, str], keeps: bool) -> None:
    assert (keepable(b"{}", headers) is not None) == keeps


def test_large_answers_are_not_kept_and_headers_of_one_moment_neither() -> None:
    assert keepable(b"x" * 11, {"etag": '"1"'}, largest=10) is None
    found = keepable(b"x", {"etag": '"1"', "link": "<…>", "x-ratelimit-remaining": "7", "set-cookie": "no"})
    assert found is not None
    assert found.headers == {"etag": '"1"', "link": "<…>"}


@pytest.mark.parametrize(
    ("headers", "token", "asked"),
    [
        ({"etag": '"1"', "last-modified": "then"}, "t", {"If-None-Match": '"1"'}),
        ({"etag": '"1"', "last-modified": "then"}, "renewed", {"If-Modified-Since": "then"}),
        ({"etag": '"1"'}, "renewed", {"If-None-Match": '"1"'}),
        ({"last-modified": "then"}, "t", {"If-Modified-Since": "then"}),
    ],
)
def test_a_renewed_token_asks_by_time_since_etags_differ_by_token(
    headers: dict[str, str], token: str, asked: dict[str, str]
) -> None:
    assert Kept(body=b"", headers=headers, token="t").conditions(token) == asked


class Keeper:
    """A GitHub whose answers may be kept; `gone`: what it does not find any more. It remembers who asked with which condition."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.gone = False

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        given = request.headers
        self.asked.append((given.get("authorization", ""), given.get("if-none-match", "")))
        if self.gone:
            return httpx2.Response(404, json={"message": "Not Found"})
        if given.get("if-none-match") == '"one"':
            return httpx2.Response(304)
        return httpx2.Response(200, headers={"etag": '"one"'}, json={"full_name": "acme/rockets"})


def client(keeper: Keeper, cache: Cache, token: str) -> GitHub:
    return GitHub.open(
        clock=VirtualClock(),
        component="test",
        tokens=FixedToken(token),
        cache=cache,
        http=httpx2.MockTransport(keeper),
    )


async def test_what_was_kept_for_one_is_nothing_to_another_whose_cache_is_the_same() -> None:
    keeper, cache = Keeper(), MemoryCache()
    for token in ("mia", "mia", "wernher"):
        async with aclosing(client(keeper, cache, token)) as github:
            assert (await github.get_repo("acme", "rockets")).full_name == "acme/rockets"
    assert keeper.asked == [("Bearer mia", ""), ("Bearer mia", '"one"'), ("Bearer wernher", "")]


def test_what_github_says_with_a_304_is_newer_than_what_was_kept() -> None:
    found = kept(b"", link="<old>", vary="Accept").revalidated({"link": "<new>", "x-ratelimit-remaining": "7"})
    assert (found["link"], found["vary"], found["x-ratelimit-remaining"]) == ("<new>", "Accept", "7")


class Renewed(FixedToken):
    """One installation, whose token is another one each time."""

    def __init__(self) -> None:
        self._made = 0

    async def credential(self, org: str, path: str = "") -> Credential:
        if path:
            self._made += 1
        return Credential(f"token {self._made}", "app 7 installation 1")


@pytest.mark.parametrize(
    ("tokens", "asks"),
    [(FixedToken("mia"), ('"one"', "")), (Renewed(), ("", "then"))],
    ids=["the same token", "a renewed one"],
)
async def test_a_renewed_token_of_an_installation_asks_by_time(tokens: Tokens, asks: tuple[str, str]) -> None:
    asked: list[tuple[str, str]] = []

    def dated(request: httpx2.Request) -> httpx2.Response:
        asked.append((request.headers.get("if-none-match", ""), request.headers.get("if-modified-since", "")))
        return httpx2.Response(200, headers={"etag": '"one"', "last-modified": "then"}, json={"full_name": "a/b"})

    github = GitHub.open(clock=VirtualClock(), component="test", tokens=tokens, http=httpx2.MockTransport(dated))
    async with aclosing(github):
        for _ in range(2):
            await github.get_repo("acme", "rockets")
    assert asked == [("", ""), asks]


async def test_another_form_of_an_answer_is_asked_for_without_the_first_one_s_condition() -> None:
    keeper = Keeper()
    async with aclosing(client(keeper, MemoryCache(), "mia")) as github:
        await github.get_pull_request("acme", "rockets", 1)
        await github.get_diff("acme", "rockets", 1)
    assert [condition for _, condition in keeper.asked] == ["", ""]


async def test_an_answer_that_is_still_right_is_spent_by_nobody() -> None:
    keeper = Keeper()
    async with aclosing(client(keeper, MemoryCache(), "mia")) as github:
        for _ in range(3):
            await github.get_repo("acme", "rockets")
        assert (github.spent().total, github.spent().charged) == (3, 1)
        (saving,) = github.account().savings
        assert (saving.how, saving.calls) == ("304", 2)


async def test_what_github_does_not_find_any_more_is_not_kept_any_longer() -> None:
    keeper, cache = Keeper(), MemoryCache()
    async with aclosing(client(keeper, cache, "mia")) as github:
        await github.get_repo("acme", "rockets")
        assert len(cache) == 1
        keeper.gone = True
        with pytest.raises(NotFound):
            await github.get_repo("acme", "rockets")
    assert len(cache) == 0
