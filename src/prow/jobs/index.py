"""The index: a slim row per ProwJob in memory, kept by list and watch; specs stay in the store.

A finished job costs about 1 kB with all look-ups (13 kB as dicts). Readers look up by name, build id, pull request,
branch or job name; subscribers get each changed row, and a subscriber
that does not keep up is told that it lost some.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from prow.jobs.store import Change, Gone, JobStore, pages
from prow.lib import durations, logs
from prow.lib.clock import Clock
from prow.lib.errors import Retry
from prow.model.prowjob import JobState, JobType, Label, ObjectMeta, ProwJob, ProwJobSpec, ProwJobStatus
from prow.model.refs import Pull, Refs

_log = logs.get("jobs")
K = TypeVar("K")

_OF_PULLS = frozenset({JobType.PRESUBMIT, JobType.BATCH})
_BEHIND = 2_000
_AGAIN = 1.0


class PullRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    number: int
    sha: str
    author: str
    link: str


class JobRow(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What lists and decisions need of a ProwJob. Times are Unix seconds, 0: none."""

    name: str
    version: int
    type: JobType
    agent: str
    cluster: str
    job: str
    context: str
    org: str
    repo: str
    base_ref: str
    base_sha: str
    pulls: tuple[PullRow, ...]
    identity: str
    """What makes two presubmits duplicates of one another (§3.4): type, job, repositories, base branches, pull numbers.
    Empty when the job is complete: only unfinished jobs can be duplicates."""
    state: JobState
    description: str
    url: str
    build_id: str
    created: int
    started: int
    completed: int
    max_concurrency: int
    queue: str
    running_timeout: int
    """Seconds that the job's own `pod_running_timeout` gives it; 0: plank's default."""
    retest: bool
    """Whether a person asked for it by `/retest`."""
    report: bool
    rerun_command: str
    by_tide: bool = False
    """Tide started it (label `created-by-tide`)."""
    rerun: int = 0
    """Which repetition of a periodic it is (§8.1); 0: the regular run; -1: its label cannot be read."""
    cron: str = ""
    """The expression that this run of a periodic was started by."""
    deleting: bool = False
    """Deleted already, but still there because of its finalizers."""
    deleted: bool = False
    """Gone: the last that subscribers hear of it."""

    @property
    def complete(self) -> bool:
        return self.completed != 0

    def as_job(self) -> ProwJob:
        """A ProwJob with what the row knows, for code that shows jobs."""
        refs = None
        if self.repo:
            pulls = tuple(Pull(number=p.number, sha=p.sha, author=p.author, link=p.link) for p in self.pulls)
            refs = Refs(org=self.org, repo=self.repo, base_ref=self.base_ref, base_sha=self.base_sha, pulls=pulls)
        return ProwJob(
            metadata=ObjectMeta(name=self.name, resource_version=str(self.version)),
            spec=ProwJobSpec(
                type=self.type,
                agent=self.agent,
                cluster=self.cluster,
                job=self.job,
                context=self.context,
                refs=refs,
                report=self.report,
                rerun_command=self.rerun_command,
            ),
            status=ProwJobStatus(
                state=self.state,
                description=self.description,
                url=self.url,
                build_id=self.build_id,
                start_time=_moment(self.started),
                completion_time=_moment(self.completed),
            ),
        )


def row_of(job: ProwJob) -> JobRow:
    """The slim row of a job."""
    spec, status, meta = job.spec, job.status, job.metadata
    refs = spec.refs or (spec.extra_refs[0] if spec.extra_refs else Refs())
    share = sys.intern
    created, started = _seconds(meta.creation_timestamp), _seconds(status.start_time)
    return JobRow(
        name=job.name,
        version=int(meta.resource_version or "0"),
        type=spec.type,
        agent=share(spec.agent),
        cluster=share(spec.cluster),
        job=share(spec.job),
        context=share(spec.context),
        org=share(refs.org),
        repo=share(refs.repo),
        base_ref=share(refs.base_ref),
        base_sha=share(refs.base_sha),
        pulls=tuple(PullRow(p.number, share(p.sha), share(p.author), share(p.link)) for p in refs.pulls),
        identity="" if status.complete else share(identity(spec)),
        state=status.state or JobState.TRIGGERED,
        description=share(status.description),
        url=status.url,
        build_id=status.build_id,
        created=created,
        started=created if started == created else started,  # mostly equal: one number in memory
        completed=_seconds(status.completion_time),
        max_concurrency=spec.max_concurrency,
        queue=share(spec.job_queue_name),
        running_timeout=_running_timeout(spec),
        retest=meta.labels.get(Label.RETEST) == "true",
        rerun=_rerun(meta.labels.get(Label.RE_RUN, "0")),
        report=spec.report,
        rerun_command=share(spec.rerun_command),
        by_tide=meta.labels.get(Label.CREATED_BY_TIDE) == "true",
        cron=share(meta.annotations.get(Label.CRON, "")),
        deleting=meta.deletion_timestamp is not None,
    )


def latest(rows: Iterable[JobRow]) -> JobRow | None:
    """The run of a periodic that counts as its latest: the one that started last."""
    return max(rows, key=lambda row: (row.started, row.created, row.rerun, row.name), default=None)


def identity(spec: ProwJobSpec) -> str:
    """Equal for jobs of which only the newest should run: no commit is part of it."""
    refs = [_digest(r) for r in (spec.refs, *spec.extra_refs) if r is not None]
    return ",".join(sorted([spec.type.value, spec.job, *refs]))


def _digest(refs: Refs) -> str:
    numbers = " ".join(str(n) for n in sorted(p.number for p in refs.pulls))
    return f"{refs.full_name}@{refs.base_ref} [{numbers}]"


def _rerun(label: str) -> int:
    return int(label) if label.isascii() and label.isdigit() and len(label) < 10 else -1


def _running_timeout(spec: ProwJobSpec) -> int:
    text = spec.decoration_config.pod_running_timeout if spec.decoration_config is not None else None
    try:
        return int(durations.seconds(text)) if text else 0
    except ValueError:
        return 0


def _seconds(moment: datetime | None) -> int:
    return int(moment.timestamp()) if moment is not None else 0


def _moment(seconds: int) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


class Changes:
    """A subscriber's queue. `overflowed`: it fell behind and rows were dropped; it should read everything again."""

    def __init__(self) -> None:
        self._rows: deque[JobRow] = deque(maxlen=_BEHIND)
        self._some = asyncio.Event()
        self.overflowed = False

    def put(self, row: JobRow) -> None:
        self.overflowed = self.overflowed or len(self._rows) == _BEHIND
        self._rows.append(row)
        self._some.set()

    def __aiter__(self) -> AsyncIterator[JobRow]:
        return self

    async def __anext__(self) -> JobRow:
        while not self._rows:
            self._some.clear()
            await self._some.wait()
        return self._rows.popleft()


class JobIndex:
    """Call `run()` as a task; `synced()` returns after the first list."""

    def __init__(self, store: JobStore, *, clock: Clock, selector: str = "") -> None:
        self._store = store
        self._clock = clock
        self._selector = selector
        self._rows: dict[str, JobRow] = {}
        self._by_build: dict[str, str] = {}
        self._by_job: dict[str, set[str]] = {}
        self._by_pull: dict[tuple[str, str, int], set[str]] = {}
        self._by_branch: dict[tuple[str, str, str], set[str]] = {}
        self._open: set[str] = set()
        self._open_by_job: dict[str, set[str]] = {}
        self._subscribers: set[Changes] = set()
        self._synced = asyncio.Event()

    async def run(self) -> None:
        """List, then watch, for ever; after `Gone` or a fault list again."""
        while True:
            try:
                since = await self._list()
                self._synced.set()
                async for change in self._store.watch(since, self._selector):
                    if change.job is not None:
                        self._take(change.job, deleted=change.change is Change.DELETED)
            except Gone:
                _log.info("The index fell behind the store's changes: it lists again.")
            except Retry as error:
                _log.warning("The job store did not answer; the index tries again.", error=str(error))
                await self._clock.sleep(error.after or _AGAIN)

    async def synced(self) -> None:
        await self._synced.wait()

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> Iterable[JobRow]:
        return self._rows.values()

    def get(self, name: str) -> JobRow | None:
        return self._rows.get(name)

    def by_build_id(self, build_id: str) -> JobRow | None:
        return self._rows.get(self._by_build.get(build_id, ""))

    def by_job(self, job: str) -> Iterator[JobRow]:
        """All runs of the job of that name, in no order."""
        return (self._rows[name] for name in tuple(self._by_job.get(job, ())))

    def by_pull(self, org: str, repo: str, number: int) -> Iterator[JobRow]:
        return (self._rows[name] for name in tuple(self._by_pull.get((org, repo, number), ())))

    def by_branch(self, org: str, repo: str, branch: str) -> Iterator[JobRow]:
        """Presubmits and batches for that base branch."""
        return (self._rows[name] for name in tuple(self._by_branch.get((org, repo, branch), ())))

    def open(self) -> Iterator[JobRow]:
        """All jobs without a completion time."""
        return (self._rows[name] for name in tuple(self._open))

    def open_by_job(self, job: str) -> Iterator[JobRow]:
        """The unfinished runs of the job of that name."""
        return (self._rows[name] for name in tuple(self._open_by_job.get(job, ())))

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[Changes]:
        """Every changed row from now on; a removed job's last row has `deleted`."""
        changes = Changes()
        self._subscribers.add(changes)
        try:
            yield changes
        finally:
            self._subscribers.discard(changes)

    async def _list(self) -> str:
        """Take the whole list page by page; the resourceVersion to watch from. Other tasks run between the pages."""
        names: set[str] = set()
        since = ""
        async for page in pages(self._store, self._selector):
            since = page.resource_version
            for job in page.items:
                names.add(job.name)
                self._take(job, deleted=False)
            await self._clock.sleep(0)
        for gone in [row for name, row in self._rows.items() if name not in names]:
            self._drop(gone)
        return since

    def _take(self, job: ProwJob, *, deleted: bool) -> None:
        row = row_of(job)
        old = self._rows.get(row.name)
        if old is not None and (old.version > row.version or (old.version == row.version and not deleted)):
            return  # the list had it newer already, or made anew under the same name
        if deleted:
            self._drop(row)
            return
        if old is not None:
            self._forget(old)
        row = self._sharing_pulls(row)
        self._rows[row.name] = row
        self._by_job.setdefault(row.job, set()).add(row.name)
        if row.build_id:
            self._by_build[row.build_id] = row.name
        for pull in row.pulls:
            self._by_pull.setdefault((row.org, row.repo, pull.number), set()).add(row.name)
        if row.type in _OF_PULLS:
            self._by_branch.setdefault((row.org, row.repo, row.base_ref), set()).add(row.name)
        if not row.complete:
            self._open.add(row.name)
            self._open_by_job.setdefault(row.job, set()).add(row.name)
        self._tell(row)

    def _sharing_pulls(self, row: JobRow) -> JobRow:
        """The row with the very pulls that another row of the same commits has: they are kept once."""
        if row.pulls:
            for name in self._by_pull.get((row.org, row.repo, row.pulls[0].number), ()):
                if self._rows[name].pulls == row.pulls:
                    return msgspec.structs.replace(row, pulls=self._rows[name].pulls)
        return row

    def _drop(self, row: JobRow) -> None:
        old = self._rows.pop(row.name, None)
        if old is not None:
            self._forget(old)
        self._tell(msgspec.structs.replace(row, deleted=True))

    def _forget(self, row: JobRow) -> None:
        self._open.discard(row.name)
        if self._by_build.get(row.build_id) == row.name:
            del self._by_build[row.build_id]
        _discard(self._by_job, row.job, row.name)
        _discard(self._open_by_job, row.job, row.name)
        if row.type in _OF_PULLS:
            _discard(self._by_branch, (row.org, row.repo, row.base_ref), row.name)
        for pull in row.pulls:
            _discard(self._by_pull, (row.org, row.repo, pull.number), row.name)

    def _tell(self, row: JobRow) -> None:
        for changes in self._subscribers:
            changes.put(row)


def _discard(names: dict[K, set[str]], key: K, name: str) -> None:
    found = names.get(key)
    if found is not None:
        found.discard(name)
        if not found:
            del names[key]
