"""The local engine: plank's `Engine` on this machine.

`open` finds the sandbox and the runs of before, `run` is the loop that owns every run's task. A run is on disk before `start`
returns. At most `Settings.places` runs go on at once, the others wait as PENDING. Cancelling `run` leaves commands running:
the next engine on the same folder finds them. One engine at a time may use a folder; a lock sees to that.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from prometheus_client import Counter, Gauge

from prow.engines.local import layout, livelog, rules, volumes
from prow.engines.local.detect import choose, find_entrypoint
from prow.engines.local.folder import JobFolder, Record, Stage
from prow.engines.local.runner import Run, Runner
from prow.engines.local.sandbox import Bubblewrap, Sandbox
from prow.engines.local.settings import Settings
from prow.jobs.engine import Execution, Phase, Rejected
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import UsageError
from prow.model.prowjob import KUBERNETES_AGENT, ProwJob
from prow.storage.ports import Storage

T = TypeVar("T")

_log = logs.get("engine")
_running = Gauge("prow_local_jobs_running", "Jobs that run on this machine.")
_waiting = Gauge("prow_local_jobs_waiting", "Jobs that wait for a place on this machine.")
_faults = Counter("prow_local_faults", "Runs that ended by a fault of the engine itself.")


def _no_secrets() -> Sequence[bytes]:
    return ()


class LocalEngine:
    """Use `await open()`, then keep `run()` going in a task; everything else may be called from then on.

    `secrets`: values of this process that no log may show, asked for each time.
    """

    name = "local"

    def __init__(
        self,
        settings: Settings,
        *,
        storage: Storage,
        clock: Clock,
        secrets: Callable[[], Sequence[bytes]] = _no_secrets,
    ) -> None:
        self._settings = settings
        self._storage = storage
        self._clock = clock
        self._secrets = secrets
        self._runs: dict[str, Run] = {}
        self._watchers: set[_Watcher] = set()
        self._begun: asyncio.Queue[Run] = asyncio.Queue()
        self._places = asyncio.Semaphore(settings.places)
        self._jobs = settings.state / "jobs"
        self._lock: int | None = None
        self._sandbox: Sandbox | None = None
        self._runner: Runner | None = None

    @property
    def sandbox(self) -> Sandbox:
        """What jobs run in. Only after `open`."""
        assert self._sandbox is not None, "open() first"
        return self._sandbox

    async def open(self) -> None:
        """Raises `UsageError` when no job could run here, or when another process uses the folder."""
        self._sandbox = await choose(self._settings, self._clock)
        if self._settings.volumes is not None and not self._settings.volumes.is_dir():
            raise UsageError(f"--volumes-dir {self._settings.volumes}: there is no such folder")
        if isinstance(self._sandbox, Bubblewrap):
            _refuse_visible(self._sandbox, self._settings)
        await self._thread(self._take_folder)
        self._runner = Runner(
            settings=self._settings,
            sandbox=self._sandbox,
            entrypoint=find_entrypoint(self._settings),
            storage=self._storage,
            clock=self._clock,
            secrets=self._secrets,
            changed=self._tell,
        )
        for record, folder in await self._thread(self._scan):
            run = self._runs[record.job.name] = Run(record, folder)
            if record.stage is not Stage.DONE:
                self._begun.put_nowait(run)

    def close(self) -> None:
        """Give the folder free. Call it after `run` has ended."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def run(self) -> None:
        """Carry out the runs, for ever. On cancellation commands go on by themselves."""
        async with asyncio.TaskGroup() as group:
            while True:
                run = await self._begun.get()
                group.create_task(self._supervise(run), name=f"job-{run.record.job.name}")

    def handles(self, job: ProwJob) -> bool:
        return job.spec.agent == KUBERNETES_AGENT

    async def start(self, job: ProwJob) -> Execution:
        """Keep the run and begin it as soon as there is a place. A known run is answered as it stands. Raises `Rejected`."""
        if job.spec.pod_spec is None:
            raise Rejected("spec.pod_spec: required")
        known = self._runs.get(job.name)
        build_id = job.status.build_id
        if known is not None and (known.record.stage is not Stage.DONE or known.record.execution.build_id == build_id):
            return known.record.execution
        if not rules.safe_name(job.name) or not rules.safe_name(build_id):
            raise Rejected(f"name {job.name!r} or build id {build_id!r} cannot be that of a folder")
        folder = JobFolder(self._jobs / job.name / build_id)
        job = rules.with_clone_uris(job, self._settings.github)
        record = Record(job=job)
        run = self._runs[job.name] = Run(record, folder)

        def first() -> None:
            layout.prepare(job, folder, sandbox=self.sandbox, settings=self._settings)
            if known is not None:
                known.folder.remove()
            folder.save(record)

        try:
            await self._thread(first)
        except BaseException:
            del self._runs[job.name]
            if known is not None:
                self._runs[job.name] = known
            raise
        self._tell(run)
        self._begun.put_nowait(run)
        return run.record.execution

    async def executions(self) -> tuple[Execution, ...]:
        return tuple(run.record.execution for run in self._runs.values())

    async def watch(self) -> AsyncIterator[Execution]:
        """Changes from the first `anext` on. A slow reader sees the newest state of each run, never a backlog."""
        watcher = _Watcher()
        self._watchers.add(watcher)
        try:
            while True:
                yield await watcher.next()
        finally:
            self._watchers.discard(watcher)

    async def abort(self, name: str) -> None:
        run = self._runs.get(name)
        if run is None or run.record.stage is Stage.DONE or run.stopping.is_set():
            return
        assert self._runner is not None
        run.stopping.set()
        await self._runner.keep(run, stopping=True)

    async def forget(self, name: str) -> None:
        run = self._runs.get(name)
        if run is None or run.record.stage is not Stage.DONE:
            return
        del self._runs[name]
        await self._thread(run.folder.remove)

    def log_path(self, name: str, *, container: str = "") -> Path | None:
        """The file that a job's output goes to, with its secrets in it; None when there is none (yet)."""
        run = self._runs.get(name)
        if run is None:
            return None
        decorated = run.record.job.spec.decoration_config is not None
        containers = (run.record.job.spec.pod_spec or {}).get("containers") or []
        single = len(containers) <= 1
        which = container or ("test" if single else str(containers[0].get("name", "")))
        if not rules.safe_name(which):
            return None
        path = run.folder.logs / (f"{'process' if single and decorated else which}-log.txt")
        return path if path.exists() else None

    async def read_log(self, name: str, offset: int, limit: int, *, container: str = "") -> bytes:
        """A piece of a log that may still grow, without secrets: at most `limit` bytes from `offset`. Raises nothing."""
        path = self.log_path(name, container=container)
        run = self._runs.get(name)
        if path is None or run is None:
            return b""

        def piece() -> bytes:
            spec = run.record.job.spec.pod_spec or {}
            wanted = rules.workload(spec, uses_images=self.sandbox.uses_images)
            secrets = livelog.patterns((*self._secrets(), *volumes.secret_values(wanted, self._settings)))
            growing = run.record.stage is not Stage.DONE
            return livelog.read(path, offset=offset, limit=limit, secrets=secrets, growing=growing)

        return await self._thread(piece)

    async def _supervise(self, run: Run) -> None:
        """One run, from its place in the queue to its end. A task border: whatever happens is logged and reported."""
        assert self._runner is not None
        name = run.record.job.name
        try:
            placed = await self._place(run)
            _running.inc()
            try:
                await self._runner.run(run)
            finally:
                _running.dec()
                if placed:
                    self._places.release()
        except Rejected as error:  # the Secret or the folder went away since the job was taken
            await self._runner.end(run, Phase.ERROR, str(error))
        except Exception as error:  # noqa: BLE001 - the task's border
            _faults.inc()
            _log.exception("The engine failed with a job.", name=name)
            await self._runner.end(run, Phase.ERROR, f"the engine failed: {error}")

    async def _place(self, run: Run) -> bool:
        """Wait for a place. A command that runs already has one, whatever the limit is now; a stopped run needs none."""
        assert self._runner is not None
        if not self._places.locked():
            await self._places.acquire()
            return True
        if run.record.stage is Stage.RUNNING:
            return False
        await self._runner.keep(run, message=f"waits for one of {self._settings.places} places on this machine")
        place = asyncio.ensure_future(self._places.acquire())
        stopped = asyncio.ensure_future(run.stopping.wait())
        _waiting.inc()
        try:
            await asyncio.wait({place, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            _waiting.dec()
            stopped.cancel()
            taken = place.done() and not place.cancelled()
            if not taken:
                place.cancel()
        await self._runner.keep(run, message="")
        return taken

    def _tell(self, run: Run) -> None:
        for watcher in self._watchers:
            watcher.put(run.record.execution)

    def _take_folder(self) -> None:
        self._jobs.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._settings.state.chmod(0o700)
        fd = os.open(self._settings.state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise UsageError(f"{self._settings.state}: another prow process runs its jobs in this folder") from None
        self._lock = fd

    def _scan(self) -> list[tuple[Record, JobFolder]]:
        """Runs of before; of several builds of one job the one that was written last."""
        found: dict[str, tuple[float, Record, JobFolder]] = {}
        for path in self._jobs.glob("*/*/job.json"):
            folder = JobFolder(path.parent)
            try:
                record, written = folder.load(), path.stat().st_mtime
            except (OSError, msgspec.MsgspecError) as error:
                _log.error("A job's record cannot be read; the job is left alone.", path=str(path), error=str(error))
                continue
            older = found.get(record.job.name)
            if older is None or older[0] < written:
                found[record.job.name] = (written, record, folder)
        return [(record, folder) for _, record, folder in sorted(found.values(), key=lambda item: item[0])]

    async def _thread(self, work: Callable[[], T]) -> T:
        with self._clock.busy():
            return await asyncio.to_thread(work)


class _Watcher:
    """The newest state of every run that changed since it was read."""

    def __init__(self) -> None:
        self._changed: dict[str, Execution] = {}
        self._ready = asyncio.Event()

    def put(self, execution: Execution) -> None:
        self._changed.pop(execution.name, None)
        self._changed[execution.name] = execution
        self._ready.set()

    async def next(self) -> Execution:
        await self._ready.wait()
        name = next(iter(self._changed))
        execution = self._changed.pop(name)
        if not self._changed:
            self._ready.clear()
        return execution


def _refuse_visible(sandbox: Bubblewrap, settings: Settings) -> None:
    """State and Secrets must not lie in a folder that jobs can read."""
    for flag, path in (("--state-dir", settings.state), ("--volumes-dir", settings.volumes)):
        for folder in sandbox.visible():
            if path is not None and path.resolve().is_relative_to(Path(folder).resolve()):
                raise UsageError(f"{flag} {path}: jobs can read {folder}; choose a folder elsewhere")
