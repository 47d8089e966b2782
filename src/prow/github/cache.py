"""Answers kept to be revalidated: GitHub does not charge for a 304.

Nothing is served without asking GitHub, so the cache can never be stale. Entries belong to the identity that asked: what one
may see another may not. `MemoryCache` is one process's; `disk_cache` keeps the same in a file that processes share.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import msgspec

_OVERHEAD = 600
_KEPT_HEADERS = (
    "cache-control", "content-encoding", "content-type", "etag", "last-modified", "link", "vary", "x-accepted-oauth-scopes",
    "x-github-media-type", "x-oauth-scopes",
)  # fmt: skip
"""GitHub sends the others with a 304 again."""


class Key(NamedTuple):
    """`partition`: the identity that asks. `variant`: what else the answer depends on, such as Accept."""

    partition: str
    url: str
    variant: str = ""

    @property
    def digest(self) -> bytes:
        return hashlib.blake2b("\0".join(self).encode(), digest_size=16).digest()


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A 200. `token`: a digest of the one it was got with. `stored`: Unix time."""

    body: bytes
    headers: Mapping[str, str]
    token: str = ""
    stored: float = 0.0

    def conditions(self, token: str = "") -> dict[str, str]:
        """Headers that ask whether it is still right. GitHub's ETags differ by token, so a renewed token asks by time where it can."""
        etag, modified = self.headers.get("etag"), self.headers.get("last-modified")
        if etag and (token == self.token or not modified):
            return {"If-None-Match": etag}
        return {"If-Modified-Since": modified} if modified else {}

    def revalidated(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers of the answer, where GitHub said 304 with `headers`."""
        return {**self.headers, **headers}


def keepable(
    body: bytes, headers: Mapping[str, str], *, token: str = "", now: float = 0.0, largest: int = 4 << 20
) -> Kept | None:
    """What to keep of a 200. Without a validator there is nothing to ask with, so nothing is kept."""
    if not (headers.get("etag") or headers.get("last-modified")) or "no-store" in headers.get("cache-control", ""):
        return None
    if len(body) > largest or "*" in headers.get("vary", ""):
        return None
    kept = {name: headers[name] for name in _KEPT_HEADERS if name in headers}
    return Kept(body=body, headers=kept, token=token, stored=now)


class Cache(Protocol):
    """`largest`: of bodies that are kept. A cache that fails is one that has nothing: no method raises for its own troubles."""

    @property
    def largest(self) -> int: ...

    async def get(self, key: Key) -> Kept | None: ...

    async def put(self, key: Key, kept: Kept) -> None: ...

    async def drop(self, key: Key) -> None: ...

    async def aclose(self) -> None: ...


class MemoryCache:
    """`max_bytes`: of all bodies, with an allowance for each entry. The least recently used go first."""

    def __init__(self, max_bytes: int = 32 << 20) -> None:
        self._max = max_bytes
        self._entries: OrderedDict[Key, Kept] = OrderedDict()
        self._bytes = 0

    @property
    def largest(self) -> int:
        return self._max // 8

    @property
    def size(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    async def get(self, key: Key) -> Kept | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    async def put(self, key: Key, kept: Kept) -> None:
        await self.drop(key)
        self._entries[key] = kept
        self._bytes += len(kept.body) + _OVERHEAD
        while self._bytes > self._max:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= len(oldest.body) + _OVERHEAD

    async def drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.body) + _OVERHEAD

    async def aclose(self) -> None:
        self._entries.clear()
        self._bytes = 0
