"""What tide asks about besides the pull requests themselves: changed files, and jobs of the repository's own.

Each is asked once and kept as long as it holds: files for a head commit, requirements for a head commit and a configuration. Only pull requests that a query would find are asked about at all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from prow.config.config import Config
from prow.config.errors import ConfigError
from prow.config.job import Presubmit
from prow.lib.errors import Denied, Permanent, Retry
from prow.model.pull_facts import PullFacts
from prow.tide import required
from prow.tide.model import PoolKey, PoolRules, Problem, Requirements
from prow.tide.ports import ReadsOwnJobs, ReadsPulls
from prow.tide.queries import gaps_of
from prow.tide.troubles import Troubles

_MOST_KEPT = 5_000
OwnJobs = Callable[[Config, str, str], ReadsOwnJobs | None]


class Knowledge:
    """Caches in front of GitHub and git."""

    def __init__(self, github: ReadsPulls, own_jobs: OwnJobs, *, troubles: Troubles) -> None:
        self._github = github
        self._own_jobs = own_jobs
        self._say = troubles.say
        self._files: OrderedDict[Any, tuple[str, ...]] = OrderedDict()
        self._requirements: OrderedDict[Any, Requirements] = OrderedDict()

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
            self._say(error, "What the pull request needs cannot be read now.", pr=str(pull.key))
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


def _keep(cache: OrderedDict[Any, Any], key: Any, value: Any) -> None:
    cache[key] = value
    while len(cache) > _MOST_KEPT:
        cache.popitem(last=False)
