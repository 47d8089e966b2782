"""An in-repo config is read once for each tree and central config; what is kept is bounded."""

from prometheus_client import REGISTRY

from prow.config.errors import ConfigError
from prow.config.inrepo import InRepoJobs
from prow.config.inrepo_cache import InRepoCache


def value(name: str, repo: str) -> float:
    return REGISTRY.get_sample_value(f"inRepoConfigCache_{name}", {"org": "cached", "repo": repo}) or 0


def test_a_tree_is_read_once() -> None:
    cache, jobs = InRepoCache(), InRepoJobs(warnings=(ConfigError("one"),))
    assert cache.get("cached", "once", "tree", "config") is None
    cache.put("cached", "once", "tree", "config", jobs)
    assert cache.get("cached", "once", "tree", "config") is jobs
    figures = [value(name, "once") for name in ("lookups", "hits", "misses", "cache_usage_size")]
    assert figures == [2, 1, 1, 1]


def test_another_central_config_or_tree_is_another_entry() -> None:
    cache = InRepoCache()
    cache.put("cached", "other", "tree", "config", InRepoJobs())
    assert cache.get("cached", "other", "tree", "changed") is None
    assert cache.get("cached", "other", "changed", "config") is None
    assert cache.get("cached", "else", "tree", "config") is None


def test_the_least_used_goes() -> None:
    cache = InRepoCache(size=2)
    for tree in ("a", "b"):
        cache.put("cached", "full", tree, "config", InRepoJobs())
    cache.get("cached", "full", "a", "config")
    cache.put("cached", "full", "c", "config", InRepoJobs())
    kept = [tree for tree in "abc" if cache.get("cached", "full", tree, "config") is not None]
    assert kept == ["a", "c"]
    assert value("evictions_forced", "full") == 1
    assert value("cache_usage_size", "full") == 2


def test_a_config_without_a_name_is_not_kept() -> None:
    cache = InRepoCache()
    cache.put("cached", "nameless", "tree", "", InRepoJobs())
    assert cache.get("cached", "nameless", "tree", "") is None
