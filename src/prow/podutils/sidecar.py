"""sidecar: wait for the commands, censor what they left, upload it (`spec/prowjobs-and-pods` §5.4).

Nothing that goes wrong with censoring or uploading changes a job's result; it is logged, and the log of this utility is uploaded,
too. finished.json goes last: who sees it finds everything else in place.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import msgspec

from prow.lib import logs, open_work
from prow.lib.clock import Clock
from prow.lib.errors import Permanent
from prow.lib.open_work import in_thread
from prow.lib.regex import RegexError
from prow.model import paths, results
from prow.model.gojson import go_json
from prow.podutils import files, markers, secret_files
from prow.podutils.censor import Censor
from prow.podutils.censor_files import Globs, censor_file
from prow.podutils.jobspec import JobSpec
from prow.podutils.options import CensorOptions, SidecarOptions, UploadOptions, WrapperOptions, validate_sidecar
from prow.podutils.upload import Destination, Target, UploadFailed, send, single
from prow.storage.ports import Storage

_log = logs.get("sidecar")

_CONCURRENCY = 10
_PIECE = 10 << 20
_LARGEST_METADATA = 4 << 20
_MOST_LOG_LINES = 10_000


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """`codes`: the markers in order of the entries. `upload_error`: empty when everything was uploaded."""

    passed: bool
    aborted: bool
    failures: int
    codes: tuple[int, ...]
    upload_error: str = ""


async def run(
    options: SidecarOptions,
    spec: JobSpec,
    *,
    storage: Storage,
    clock: Clock,
    secrets: Sequence[bytes] = (),
    interrupted: asyncio.Event | None = None,
) -> Outcome:
    """Wait until every marker file exists, then censor and upload; a failed upload is told in the outcome, not raised.

    `secrets`: values to censor beside those below the options' secret_directories. Setting `interrupted` while it waits uploads
    an ABORTED result at once (unless `ignore_interrupts`) and goes on waiting for the markers. The program fails only when
    `entry_error` is set and `failures` is not 0.
    """
    options = validate_sidecar(options)
    assert options.gcs_options is not None
    work = _Run(options, options.gcs_options, spec, storage=storage, clock=clock, secrets=secrets)
    waiting = asyncio.create_task(
        markers.wait([entry.marker_file for entry in options.entries], clock), name="sidecar-markers"
    )
    stop = asyncio.create_task(interrupted.wait(), name="sidecar-stop") if interrupted is not None else None
    try:
        if stop is not None:
            await asyncio.wait((waiting, stop), return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                await work.stopped()
        await waiting
    finally:
        for task in (waiting, stop):
            if task is not None and not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
    return await work.finish()


class _Log:
    """Writes to the process's log and keeps the lines for sidecar-logs.json."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lines: list[bytes] = []

    def write(self, level: str, text: str, **fields: Any) -> None:
        getattr(_log, level)(text, **fields)
        if len(self._lines) >= _MOST_LOG_LINES:
            return
        time = self._clock.now().isoformat(timespec="seconds").replace("+00:00", "Z")
        line = {"component": "sidecar", **fields, "level": level, "msg": text, "severity": level, "time": time}
        self._lines.append(logs.censored(msgspec.json.encode(line, enc_hook=str).decode()).encode())

    def data(self, censor: Censor) -> bytes:
        return censor.censored(b"".join(line + b"\n" for line in self._lines))


class _Run:
    """One run of sidecar: what both the upload after an interruption and the last one need."""

    def __init__(
        self,
        options: SidecarOptions,
        upload: UploadOptions,
        spec: JobSpec,
        *,
        storage: Storage,
        clock: Clock,
        secrets: Sequence[bytes],
    ) -> None:
        self._options = options
        self._upload = upload
        self._spec = spec
        self._storage = storage
        self._clock = clock
        self._secrets = secrets
        self._log = _Log(clock)
        self._destination = Destination(upload, spec)
        self._censor = Censor(())

    async def stopped(self) -> None:
        """Interrupted while the commands still run: tell ABORTED as well as that goes."""
        if self._options.ignore_interrupts:
            self._log.write("warning", "Interrupted; the options say to go on and wait for the commands.")
            return
        self._log.write("error", "Interrupted; what is there is uploaded, then the commands are waited for.")
        await self._censored_and_sent(passed=False, result=results.ABORTED)

    async def finish(self) -> Outcome:
        codes = []
        errors = 0
        for entry in self._options.entries:
            code, error = markers.read(entry.marker_file)
            codes.append(code)
            if error:
                errors += 1
                self._log.write("warning", "A marker file cannot be read.", error=error)
        passed = not errors and all(code == markers.SUCCESS for code in codes)
        aborted = markers.ABORTED in codes
        failures = sum(code not in {markers.SUCCESS, markers.PREVIOUS_FAILED} for code in codes)
        result = results.SUCCESS if passed else results.ABORTED if aborted else results.FAILURE
        error = await self._censored_and_sent(passed=passed, result=result)
        return Outcome(passed=passed, aborted=aborted, failures=failures, codes=tuple(codes), upload_error=error)

    async def _censored_and_sent(self, *, passed: bool, result: str) -> str:
        await self._censor_all()
        targets, logs_of_entries, metadata = await in_thread(self._collect)
        finished = results.Finished(
            timestamp=int(self._clock.now().timestamp()),
            passed=passed,
            metadata=metadata,
            result=result,
            revision=paths.revision(self._spec),
        )
        own = self._destination.own
        waves = [
            [*targets, *self._destination.pointers()],
            [*logs_of_entries, own(paths.SIDECAR_LOG, self._log.data(self._censor))],
            [own(paths.FINISHED, go_json(finished))],
        ]
        try:
            await send(waves, self._upload, storage=self._storage, clock=self._clock)
        except UploadFailed as failure:
            self._log.write("error", "The upload is not complete.", error=str(failure))
            return str(failure)
        return ""

    async def _censor_all(self) -> None:
        options = self._options.censoring_options or CensorOptions()
        values, errors = await in_thread(
            secret_files.load,
            options.secret_directories,
            ini_names=options.ini_filenames,
            minimum=options.minimum_secret_length or 0,
        )
        for error in errors:
            self._log.write("warning", "A secret cannot be read, so it cannot be censored.", error=error)
        self._censor = Censor({*values, *self._secrets})
        if not self._censor:
            return
        try:
            globs = Globs(options.include_directories, options.exclude_directories)
        except RegexError as error:
            self._log.write(
                "warning", "A glob of the censoring options is not valid; all artifacts are censored.", error=str(error)
            )
            globs = Globs((), ())
        found = await in_thread(self._to_censor, globs)
        piece = options.censoring_buffer_size or _PIECE
        workers = max(min(options.censoring_concurrency or _CONCURRENCY, _CONCURRENCY, len(found)), 1)
        with ThreadPoolExecutor(workers, thread_name_prefix="censor") as pool, open_work.counted():
            loop = asyncio.get_running_loop()
            done = [loop.run_in_executor(pool, self._censor_one, file, piece) for file in found]
            for problem in await asyncio.gather(*done):
                if problem:
                    self._log.write("warning", "A file could not be censored.", error=problem)

    def _to_censor(self, globs: Globs) -> list[files.Found]:
        found = []
        for entry in self._options.entries:
            with suppress(OSError, Permanent):
                found.append(single(entry.process_log))
        for item in self._upload.items:
            found += [file for file in files.walk(item) if globs.allow("/".join(file.name[1:]))]
        return list({(file.root, file.source): file for file in found}.values())

    def _censor_one(self, file: files.Found, piece: int) -> str:
        try:
            censor_file(file, self._censor, piece=piece)
        except (OSError, Permanent) as error:
            return str(error)
        except Exception:  # noqa: BLE001 - one hostile archive must not keep the rest from being censored
            return f"{'/'.join(file.name)}: {traceback.format_exc(limit=2)}"
        return ""

    def _collect(self) -> tuple[list[Target], list[Target], dict[str, Any]]:
        """Artifacts, logs of the commands, merged metadata."""
        single_entry = len(self._options.entries) == 1
        targets = []
        metadata: dict[str, Any] = {}
        problems: dict[str, Any] = {}
        for number, entry in enumerate(self._options.entries):
            name = paths.BUILD_LOG if single_entry else f"{entry.container_name}-{paths.BUILD_LOG}"
            try:
                targets.append(self._destination.log_file(name, single(entry.process_log)))
            except (OSError, Permanent) as error:
                text = f"Failed to open {entry.process_log}: {_reason(error)}"
                self._log.write("error", "The log of a command cannot be read.", path=entry.process_log, error=text)
                targets.append(self._destination.own(name, self._censor.censored(text.encode())))
            problem = _merge(entry, metadata)
            if problem:
                self._log.write("warning", "Metadata cannot be read.", path=entry.metadata_file, error=problem)
                problems[f"entry {number}: {' '.join(entry.args)}"] = {}
        if problems:
            metadata["sidecar-errors"] = problems
        return self._destination.items(), targets, metadata


def _merge(entry: WrapperOptions, metadata: dict[str, Any]) -> str:
    if not entry.metadata_file:
        return ""
    try:
        raw = files.read_small(entry.metadata_file, _LARGEST_METADATA)
        metadata |= msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except FileNotFoundError:
        return ""
    except (OSError, Permanent, msgspec.MsgspecError, RecursionError) as error:
        return _reason(error)
    return ""


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
