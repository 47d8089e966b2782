"""Reads all open pull requests of the repositories that queries are about: at the start, now and then, and after a push.

A push makes it unknown whether the pull requests into that branch merge; GitHub tells nobody when it knows again. So the repository
is listed a moment later, and again while something that matters is still unknown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prow.config.config import Config
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import Permanent, ProwError
from prow.model.pull_facts import Mergeable
from prow.tide import metrics
from prow.tide.model import PoolKey
from prow.tide.open_pulls import OpenPulls
from prow.tide.ports import ReadsPulls
from prow.tide.troubles import Troubles, again_in

_log = logs.get("tide")
_AT_ONCE = 4
_SOON = 1.0
_LONGEST = 60.0
_AGAIN_AFTER = 10.0
Repo = tuple[str, str]
Listed = Callable[[frozenset[PoolKey]], None]


class Lists:
    """`wanted`: whether it matters that a pull request's mergeability is unknown."""

    def __init__(self, github: ReadsPulls, pulls: OpenPulls, *, clock: Clock, troubles: Troubles) -> None:
        self._github = github
        self._pulls = pulls
        self._clock = clock
        self._say = troubles.say
        self._listed: set[Repo] = set()
        self._unread: set[Repo] = set()
        self._due: dict[Repo, tuple[float, float]] = {}
        self._woken = asyncio.Event()
        self._locks: dict[Repo, asyncio.Lock] = {}
        self._renamed: dict[Repo, str] = {}

    def knows(self, org: str, repo: str) -> bool:
        """Whether its pull requests were listed once."""
        return (org, repo) in self._listed

    def repos(self) -> tuple[Repo, ...]:
        return tuple(sorted(self._listed))

    def soon(self, org: str, repo: str, *, after: float = _SOON) -> None:
        """List the repository in so many seconds if something that matters is unknown by then, and again for as long as it is."""
        at = self._clock.monotonic() + after
        due = self._due.get((org, repo))
        if due is None or at < due[0]:
            self._due[org, repo] = (at, max(after, _SOON))
            self._woken.set()

    async def everything(self, config: Config, listed: Listed) -> float | None:
        """List every repository that a query is about. One that cannot be read now is due again when it may be.

        Seconds after which everything should be listed again, since it is not known which repositories there are; None: it is.
        """
        slots = asyncio.Semaphore(_AT_ONCE)

        async def one(repo: Repo) -> None:
            async with slots:
                trouble = await self._list(repo, listed)
                if trouble is not None:
                    self._due[repo] = (self._clock.monotonic() + trouble, _SOON)
                    self._woken.set()

        repos, pause = await self._repos_of(config)
        async with asyncio.TaskGroup() as lists:
            for repo in sorted(repos):
                lists.create_task(one(repo))
        return pause

    async def run(self, listed: Listed, matters: Callable[[PoolKey], bool]) -> None:
        """List what is due, for ever. `matters`: whether a pool cares that something is unknown."""
        while True:
            self._woken.clear()
            if not self._due:
                await self._woken.wait()
                continue
            repo = min(self._due, key=lambda r: self._due[r][0])
            wait = self._due[repo][0] - self._clock.monotonic()
            if wait > 0:
                try:
                    async with self._clock.timeout(wait):
                        await self._woken.wait()
                except TimeoutError:
                    pass
                continue
            _, pause = self._due.pop(repo)
            if repo in self._listed and repo not in self._unread and not self._unknown(repo, matters):
                continue
            trouble = await self._list(repo, listed)
            if (trouble is not None or self._unknown(repo, matters)) and repo not in self._due:
                pause = min(pause * 2, _LONGEST)
                wait = pause if trouble is None else max(pause, trouble)
                self._due[repo] = (self._clock.monotonic() + wait, pause)

    def _unknown(self, repo: Repo, matters: Callable[[PoolKey], bool]) -> bool:
        return any(
            pull.mergeable is Mergeable.UNKNOWN
            for pool in self._pulls.pools()
            if (pool.org, pool.repo) == repo and matters(pool)
            for pull in self._pulls.of(pool)
        )

    async def _list(self, repo: Repo, listed: Listed) -> float | None:
        """One repository. Seconds after which it may be read, when it could not be now."""
        async with self._locks.setdefault(repo, asyncio.Lock()):
            seen = {key: self._pulls.changes(key) for key in self._pulls.of_repo(*repo)}
            changed: set[PoolKey] = set()
            numbers: list[int] = []
            try:
                async for page in self._github.open_pull_pages(*repo):
                    self._pulls.allow_methods(*repo, page.methods)
                    self._say_renamed(repo, page.full_name)
                    for facts in page.pulls:
                        numbers.append(facts.number)
                        pool = self._pulls.take(facts, seen=seen.get(facts.key, 0))
                        if pool is not None:
                            changed.add(pool)
            except ProwError as error:
                metrics.LISTS.labels("error").inc()
                listed(frozenset(changed))
                self._say(error, "The open pull requests cannot be listed.", org=repo[0], repo=repo[1])
                if isinstance(error, Permanent):
                    return None
                self._unread.add(repo)
                return again_in(error, self._clock, least=_AGAIN_AFTER)
            self._unread.discard(repo)
            changed.update(self._pulls.forget_except(*repo, numbers, since=seen))
            metrics.LISTS.labels("success").inc()
            if repo not in self._listed:
                self._listed.add(repo)
                changed.update(pool for pool in self._pulls.pools() if (pool.org, pool.repo) == repo)
            listed(frozenset(changed))
            return None

    def _say_renamed(self, repo: Repo, now: str) -> None:
        """Once for each new name. Its events have that name, so it is looked at only when everything is."""
        if now and now.lower() != "/".join(repo).lower() and self._renamed.get(repo) != now:
            self._renamed[repo] = now
            _log.warning(
                "A repository has another name now: use that in the config.", org=repo[0], repo=repo[1], now=now
            )

    async def _repos_of(self, config: Config) -> tuple[set[Repo], float | None]:
        """And seconds after which an organisation may be asked again that could not be now."""
        found: set[Repo] = set()
        pauses: list[float] = []
        orgs: set[str] = set()
        for query in config.tide.queries:
            orgs.update(query.orgs)
            found.update(_split(name) for name in query.repos)
        for org in sorted(orgs):
            try:
                names = await self._github.list_org_repos(org)
            except ProwError as error:
                self._say(error, "The organisation's repositories cannot be listed.", org=org)
                pauses.append(again_in(error, self._clock, least=_AGAIN_AFTER))
                continue
            found.update((org, name) for name in names if any(q.applies_to(org, name) for q in config.tide.queries))
        return found, min(pauses, default=None)


def _split(full_name: str) -> Repo:
    org, _, repo = full_name.partition("/")
    return org, repo
