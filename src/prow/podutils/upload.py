"""Sends files to a run's place in its bucket; what initupload, sidecar and gcsupload share (`spec/prowjobs-and-pods` §5.5).

Targets are sent in waves (items and pointers, then the utility's own files, then finished.json, after which readers take
the run for done), four at a time, each tried four times. One that fails does not stop the others; all failures are raised
together at the end.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

import msgspec

from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import ProwError, Retry
from prow.lib.open_work import in_thread
from prow.model import paths
from prow.podutils import files
from prow.podutils import upload_rules as rules
from prow.podutils.files import Found
from prow.podutils.jobspec import JobSpec
from prow.podutils.options import UploadOptions, validate_upload
from prow.storage import content
from prow.storage.ports import Storage

_log = logs.get("upload")

AT_ONCE = 4
PAUSES = (1.0, 4.0, 9.0)
"""Seconds between the attempts at one object."""

MOST_FILES = 50_000
MOST_BYTES = 50 << 30


class UploadFailed(ProwError):
    """Some objects could not be written; `errors` has one line each."""

    def __init__(self, errors: Sequence[str]) -> None:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(f"upload: {errors[0]}{more}")
        self.errors = tuple(errors)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One object. `source`: its bytes, or a file a job left. Without a type its first bytes tell."""

    path: str
    source: bytes | Found
    content_type: str = ""
    content_encoding: str = ""
    metadata: dict[str, str] = {}
    compressed: bool = False


class Destination:
    """Where the files of one run go: a bucket, or a local folder in its place."""

    def __init__(self, options: UploadOptions, spec: JobSpec) -> None:
        """Raises `UsageError` for options that name no place."""
        validate_upload(options)
        self.options = options
        self.spec = spec
        self.local = bool(options.local_output_dir)
        self._gcs = options.configuration()
        self.job_path = "" if self.local else paths.job_path(spec, spec.buildid, self._gcs)

    def path(self, name: str) -> str:
        """The full path of an object of this run."""
        if self.local:
            return f"file://{Path(self.options.local_output_dir).absolute()}/{name}"
        return paths.bucket_url(self.options.bucket, paths.join(self.job_path, self.options.sub_dir, name))

    def own(self, name: str, data: bytes) -> Target:
        """A file that a utility itself writes: its content tells its type."""
        return Target(path=self.path(name), source=data, compressed=self._compressed(name))

    def log_file(self, name: str, found: Found) -> Target:
        """A command's log."""
        return Target(path=self.path(name), source=found, compressed=self._compressed(name))

    def pointers(self) -> list[Target]:
        """The files that lead from a job's name to its newest run; none in a local folder."""
        if self.local:
            return []
        spec, bucket = self.spec, self.options.bucket
        targets = []
        alias = paths.alias_file(spec, spec.buildid)
        if alias:
            text = paths.bucket_url(bucket, self.job_path)
            targets.append(Target(path=paths.bucket_url(bucket, alias), source=text.encode(), metadata={"link": text}))
        for latest in paths.latest_build_files(spec, self._gcs):
            targets.append(
                Target(path=paths.bucket_url(bucket, latest), source=spec.buildid.encode(), content_type=content.TEXT)
            )
        return targets

    def items(self) -> list[Target]:
        """Everything below the options' items. Blocking: call it in a thread."""
        targets: dict[str, Target] = {}
        count = size = 0
        for item in self.options.items:
            is_folder = os.path.isdir(item) and not os.path.islink(item)  # noqa: PTH112, PTH114
            found = list(files.walk(item)) if is_folder else _single(item)
            if not found and not is_folder:
                _log.warning("There is nothing to upload at this path.", path=item)
            for file in found:
                count, size = count + 1, size + file.size
                if count > MOST_FILES or size > MOST_BYTES:
                    _log.warning("There are too many artifacts; the rest is not uploaded.", files=count, bytes=size)
                    return list(targets.values())
                name = "/".join(rules.escaped(part, in_folder=is_folder) for part in file.name)
                naming = rules.named(name, self.options.media_types)
                target = Target(
                    path=self.path(naming.name),
                    source=file,
                    content_type=naming.content_type,
                    content_encoding=naming.content_encoding,
                    compressed=self._compressed(name),
                )
                if target.path in targets:
                    _log.warning("Two files would get the same name; the first is kept.", path=target.path)
                else:
                    targets[target.path] = target
        return list(targets.values())

    def _compressed(self, name: str) -> bool:
        return not self.local and rules.compresses(name, self.options.compress_file_types)


async def run(options: UploadOptions, spec: JobSpec, *, storage: Storage, clock: Clock) -> None:
    """gcsupload: send the items and the pointer files. Raises `UploadFailed`."""
    destination = Destination(options, spec)
    items = await in_thread(destination.items)
    await send([[*items, *destination.pointers()]], options, storage=storage, clock=clock)


async def send(waves: Iterable[Sequence[Target]], options: UploadOptions, *, storage: Storage, clock: Clock) -> None:
    """Write every target, wave after wave. Raises `UploadFailed` after all were tried."""
    errors: list[str] = []
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(target: Target) -> None:
        async with gate:
            error = await _attempts(target, options, storage, clock)
        if error:
            _log.error("An object could not be uploaded.", path=target.path, error=error)
            errors.append(error)

    for wave in waves:
        if options.dry_run and not options.local_output_dir:
            for target in wave:
                _log.info("Dry run: this object would be uploaded.", path=target.path)
            continue
        async with asyncio.TaskGroup() as group:
            for target in wave:
                group.create_task(one(target), name="upload")
    if errors:
        raise UploadFailed(errors)


async def _attempts(target: Target, options: UploadOptions, storage: Storage, clock: Clock) -> str:
    for pause in (*PAUSES, None):
        try:
            await _write(target, options, storage)
            return ""
        except Retry as error:
            if pause is None:
                return str(error)
            await clock.sleep(pause)
        except (ProwError, OSError) as error:
            return str(error)
    raise AssertionError("the last attempt returns")


async def _write(target: Target, options: UploadOptions, storage: Storage) -> None:
    source = target.source
    if isinstance(source, bytes):
        kind, encoding = target.content_type, target.content_encoding
        if target.compressed and len(source) >= rules.COMPRESSED_FROM and not content.is_gzip(source):
            kind, encoding = _compressed_type(target.path, options), "gzip"
            source = await in_thread(gzip.compress, source)
        await storage.put(target.path, source, content_type=kind, content_encoding=encoding, metadata=target.metadata)
        return
    with files.opened(source.root, source.source) as descriptor:
        name = f"/proc/self/fd/{descriptor}"
        if target.compressed and os.fstat(descriptor).st_size >= rules.COMPRESSED_FROM:
            with tempfile.TemporaryFile() as packed:
                if await in_thread(_pack, descriptor, packed):
                    await storage.put_file(
                        target.path,
                        f"/proc/self/fd/{packed.fileno()}",
                        content_type=_compressed_type(target.path, options),
                        content_encoding="gzip",
                    )
                    return
        await storage.put_file(
            target.path, name, content_type=target.content_type, content_encoding=target.content_encoding
        )


def _compressed_type(path: str, options: UploadOptions) -> str:
    return rules.media_type(path, options.media_types) or content.TEXT


def _pack(descriptor: int, packed: IO[bytes]) -> bool:
    with os.fdopen(os.dup(descriptor), "rb") as plain:
        if content.is_gzip(plain.read(content.SNIFFED)):
            return False
        plain.seek(0)
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6, mtime=0) as stream:
            shutil.copyfileobj(plain, stream, 1 << 20)
    packed.flush()
    return True


def single(path: str) -> Found:
    """One file by its path. Raises `OSError` or `NotARegularFile`. Blocking."""
    root, parts = files.split(path)
    with files.opened(root, parts) as descriptor:
        return Found(root, parts[-1:], parts, os.fstat(descriptor).st_size)


def _single(path: str) -> list[Found]:
    try:
        return [single(path)]
    except (OSError, files.NotARegularFile):
        return []
