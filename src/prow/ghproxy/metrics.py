"""Upstream's metrics of ghproxy (`spec/plugins-other` §7.5). Those of the client (`github.meter`) are the same for both."""

from __future__ import annotations

from typing import Final

from prometheus_client import Gauge, Histogram

from prow.lib.metrics import GoCounter

CONCURRENT = Gauge("concurrent_outbound_requests", "Requests under way to GitHub.")
PENDING = Gauge("pending_outbound_requests", "Requests that wait for their turn to be sent to GitHub.")
PARTITIONS = GoCounter("ghcache_cache_partitions", "Identities that have a cache of their own.", ["token_hash"])
MISSPELT_PARTITIONS = GoCounter("ghcache_cache_parititions", "The same by an older, misspelt name.", ["token_hash"])
RESPONSES = GoCounter(
    "ghcache_responses", "Answers by how they came about.", ["mode", "path", "user_agent", "token_hash"]
)
WAITED = Histogram(
    "github_request_wait_duration_seconds",
    "How long requests were held back to be spaced.",
    ["token_hash", "request_type", "api"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 7.5, 10, 15, 20, 25, 30, 45, 60, 90, 120, 150, 180),
)
AGE = Histogram(
    "ghcache_cache_entry_age_seconds",
    "How old kept answers were that GitHub said are still right.",
    ["token_hash", "path", "user_agent"],
    buckets=(5, 900, 1800, 3600, 7200, 14400),
)
DISK_FREE = Gauge("ghcache_disk_free", "Space left on the cache's disk, in GB.")
DISK_USED = Gauge("ghcache_disk_used", "Space used on the cache's disk, in GB.")
DISK_TOTAL = Gauge("ghcache_disk_total", "Size of the cache's disk, in GB.")
INODES_FREE = Gauge("ghcache_disk_inode_free", "Free inodes of the cache's disk.")
INODES_USED = Gauge("ghcache_disk_inode_used", "Used inodes of the cache's disk.")
INODES_TOTAL = Gauge("ghcache_disk_inode_total", "Inodes of the cache's disk.")

_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OTHER = "other"


class Names:
    """What others call themselves, as a label. A label stays for ever: the first `most` names get their own, all after them are `rest`."""

    def __init__(self, most: int, rest: str = OTHER) -> None:
        self._most = most
        self._rest = rest
        self._known: set[str] = set()

    def __call__(self, name: str) -> str:
        if name in self._known:
            return name
        if len(self._known) >= self._most:
            return self._rest
        self._known.add(name)
        return name


def method(name: str) -> str:
    """A request's, as a label."""
    return name if name in _METHODS else OTHER
