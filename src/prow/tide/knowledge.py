"""What tide asks about besides the pull requests themselves: changed files, jobs of the repository's own, merge settings, blocking issues.

Each is asked once and kept as long as it holds: files for a head commit, requirements for a head commit and a configuration,
settings for an hour. Only pull requests that a query would find are asked about at all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from prow.config.config import Config
from prow.config.errors import ConfigError
from prow.config.job import Presubmit
from prow.github.merging import MergeSettings
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import Denied, Permanent, Retry
from prow.model.pull_facts import PullFacts
from prow.tide import required
from prow.tide.model import PoolKey, PoolRules, Problem, Requirements
from prow.tide.ports import ReadsOwnJobs, ReadsPulls
from prow.tide.queries import gaps_of

_log = logs.get("tide")
_SETTINGS_KEPT = 3600.0
_MOST_KEPT = 5_000
OwnJobs = Callable[[Config, str, str], ReadsOwnJobs | None]


class Knowledge:
    """Caches in front of GitHub and git."""

    def __init__(self, github: ReadsPulls, own_jobs: OwnJobs, *, clock: Clock) -> None:
        self._github = github
        self._own_jobs = own_jobs
        self._clock = clock
        self._files: OrderedDict[Any, tuple[str, ...]] = OrderedDict()
        self._requirements: OrderedDict[Any, Requirements] = OrderedDict()
        self._settings: dict[tuple[str, str], tuple[float, frozenset[str]]] = {}

    async def allowed_methods(self, org: str, repo: str) -> frozenset[str] | None:
        """Which merge methods the repository allows; None when GitHub does not say now."""
        known = self._settings.get((org, repo))
        if known is not None and self._clock.monotonic() - known[0] < _SETTINGS_KEPT:
            return known[1]
        try:
            found = _methods(await self._github.merge_settings(org, repo))
        except (Retry, Permanent) as error:
            _log.warning("The repository's merge settings cannot be read.", org=org, repo=repo, error=str(error))
            return known[1] if known is not None else None
        self._settings[org, repo] = (self._clock.monotonic(), found)
        return found

    async def files(self, pull: PullFacts) -> tuple[str, ...]:
        """Paths that the pull request changes. Raises what the client raises."""
        key = (pull.key, pull.head_sha)
        found = self._files.get(key)
        if found is None:
            found = tuple(file.filename for file in await self._github.list_files(*pull.key))
            _keep(self._files, key, found)
        return found

    async def requirements(self, config: Config, rules: PoolRules, pull: PullFacts) -> Requirements | Problem:
        """What the pull request has to fulfil. What only matters to one that a query finds is left out for the others."""
        key = PoolKey(pull.org, pull.repo, pull.base_ref)
        reader = self._own_jobs(config, pull.org, pull.repo)
        cheap = required.requirements_of(config, key, ())
        if isinstance(cheap, Problem):
            return cheap
        if not any(gap.searched for gap in gaps_of(rules, pull, ())):
            return cheap
        if reader is None and not required.needs_files(config, key):
            return cheap
        mark = (config.hash or id(config), pull.key, pull.head_sha, pull.base_ref, pull.base_sha if reader else "")
        known = self._requirements.get(mark)
        if known is not None:
            return known
        try:
            found = await self._full(config, key, pull, reader)
        except ConfigError as error:
            return Problem(text=f"the repository's own job config cannot be used: {error}")
        except (Denied, Retry) as error:
            _log.warning("What the pull request needs cannot be read now.", pr=str(pull.key), error=str(error))
            return Problem(text=str(error), passing=True)
        except Permanent as error:
            return Problem(text=str(error))
        if isinstance(found, Requirements):
            _keep(self._requirements, mark, found)
        return found

    async def _full(
        self, config: Config, key: PoolKey, pull: PullFacts, reader: ReadsOwnJobs | None
    ) -> Requirements | Problem:
        jobs: tuple[Presubmit, ...] | None = None
        if reader is not None:
            own = await reader.presubmits(pull.org, pull.repo, base_sha=pull.base_sha, heads=[pull.head_sha])
            jobs = (*config.presubmits_for(pull.org, pull.repo), *own)
        files = await self.files(pull) if required.needs_files(config, key, jobs) else ()
        return required.requirements_of(config, key, files, jobs)


def _methods(settings: MergeSettings) -> frozenset[str]:
    allowed = {
        "merge": settings.allow_merge_commit,
        "squash": settings.allow_squash_merge,
        "rebase": settings.allow_rebase_merge,
    }
    return frozenset(method for method, yes in allowed.items() if yes)


def _keep(cache: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    cache[key] = value
    while len(cache) > _MOST_KEPT:
        cache.popitem(last=False)
