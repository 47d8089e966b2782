"""Answers kept in memory to be revalidated: GitHub does not charge for a 304.

Nothing is served without asking GitHub, so the cache can never be stale. Entries belong to one token: what one may see
another may not. The least recently used go first when the bound in bytes is reached.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import msgspec

Key = tuple[str, str, str]
"""Identity of the token, Accept, path."""

_OVERHEAD = 600
_KEPT_HEADERS = ("content-type", "link", "etag", "last-modified")


class Kept(msgspec.Struct, frozen=True):
    body: bytes
    headers: Mapping[str, str]

    def conditions(self) -> dict[str, str]:
        """Headers that ask whether it is still right."""
        etag, modified = self.headers.get("etag"), self.headers.get("last-modified")
        if etag:
            return {"If-None-Match": etag}
        return {"If-Modified-Since": modified} if modified else {}


class AnswerCache:
    """`max_bytes`: of all bodies, with an allowance for each entry. An answer over an eighth of it is not kept."""

    def __init__(self, max_bytes: int = 32 << 20) -> None:
        self._max = max_bytes
        self._entries: OrderedDict[Key, Kept] = OrderedDict()
        self._bytes = 0

    @property
    def size(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Kept | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: Key, body: bytes, headers: Mapping[str, str]) -> None:
        """Keep a 200. Without a validator there is nothing to ask with, so nothing is kept."""
        self.drop(key)
        if not (headers.get("etag") or headers.get("last-modified")) or "no-store" in headers.get("cache-control", ""):
            return
        if len(body) > self._max // 8:
            return
        self._entries[key] = Kept(body, {name: headers[name] for name in _KEPT_HEADERS if name in headers})
        self._bytes += len(body) + _OVERHEAD
        while self._bytes > self._max:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= len(oldest.body) + _OVERHEAD

    def drop(self, key: Key) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry.body) + _OVERHEAD
