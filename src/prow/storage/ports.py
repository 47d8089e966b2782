"""The port of object storage. Paths are `scheme://bucket/key`; without a scheme `gs://` is meant (`spec` §6.4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from prow.lib.errors import Permanent


class ObjectNotFound(Permanent):
    """No object at that path."""


class ObjectExists(Permanent):
    """`must_not_exist` was asked for and an object is there."""


class BadPath(Permanent):
    """The path leaves its bucket or cannot be an object's."""


class ObjectInfo(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    size: int
    modified: datetime | None = None
    content_type: str = ""
    content_encoding: str = ""
    is_dir: bool = False


class Storage(Protocol):
    """All buckets of one process, each opened once on first use."""

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
    ) -> None: ...

    async def get(self, path: str) -> bytes: ...

    async def get_range(self, path: str, start: int, end: int) -> bytes: ...

    async def stat(self, path: str) -> ObjectInfo: ...

    def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """One level below `prefix`, folders as `is_dir`."""
        ...

    async def put_file(self, path: str, source: str, *, content_type: str = "", content_encoding: str = "") -> None:
        """Upload a local file in pieces."""
        ...
