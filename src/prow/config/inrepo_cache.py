"""In-repo configs that were read lately, by the git tree that they stand in and the central config they were read with.

A tree never changes, so an entry never gets stale; the least used go. Metrics have upstream's names (`spec/config` §6.3).
"""

from __future__ import annotations

from collections import OrderedDict

from prometheus_client import Gauge, Histogram

from prow.config.inrepo import InRepoJobs
from prow.lib.metrics import GoCounter

SIZE = 200

_OF = ["org", "repo"]
_LOOKUPS = GoCounter("inRepoConfigCache_lookups", "Times an in-repo config was asked for.", _OF)
_HITS = GoCounter("inRepoConfigCache_hits", "Times it was known already.", _OF)
_MISSES = GoCounter("inRepoConfigCache_misses", "Times it had to be read.", _OF)
_FORCED = GoCounter("inRepoConfigCache_evictions_forced", "Entries that made room for others.", _OF)
_MANUAL = GoCounter("inRepoConfigCache_evictions_manual", "Times it could not be read, so that nothing was kept.", _OF)
_USAGE = Gauge("inRepoConfigCache_cache_usage_size", "In-repo configs kept.", _OF)
READING = Histogram("inRepoConfigCache_GetProwYAML_duration", "Seconds to get an in-repo config.", _OF)
ACQUIRING = Histogram("inrepoconfig_git_client_acquisition_duration", "Seconds until the mirror has the commits.", _OF)
GIT = Histogram("inrepoconfig_git_other_duration", "Seconds to merge, and to read the files of a commit.", _OF)


class InRepoCache:
    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._entries: OrderedDict[tuple[str, str, str, str], InRepoJobs] = OrderedDict()

    def get(self, org: str, repo: str, tree: str, config_hash: str) -> InRepoJobs | None:
        """`tree`: the commit or tree. `config_hash` names the central config; without a name nothing is kept."""
        _LOOKUPS.labels(org, repo).inc()
        key = (org, repo, tree, config_hash)
        found = self._entries.get(key) if config_hash else None
        if found is None:
            _MISSES.labels(org, repo).inc()
            return None
        self._entries.move_to_end(key)
        _HITS.labels(org, repo).inc()
        return found

    def put(self, org: str, repo: str, tree: str, config_hash: str, jobs: InRepoJobs) -> None:
        key = (org, repo, tree, config_hash)
        if not config_hash or key in self._entries:
            return
        self._entries[key] = jobs
        _USAGE.labels(org, repo).inc()
        while len(self._entries) > self._size:
            (old_org, old_repo, _, _), _ = self._entries.popitem(last=False)
            _FORCED.labels(old_org, old_repo).inc()
            _USAGE.labels(old_org, old_repo).dec()

    @staticmethod
    def refused(org: str, repo: str) -> None:
        """What was looked up in vain could not be read: the next one asks again."""
        _MANUAL.labels(org, repo).inc()
