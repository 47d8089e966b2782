"""Small adapters between rooms that must not know each other."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from prow.config import inrepo
from prow.config.config import Config
from prow.config.errors import ConfigError
from prow.config.inrepo import InRepoJobs
from prow.config.inrepo_cache import ACQUIRING, GIT, READING, InRepoCache
from prow.config.job import Postsubmit, Presubmit
from prow.engines.local.engine import LocalEngine
from prow.engines.local.rules import IN_REPO
from prow.git.errors import NoSuchFile, TooLarge
from prow.git.finder import Finder
from prow.git.merging import merged_tree
from prow.git.mirror import Mirror, Mirrors
from prow.git.model import Conflict, Strategy, TreeEntry
from prow.github.client import GitHub
from prow.github.search import Search
from prow.jobs.engine import Execution, Rejected
from prow.jobs.index import JobIndex
from prow.jobs.make import new_prowjob
from prow.jobs.store import JobChange, JobList, JobStore
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError
from prow.lib.ids import Ids
from prow.lib.open_work import in_thread
from prow.model.prowjob import KUBERNETES_AGENT, JobType, Label, ProwJob
from prow.plugin.ports import OpenJob
from prow.tide.service import Tide

_log = logs.get("jobs")
_SHOWN_FILES = 10
_MOST_TOGETHER = 64 << 20
J = TypeVar("J", Presubmit, Postsubmit)


class EngineLogs:
    """deck's view of the engine's growing logs."""

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine

    async def read_log(self, name: str, offset: int, limit: int) -> bytes | None:
        if self._engine.log_path(name) is None:
            return None
        return await self._engine.read_log(name, offset, limit)


class Pools:
    """deck's view of a tide in the same process."""

    def __init__(self, tide: Tide) -> None:
        self._tide = tide

    async def pools(self) -> bytes:
        return await in_thread(self._tide.pools)

    async def history(self) -> bytes:
        return await in_thread(self._tide.history)


class MergedPulls:
    """The trigger plugin's view of GitHub's search."""

    def __init__(self, github: GitHub) -> None:
        self._search = github.area(Search)

    async def count_merged(self, org: str, author: str) -> int:
        return await self._search.count_issues(f"type:pr is:merged org:{org} author:{author}", org=org)


class DryStore:
    """The job store for `--dry-run`: it is read as it is, and said what would be created, changed or deleted."""

    def __init__(self, store: JobStore) -> None:
        self._store = store

    async def create(self, job: ProwJob) -> ProwJob:
        _log.info("Dry run: this job would be created.", job=job.spec.job, name=job.name)
        return job

    async def get(self, name: str) -> ProwJob:
        return await self._store.get(name)

    async def list(self, selector: str = "", *, limit: int = 0, continue_from: str = "") -> JobList:
        return await self._store.list(selector, limit=limit, continue_from=continue_from)

    async def update(self, job: ProwJob) -> ProwJob:
        _log.info("Dry run: this job would be changed.", job=job.spec.job, name=job.name)
        return job

    async def patch(self, name: str, merge_patch: Mapping[str, Any], *, resource_version: str = "") -> ProwJob:  # noqa: ARG002
        _log.info("Dry run: this job would be changed.", name=name)
        return await self._store.get(name)

    async def delete(self, name: str, *, resource_version: str = "") -> None:  # noqa: ARG002
        _log.info("Dry run: this job would be deleted.", name=name)

    def watch(self, since: str, selector: str = "") -> AsyncIterator[JobChange]:
        return self._store.watch(since, selector)


class DryEngine:
    """The engine for `--dry-run`: it would run jobs with a pod spec, and runs none."""

    name = "dry"

    def handles(self, job: ProwJob) -> bool:
        return job.spec.agent == KUBERNETES_AGENT

    async def start(self, job: ProwJob) -> Execution:
        raise Rejected(f"nothing runs in a dry run: {job.name}")

    async def executions(self) -> tuple[Execution, ...]:
        return ()

    async def watch(self) -> AsyncIterator[Execution]:
        nothing: tuple[Execution, ...] = ()
        for execution in nothing:
            yield execution
        await asyncio.Event().wait()

    async def abort(self, name: str) -> None:
        """There is nothing to stop."""

    async def forget(self, name: str) -> None:
        """There is nothing to forget."""


class OpenPresubmits:
    """The plugins' view of the index."""

    def __init__(self, index: JobIndex) -> None:
        self._index = index

    def unfinished_presubmits(self, org: str, repo: str, number: int) -> Iterable[OpenJob]:
        return [
            OpenJob(row.name, str(row.version), row.pulls[0].sha if row.pulls else "")
            for row in self._index.by_pull(org, repo, number)
            if row.type is JobType.PRESUBMIT and not row.complete
        ]


class Reruns:
    """deck's rerun: the old job's spec, labels and annotations under a new name."""

    def __init__(self, *, clock: Clock, ids: Ids) -> None:
        self._clock = clock
        self._ids = ids

    def again(self, job: ProwJob) -> ProwJob:
        stale = {Label.ID, Label.BUILD_ID}
        labels = {key: value for key, value in job.metadata.labels.items() if key not in stale}
        made = new_prowjob(
            job.spec,
            name=self._ids.new(),
            namespace=job.metadata.namespace,
            now=self._clock.now(),
            labels=labels,
            annotations=job.metadata.annotations,
        )
        text = f"Successfully reran {made.name}."
        return msgspec.structs.replace(made, status=msgspec.structs.replace(made.status, description=text))


class RepoFiles:
    """The plugins' view of files at a commit."""

    def __init__(self, mirrors: Mirrors) -> None:
        self._mirrors = mirrors

    async def read(self, org: str, repo: str, sha: str, path: str) -> bytes | None:
        mirror = self._mirrors.mirror(org, repo)
        await mirror.ensure([sha])
        try:
            return await mirror.read_file(sha, path)
        except NoSuchFile:
            return None


class RepoConfig:
    """The plugins' view of jobs that a repository keeps itself, read from git without a checkout."""

    def __init__(self, mirrors: Mirrors, config: Config, cache: InRepoCache) -> None:
        self._mirrors = mirrors
        self._config = config
        self._cache = cache

    async def presubmits(self, org: str, repo: str, *, base_sha: str, heads: Sequence[str]) -> tuple[Presubmit, ...]:
        """From the base with the heads brought onto it one after the other, as the jobs will see it."""
        mirror = await self._mirror(org, repo, [base_sha, *heads])
        tree = await self._merged(mirror, base_sha, heads, org, repo) if heads else base_sha
        return tuple(_marked(job) for job in (await self._read(mirror, tree, org, repo)).presubmits)

    async def postsubmits(self, org: str, repo: str, *, sha: str) -> tuple[Postsubmit, ...]:
        mirror = await self._mirror(org, repo, [sha])
        return tuple(_marked(job) for job in (await self._read(mirror, sha, org, repo)).postsubmits)

    async def _mirror(self, org: str, repo: str, shas: Sequence[str]) -> Mirror:
        mirror = self._mirrors.mirror(org, repo)
        with ACQUIRING.labels(org, repo).time():
            await mirror.ensure(shas)
        return mirror

    async def _merged(self, mirror: Mirror, base: str, heads: Sequence[str], org: str, repo: str) -> str:
        strategy = Strategy(self._config.tide.merge_method_for(org, repo))
        with GIT.labels(org, repo).time():
            tree = await merged_tree(mirror, base, heads, strategy)
        if isinstance(tree, Conflict):
            where = f" (conflicts in {', '.join(tree.files[:_SHOWN_FILES])})" if tree.files else ""
            raise ConfigError(f"{tree.head} does not merge into {base}{where}, so there is no config to read")
        return tree

    async def _read(self, mirror: Mirror, tree: str, org: str, repo: str) -> InRepoJobs:
        """Commits whose files say the same share what was read."""
        with READING.labels(org, repo).time():
            entries = await _own_entries(mirror, tree)
            same = _name_of(entries) or tree
            known = self._cache.get(org, repo, same, self._config.hash)
            if known is not None:
                return known
            try:
                with GIT.labels(org, repo).time():
                    files = await _own_files(mirror, tree, entries)
                jobs = await in_thread(inrepo.read_in_repo, files, self._config, org=org, repo=repo)
            except ProwError:
                self._cache.refused(org, repo)
                raise
            self._cache.put(org, repo, same, self._config.hash, jobs)
            return jobs


async def _own_entries(mirror: Mirror, tree: str) -> tuple[TreeEntry, ...]:
    """Where a repository's own config may be. Raises ConfigError when that is too much."""
    finder = Finder(lambda path: bool(inrepo.wanted_paths([path])), lambda folder: inrepo.is_in_repo_path(f"{folder}/"))
    try:
        return await mirror.find(tree, finder)
    except TooLarge as error:
        raise ConfigError(str(error), file=inrepo.DIRECTORY) from None


async def _own_files(mirror: Mirror, tree: str, entries: Sequence[TreeEntry]) -> dict[str, bytes]:
    """One request gets those that are missing here. Raises ConfigError for too large ones."""
    try:
        files = await mirror.read_files(tree, entries, max_file=inrepo.MAX_FILE, max_all=_MOST_TOGETHER)
    except TooLarge as error:
        raise ConfigError(str(error), file=inrepo.DIRECTORY) from None
    large = next((entry.path for entry in entries if entry.path not in files and not entry.is_link), None)
    if large is not None:
        raise ConfigError(f"larger than {inrepo.MAX_FILE} bytes", file=large)
    return files


def _name_of(entries: Sequence[TreeEntry]) -> str:
    """The same for the same files; empty where what a link leads to may be another one."""
    if any(entry.is_link for entry in entries):
        return ""
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(f"{entry.sha} {entry.path}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _marked(job: J) -> J:
    """Say that the job comes from the tested repository itself: such a job never gets Secrets."""
    return msgspec.structs.replace(job, annotations={**job.annotations, IN_REPO: "true"})


class InRepo:
    """Gives `RepoConfig` for repositories that may have a config of their own."""

    def __init__(self, mirrors: Mirrors, cache: InRepoCache) -> None:
        self._mirrors = mirrors
        self._cache = cache

    def reader_for(self, config: Config, org: str, repo: str) -> RepoConfig | None:
        return RepoConfig(self._mirrors, config, self._cache) if config.in_repo_config.enabled_for(org, repo) else None
