"""Buckets as folders of this machine: `s3://logs/x` is the file `<root>/s3/logs/x`.

For a Prow without a cloud that runs a config written for one: paths in jobs, links and pointers stay what the config says,
only the bytes stay here. `cli` puts it in front of `Buckets` when it is told to (`--bucket-dir`).
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec

from prow.lib.errors import UsageError
from prow.storage.buckets import Buckets
from prow.storage.locations import FILE, locate
from prow.storage.ports import ObjectInfo


class Folders:
    """Implements `Storage` below `root`."""

    def __init__(self, root: Path) -> None:
        """Raises `UsageError` when the folder cannot be made or written."""
        try:
            root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise UsageError(f"{root}: cannot be made: {error.strerror}; give a folder that you may write") from error
        if not os.access(root, os.W_OK | os.X_OK):
            raise UsageError(f"{root}: cannot be written; give a folder that you may write")
        self._root = root
        self._buckets = Buckets(local_roots=[root])

    def _here(self, path: str, *, folder: bool = False) -> str:
        location = locate(path, folder=folder)
        return f"file://{self._root}/{location.scheme}/{str(location).partition('://')[2].strip('/')}"

    def _there(self, info: ObjectInfo) -> ObjectInfo:
        scheme, _, rest = info.path.removeprefix(f"file://{self._root}/").partition("/")
        return msgspec.structs.replace(info, path=f"{scheme}://{'/' if scheme == FILE else ''}{rest}")

    async def put(
        self,
        path: str,
        data: bytes,
        *,
        content_type: str = "",
        content_encoding: str = "",
        cache_control: str = "",
        metadata: Mapping[str, str] | None = None,
        must_not_exist: bool = False,
    ) -> None:
        await self._buckets.put(
            self._here(path),
            data,
            content_type=content_type,
            content_encoding=content_encoding,
            cache_control=cache_control,
            metadata=metadata,
            must_not_exist=must_not_exist,
        )

    async def get(self, path: str) -> bytes:
        return await self._buckets.get(self._here(path))

    async def get_range(self, path: str, start: int, end: int) -> bytes:
        return await self._buckets.get_range(self._here(path), start, end)

    async def stat(self, path: str) -> ObjectInfo:
        return self._there(await self._buckets.stat(self._here(path)))

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        async for info in self._buckets.list(self._here(prefix, folder=True)):
            yield self._there(info)

    async def put_file(self, path: str, source: str, *, content_type: str = "", content_encoding: str = "") -> None:
        await self._buckets.put_file(
            self._here(path), source, content_type=content_type, content_encoding=content_encoding
        )
