"""Tide's metrics, by upstream's names (`spec/tide` §6.4)."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from prow.lib.metrics import GoCounter

_POOL = ["org", "repo", "branch"]

POOLED = Gauge("pooledprs", "Pull requests in the pool.", _POOL)
UPDATED = Gauge("updatetime", "Unix time at which the pool was decided about last.", _POOL)
MERGES = Histogram("merges", "Pull requests merged together.", _POOL, buckets=(1, 2, 3, 4, 5, 7, 10, 15, 25))
POOL_ERRORS = GoCounter(
    "tidepoolerrors", "Actions on the pool that failed for a reason that operators can mend.", _POOL
)
RETESTS = Counter("tide_retests", "Pull requests that were tested again before a merge.", [*_POOL, "action"])
HEARTBEAT = GoCounter("tidesyncheartbeat", "Rounds of the controller.", ["controller"])
SYNC_SECONDS = Gauge("syncdur", "Seconds that the last list of all open pull requests took.")
LISTS = Counter("tide_repo_lists", "Lists of a repository's open pull requests.", ["result"])
MISSING = Gauge("tide_pool_missing_prs", "Pull requests of the pool that wait for a test.", _POOL)
PENDING = Gauge("tide_pool_pending_prs", "Pull requests of the pool that are being tested.", _POOL)
SUCCESSFUL = Gauge("tide_pool_successful_prs", "Pull requests of the pool whose tests have passed.", _POOL)
BATCH_PENDING = Gauge("tide_pool_batch_pending_prs", "Pull requests of the pool that are tested together.", _POOL)
GAUGES = (POOLED, UPDATED, MISSING, PENDING, SUCCESSFUL, BATCH_PENDING)
