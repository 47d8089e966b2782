"""What the git room counts. The names with `git_` and `sparse_` are upstream's (`spec/plugins-other` §14), the others ours.

Upstream also times its working clones. There are none here, so those two stay empty, for dashboards that ask for them.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

_OF = ["org", "repo"]
_SHORT = (0.5, 1, 2, 5, 10, 20, 30, 45, 60, 90)
_LONG = (*_SHORT, 120, 180, 300, 450, 600, 750, 900, 1050, 1200)

REFRESH = Histogram("git_ensure_fresh_primary_duration", "Seconds to bring a mirror up to date.", _OF, buckets=_LONG)
BY_SHA = Histogram("git_fetch_by_sha_duration", "Seconds to fetch single commits.", _OF, buckets=_LONG)
CLONES = Histogram("git_secondary_clone_duration", "Always empty: nothing is cloned again.", _OF, buckets=_SHORT)
SPARSE = Histogram("sparse_checkout_duration", "Always empty: nothing is checked out.", buckets=_SHORT)

FETCHES = Counter(
    "prow_git_fetches_total", "Requests to git servers, by what for: tips, refs, commits, files.", ["kind"]
)
PROCESSES = Counter("prow_git_processes_total", "Processes of git that were started, by its command.", ["command"])
REPAIRS = Counter("prow_git_repairs_total", "Mirrors that were damaged and mended: made again, or unlocked.", ["how"])
BYTES = Gauge("prow_git_cache_bytes", "Bytes of all mirrors, as measured last.")
MIRRORS = Gauge("prow_git_mirrors", "Mirrors in the cache folder.")
EVICTIONS = Counter("prow_git_evictions_total", "Mirrors removed to keep the cache folder within its bound.")
REPACKS = Counter("prow_git_repacks_total", "Mirrors whose packs were put together.")
READERS = Gauge("prow_git_readers", "git processes kept to answer reads.")
FOUND = Gauge("prow_git_found_entries", "Folders, and files found in them, kept in memory.")
TREES = Gauge("prow_git_tree_entries", "Entries of folders kept in memory.")
