"""Where a job's log comes from: the engine while it runs, the bucket afterwards.

Both are read in bounded pieces. An engine gives bytes that are censored already; what lies in the bucket was censored by sidecar.
"""

from __future__ import annotations

import gzip
import zlib
from typing import Protocol

import msgspec

from prow.model import paths
from prow.model.prowjob import ProwJob
from prow.storage.ports import BadPath, ObjectInfo, ObjectNotFound, Storage

BUILD_LOG = "build-log.txt"
CLONE_LOG = "clone-log.txt"
SHOWN = 512 * 1024
"""Bytes of a log that a page shows: its end."""
PIECE = 256 * 1024
_MOST_FILES = 500


class LiveLogs(Protocol):
    """The engine's view of logs that are still growing."""

    async def read_log(self, name: str, offset: int, limit: int) -> bytes | None:
        """Censored bytes from `offset` on; None when this engine has no log of that job."""
        ...


class LogTail(msgspec.Struct, frozen=True):
    """The end of a log. `start`: offset of the first byte shown; `live`: more may come."""

    data: bytes
    start: int
    live: bool


class NoLiveLogs:
    """For a deck that runs apart from the engine."""

    async def read_log(self, name: str, offset: int, limit: int) -> bytes | None:  # noqa: ARG002
        return None


def folder(job: ProwJob) -> str:
    """The job's folder in its bucket; empty when it has none."""
    decoration = job.spec.decoration_config
    gcs = decoration.gcs_configuration if decoration else None
    if gcs is None or not gcs.bucket or not job.status.build_id:
        return ""
    return paths.bucket_url(gcs.bucket, paths.job_path(job.spec, job.status.build_id, gcs))


class Logs:
    """Reads logs and artifacts of one job."""

    def __init__(self, storage: Storage, live: LiveLogs) -> None:
        self._storage = storage
        self._live = live

    async def tail(self, job: ProwJob) -> LogTail:
        """The last `SHOWN` bytes of the build log, cut at a line; empty when there is none yet."""
        if not job.status.complete:
            data = await self._live_tail(job.name)
            if data is not None:
                return data
        text = await self.stored(job, BUILD_LOG)
        if text is None:
            return LogTail(b"", 0, live=not job.status.complete)
        start = _line_start(text, len(text) - SHOWN)
        return LogTail(text[start:], start, live=False)

    async def _live_tail(self, name: str) -> LogTail | None:
        offset, kept = 0, b""
        while True:
            piece = await self._live.read_log(name, offset, PIECE)
            if piece is None:
                return None
            if not piece:
                break
            offset += len(piece)
            kept = (kept + piece)[-SHOWN - 1 :]
        begin = offset - len(kept)
        start = _line_start(kept, len(kept) - SHOWN)
        return LogTail(kept[start:], begin + start, live=True)

    async def more(self, name: str, offset: int) -> bytes | None:
        return await self._live.read_log(name, offset, PIECE)

    async def stored(self, job: ProwJob, name: str) -> bytes | None:
        """A file of the job's folder in the bucket, unpacked; None when it is not there."""
        where = folder(job)
        if not where:
            return None
        try:
            data = await self._storage.get(f"{where}/{name}")
        except (ObjectNotFound, BadPath):
            return None
        return unpacked(data)

    async def artifacts(self, job: ProwJob) -> list[ObjectInfo]:
        """The first level of `artifacts/`."""
        where = folder(job)
        found: list[ObjectInfo] = []
        if where:
            async for info in self._storage.list(f"{where}/{paths.ARTIFACTS}/"):
                found.append(info)
                if len(found) >= _MOST_FILES:
                    break
        return found


def unpacked(data: bytes) -> bytes:
    """Logs may be stored with gzip; 64 MiB unpacked at most."""
    if data[:2] != b"\x1f\x8b":
        return data
    try:
        return zlib.decompressobj(wbits=31).decompress(data, 64 << 20)
    except (zlib.error, gzip.BadGzipFile):
        return data


def _line_start(data: bytes, wish: int) -> int:
    """The first beginning of a line at or after `wish`."""
    if wish <= 0:
        return 0
    return data.find(b"\n", wish) + 1 or wish
