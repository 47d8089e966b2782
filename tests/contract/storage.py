"""What every storage must do, whoever keeps the objects. Subclasses give `storage` and `base` fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest

from prow.storage.ports import BadPath, ObjectExists, ObjectNotFound, Storage


class StorageContract:
    """`base`: the path of a bucket or folder, without a slash at its end."""

    async def test_what_was_put_can_be_read(self, storage: Storage, base: str) -> None:
        await storage.put(f"{base}/logs/job/1/started.json", b'{"timestamp":1}')
        assert await storage.get(f"{base}/logs/job/1/started.json") == b'{"timestamp":1}'

    async def test_putting_again_replaces(self, storage: Storage, base: str) -> None:
        await storage.put(f"{base}/a.txt", b"one")
        await storage.put(f"{base}/a.txt", b"two")
        assert await storage.get(f"{base}/a.txt") == b"two"

    async def test_a_missing_object_is_told(self, storage: Storage, base: str) -> None:
        with pytest.raises(ObjectNotFound, match=r"missing\.txt"):
            await storage.get(f"{base}/missing.txt")
        with pytest.raises(ObjectNotFound):
            await storage.stat(f"{base}/missing.txt")
        with pytest.raises(ObjectNotFound):
            await storage.get_range(f"{base}/missing.txt", 0, 5)

    async def test_must_not_exist_keeps_the_first(self, storage: Storage, base: str) -> None:
        await storage.put(f"{base}/finished.json", b"first", must_not_exist=True)
        with pytest.raises(ObjectExists):
            await storage.put(f"{base}/finished.json", b"second", must_not_exist=True)
        assert await storage.get(f"{base}/finished.json") == b"first"

    async def test_ranges_end_where_the_object_ends(self, storage: Storage, base: str) -> None:
        await storage.put(f"{base}/log.txt", b"0123456789")
        await storage.put(f"{base}/empty.txt", b"")
        assert await storage.get_range(f"{base}/log.txt", 2, 5) == b"234"
        assert await storage.get_range(f"{base}/log.txt", 8, 100) == b"89"
        assert await storage.get_range(f"{base}/log.txt", 10, 20) == b""
        assert await storage.get_range(f"{base}/log.txt", 50, 60) == b""
        assert await storage.get_range(f"{base}/empty.txt", 0, 10) == b""

    async def test_stat_tells_size_time_and_type(self, storage: Storage, base: str) -> None:
        await storage.put(f"{base}/page.html", b"<html>x", content_type="text/html; charset=utf-8")
        info = await storage.stat(f"{base}/page.html")
        assert (info.size, info.is_dir) == (7, False)
        assert info.modified is not None
        assert info.content_type == "text/html; charset=utf-8"
        assert info.path == f"{base}/page.html"

    async def test_list_shows_one_level(self, storage: Storage, base: str) -> None:
        for name in ("d/1/log.txt", "d/2/log.txt", "d/latest.txt", "elsewhere.txt"):
            await storage.put(f"{base}/{name}", b"12345")
        found = [(info.path.removeprefix(base), info.is_dir, info.size) async for info in storage.list(f"{base}/d/")]
        assert sorted(found) == [("/d/1", True, 0), ("/d/2", True, 0), ("/d/latest.txt", False, 5)]

    async def test_listing_nothing_gives_nothing(self, storage: Storage, base: str) -> None:
        assert [info async for info in storage.list(f"{base}/nowhere/")] == []

    async def test_names_are_kept_as_they_are(self, storage: Storage, base: str) -> None:
        names = ["a#b", "a%23b", "a b", "ü", "x?y", "a+b", "..a", "[z]", "a=b&c", "a\\b", "100%"]
        for name in names:
            await storage.put(f"{base}/names/{name}", name.encode())
        assert {info.path.rpartition("/")[2] async for info in storage.list(f"{base}/names")} == set(names)
        assert [await storage.get(f"{base}/names/{name}") for name in names] == [name.encode() for name in names]

    @pytest.mark.parametrize(
        "key", ["../x", "a/../b", "a//b", "a/./b", "a\nb", "a\x00b", "/x", "", ".", "\udc80", "x" * 300]
    )
    async def test_paths_that_leave_or_hide_are_refused(self, storage: Storage, base: str, key: str) -> None:
        with pytest.raises(BadPath):
            await storage.put(f"{base}/{key}", b"x")
        with pytest.raises(BadPath):
            await storage.get(f"{base}/{key}")

    async def test_files_are_sent_whole(self, storage: Storage, base: str, tmp_path: Path) -> None:
        source = tmp_path / "source"
        data = bytes(range(256)) * 4 * 1024 * 6  # more than one piece
        source.write_bytes(data)
        await storage.put_file(f"{base}/big.bin", str(source), content_type="application/x-test")
        assert (await storage.stat(f"{base}/big.bin")).size == len(data)
        assert await storage.get_range(f"{base}/big.bin", 5_242_800, 5_243_000) == data[5_242_800:5_243_000]

    async def test_a_small_and_an_empty_file_are_sent(self, storage: Storage, base: str, tmp_path: Path) -> None:
        for name, data in (("small", b"hello"), ("empty", b"")):
            (tmp_path / name).write_bytes(data)
            await storage.put_file(f"{base}/{name}.txt", str(tmp_path / name))
            assert await storage.get(f"{base}/{name}.txt") == data

    async def test_a_missing_file_is_told(self, storage: Storage, base: str, tmp_path: Path) -> None:
        with pytest.raises(ObjectNotFound):
            await storage.put_file(f"{base}/x.txt", str(tmp_path / "no"))


class AttributesContract:
    """For storages that keep attributes."""

    async def test_type_and_encoding_are_kept(self, storage: Storage, base: str) -> None:
        await storage.put(f"{base}/build-log.txt", b"zzz", content_type="text/plain", content_encoding="gzip")
        info = await storage.stat(f"{base}/build-log.txt")
        assert (info.content_type, info.content_encoding) == ("text/plain", "gzip")

    async def test_without_a_type_the_content_tells(self, storage: Storage, base: str, tmp_path: Path) -> None:
        await storage.put(f"{base}/started.json", b'{"timestamp":1}')
        (tmp_path / "f").write_bytes(b"\x89PNG\r\n\x1a\n....")
        await storage.put_file(f"{base}/f", str(tmp_path / "f"))
        assert (await storage.stat(f"{base}/started.json")).content_type == "text/plain; charset=utf-8"
        assert (await storage.stat(f"{base}/f")).content_type == "image/png"
