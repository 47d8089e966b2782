"""One run from its clone to its upload: clonerefs, initupload, an entrypoint per container, sidecar (`spec` §5, §12).

Every step may happen again. What is on disk decides where to go on after a restart: nothing started → from the beginning; every
command has its marker or a living entrypoint → wait and finish; else → end what is left of it and run again, up to
`_ATTEMPTS`. A run that is stopped before its command was started gets the markers of an aborted one, so that the same
upload tells about it.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from prow.engines.local import layout, livelog, rules, volumes
from prow.engines.local.folder import JobFolder, Record, Stage, read_marker
from prow.engines.local.layout import Prepared
from prow.engines.local.process import Command, Running, find, start
from prow.engines.local.sandbox import Sandbox
from prow.engines.local.settings import Settings
from prow.jobs.engine import Phase
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError
from prow.model.base import go_time
from prow.podutils import clonerefs, initupload, sidecar
from prow.podutils.options import SidecarOptions
from prow.storage.ports import Storage

T = TypeVar("T")

_ATTEMPTS = 3
_ABORTED = 130
_REMOVAL = 30.0
_log = logs.get("engine")


class Run:
    """One run and what is known of it. `stopping` is set when it is to be aborted."""

    def __init__(self, record: Record, folder: JobFolder) -> None:
        self.record = record
        self.folder = folder
        self.keeping = asyncio.Lock()
        self.stopping = asyncio.Event()
        if record.stopping:
            self.stopping.set()


class Runner:
    """Takes runs through their steps. `changed` is called after every change of a record."""

    def __init__(
        self,
        *,
        settings: Settings,
        sandbox: Sandbox,
        entrypoint: Path,
        storage: Storage,
        clock: Clock,
        secrets: Callable[[], Sequence[bytes]],
        changed: Callable[[Run], None],
    ) -> None:
        self._settings = settings
        self._sandbox = sandbox
        self._entrypoint = entrypoint
        self._storage = storage
        self._clock = clock
        self._secrets = secrets
        self._changed = changed

    async def run(self, run: Run) -> None:
        """Go on with the run until it is over. Raises nothing but what is a fault of ours; cancelling leaves the commands alone."""
        job = run.record.job
        prepared = await self._thread(
            lambda: layout.prepare(job, run.folder, sandbox=self._sandbox, settings=self._settings)
        )
        commands = layout.bare_commands(job, prepared)
        running: tuple[Running, ...] | None = ()
        if run.record.stage is Stage.RUNNING:
            running = await self._find(run, commands)
            if running is None:
                await self._again(run)
        if run.record.stage is Stage.QUEUED:
            if run.record.attempt > _ATTEMPTS:
                await self.end(run, Phase.ERROR, f"the engine was stopped during each of {_ATTEMPTS} attempts")
                return
            running = await self._start(run, prepared)
        if running is None or run.record.stage is Stage.DONE:
            return
        await self._wait(run, running)
        await self._finish(run, prepared, commands)

    async def end(self, run: Run, phase: Phase, message: str = "") -> None:
        """The run is over: keep and report that, then give back the space."""
        await self.keep(run, stage=Stage.DONE, phase=phase, message=message, finished_at=go_time(self._clock.now()))
        await self._thread(run.folder.shrink)

    async def keep(self, run: Run, **changes: Any) -> None:
        """Change the record, on disk first, then in memory; then tell."""
        async with run.keeping:
            record = msgspec.structs.replace(run.record, **changes)
            await self._thread(lambda: run.folder.save(record))
            run.record = record
        self._changed(run)

    async def _find(self, run: Run, commands: tuple[Command, ...]) -> tuple[Running, ...] | None:
        """The living entrypoints of a run that was going on. None: a command is lost, and nothing of the run lives any more."""
        running = []
        lost = []
        for command in commands:
            found = await self._thread(lambda command=command: find(run.folder, command))  # type: ignore[misc]
            if found is not None:
                running.append(found)
            elif read_marker(command.options.marker_file) is None:
                lost.append(command)
        if not lost:
            _log.info("A job of before the restart goes on.", job=run.record.job.spec.job, name=run.record.job.name)
            return tuple(running)
        for alive in running:
            alive.stop()
        await self._wait(run, tuple(running), stop=False)
        for command in commands:
            await self._remove(command)
        return None

    async def _again(self, run: Run) -> None:
        attempt = run.record.attempt + 1
        _log.warning(
            "The restart ended a job's command; it is started again.",
            job=run.record.job.spec.job,
            name=run.record.job.name,
            attempt=attempt,
        )
        await self.keep(
            run, stage=Stage.QUEUED, attempt=attempt, phase=Phase.RUNNING, message="started again after a restart"
        )

    async def _start(self, run: Run, prepared: Prepared) -> tuple[Running, ...] | None:
        """Clone, announce, start. None: the run is over already."""
        await self.keep(run, phase=Phase.RUNNING, started_at=run.record.started_at or go_time(self._clock.now()))
        await self._thread(run.folder.clear)
        try:
            if run.stopping.is_set():
                raise _Stopped
            if not await self._fetch(run, prepared):
                await self.end(run, Phase.FAILED, "the code could not be fetched; build-log.txt says why")
                return None
        except _Stopped:
            await self._mark_aborted(run, prepared)
            return ()
        except ProwError as error:
            await self.end(run, Phase.FAILED, f"the run could not be prepared: {error}")
            return None
        await self.keep(run, stage=Stage.RUNNING)
        return await self._thread(lambda: self._spawn(run, prepared))

    async def _fetch(self, run: Run, prepared: Prepared) -> bool:
        """clonerefs and initupload. False: the code could not be fetched."""
        if prepared.plan is None:
            return True
        if prepared.plan.clone is not None:
            await self._thread(lambda: self._link_secrets(run))
            allow_local = rules.may_clone_local(run.record.job, self._settings)
            clone = clonerefs.run(prepared.plan.clone, clock=self._clock, allow_local=allow_local)
            await _unless_stopped(run, clone)
        return await _unless_stopped(
            run, initupload.run(prepared.plan.init, prepared.spec, storage=self._storage, clock=self._clock)
        )

    def _link_secrets(self, run: Run) -> None:
        folder = layout.utility_secrets(run.folder)
        for place, source in volumes.fetching_secrets(run.record.job, self._settings).items():
            link = folder / place
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(source.absolute())

    def _spawn(self, run: Run, prepared: Prepared) -> tuple[Running, ...]:
        made = volumes.prepare(prepared.workload, run.folder, self._settings)
        commands = layout.commands(
            run.record.job,
            prepared,
            run.folder,
            sandbox=self._sandbox,
            settings=self._settings,
            entrypoint=self._entrypoint,
            made=made,
            mine=os.environ,
        )
        env = self._sandbox.outer(os.environ)
        return tuple(start(self._entrypoint, run.folder, command, env) for command in commands)

    async def _mark_aborted(self, run: Run, prepared: Prepared) -> None:
        """The traces of a command that was stopped before it began."""

        def write() -> None:
            for options in prepared.options:
                Path(options.process_log).write_text("The job was aborted before its command was started.\n")
                Path(options.marker_file).write_text(str(_ABORTED))

        await self._thread(write)
        await self.keep(run, stage=Stage.RUNNING)

    async def _wait(self, run: Run, running: tuple[Running, ...], *, stop: bool = True) -> None:
        """Until every entrypoint has ended; a wish to stop is passed on meanwhile."""

        async def pass_on() -> None:
            await run.stopping.wait()
            for one in running:
                one.stop()

        stopper = asyncio.create_task(pass_on(), name="stop-job") if stop else None
        try:
            with self._clock.busy():
                await asyncio.gather(*(one.wait() for one in running))
        finally:
            if stopper is not None:
                stopper.cancel()
            for one in running:
                one.close()

    async def _finish(self, run: Run, prepared: Prepared, commands: tuple[Command, ...]) -> None:
        for command in commands:
            await self._remove(command)
        codes = [read_marker(command.options.marker_file) for command in commands]
        if any(code is None for code in codes):
            await self.end(run, Phase.LOST, "the entrypoint ended without saying how the command did")
            return
        message = _ending(commands, [code or 0 for code in codes])
        if prepared.plan is not None:
            outcome = await sidecar.run(
                self._sidecar_options(run, prepared),
                prepared.spec,
                storage=self._storage,
                clock=self._clock,
                secrets=await self._thread(lambda: self._to_censor(prepared)),
            )
            if outcome.upload_error:
                _log.error(
                    "The results of a job could not be uploaded.", name=run.record.job.name, error=outcome.upload_error
                )
                message = f"{message}; the upload failed: {outcome.upload_error}".removeprefix("; ")
        await self.end(run, Phase.FAILED if any(codes) else Phase.SUCCEEDED, message)

    def _sidecar_options(self, run: Run, prepared: Prepared) -> SidecarOptions:
        """The plan's options, with the folders of Secrets where they are on this machine."""
        assert prepared.plan is not None
        options = prepared.plan.sidecar
        censoring = options.censoring_options
        if censoring is None or not censoring.secret_directories:
            return options
        folders = tuple(str(run.folder.volumes / v.name) for v in prepared.workload.volumes if v.kind == "secret")
        censoring = msgspec.structs.replace(censoring, secret_directories=folders)
        return msgspec.structs.replace(options, censoring_options=censoring)

    def _to_censor(self, prepared: Prepared) -> tuple[bytes, ...]:
        return livelog.patterns((*self._secrets(), *volumes.secret_values(prepared.workload, self._settings)))

    async def _remove(self, command: Command) -> None:
        """End a container that outlived its client."""
        argv = self._sandbox.remove(command.sandbox_name)
        if argv:
            await self._thread(
                lambda: subprocess.run(argv, capture_output=True, check=False, timeout=_REMOVAL, env=dict(os.environ))
            )

    async def _thread(self, work: Callable[[], T]) -> T:
        with self._clock.busy():
            return await asyncio.to_thread(work)


class _Stopped(Exception):
    """The run is to be aborted."""


async def _unless_stopped(run: Run, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is cancelled when the run is stopped first."""
    task = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(run.stopping.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise _Stopped
        return task.result()
    finally:
        for one in (task, stopped):
            one.cancel()
        await asyncio.gather(task, stopped, return_exceptions=True)


def _ending(commands: tuple[Command, ...], codes: list[int]) -> str:
    """One line on how the commands ended; empty when all is well."""
    texts = {0: "", _ABORTED: "aborted", 127: "not started or timed out", -1: "ended by a signal"}
    parts = []
    for command, code in zip(commands, codes, strict=True):
        text = texts.get(code, f"exit code {code}")
        if text:
            parts.append(text if len(commands) == 1 else f"{command.name}: {text}")
    return ", ".join(parts)
