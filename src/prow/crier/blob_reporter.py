"""Tells the bucket: started.json, finished.json, prowjob.json (`spec/prowjobs-and-pods` §6.3, §7.4).

The files of the pod utilities go before ours: started.json of another uploader stays, finished.json is written only if there is
none. So runs whose pod never started, and jobs that are not decorated, have their files, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from prow.config.config import Config
from prow.config.defaults import Defaults
from prow.crier.ports import Reporter
from prow.lib import logs
from prow.lib.errors import ProwError, Retry, UsageError
from prow.model import paths, results
from prow.model.decoration import GCSConfiguration
from prow.model.gojson import go_json
from prow.model.prowjob import JobState, ProwJob
from prow.podutils.clone_rules import decode_records
from prow.storage.ports import ObjectExists, ObjectNotFound, Storage

_log = logs.get("crier")

NAME = "gcsreporter"


class BlobReporter(Reporter):
    """Stores what upstream's viewers read."""

    name = NAME
    deadline = 20.0

    def __init__(self, storage: Storage, config: Callable[[], Config], *, dry_run: bool = False) -> None:
        self._storage = storage
        self._config = config
        self._dry_run = dry_run

    def should_report(self, job: ProwJob) -> bool:
        """A build id is needed: there is none before the job was started."""
        return bool(job.status.build_id)

    def lane(self, job: ProwJob) -> str:
        return job.name

    async def report(self, job: ProwJob) -> tuple[ProwJob, ...]:
        gcs = destination(job, self._config())
        if gcs is None or not gcs.bucket:
            _log.info("This job has no bucket; nothing is stored.", name=job.name, job=job.spec.job)
            return (job,)
        if self._dry_run:
            return (job,)
        folder = paths.bucket_url(gcs.bucket, paths.job_path(job.spec, job.status.build_id, gcs))
        errors = []
        for step in (self._started, self._finished, self._prowjob):
            try:
                await step(job, folder)
            except ProwError as error:
                errors.append(str(error))
        if errors:
            raise Retry(f"{job.name}: the bucket does not have everything: {'; '.join(errors)}")
        return (job,)

    async def _started(self, job: ProwJob, folder: str) -> None:
        path = f"{folder}/{paths.STARTED}"
        if job.spec.refs is None or job.status.start_time is None:
            return
        existing = await self._read(path)
        if existing is not None:
            old = _old_started(existing)
            if old is None or old.metadata.get(results.UPLOADER) != results.CRIER:
                return
            if old.repo_commit and old.repo_commit != paths.revision(job.spec):
                return
        raw = await self._read(f"{folder}/{paths.CLONE_RECORDS}")
        cloned: list[Any] = []
        if raw is not None:
            try:
                cloned = [(record.refs, record.final_sha) for record in decode_records(raw)]
            except UsageError as error:
                _log.warning("The clone records cannot be read.", name=job.name, error=str(error))
        started = results.started(job.spec, job.status.start_time, cloned=cloned, metadata=_OURS)
        data = go_json(started, indent=True)
        if data != existing:
            await self._write(path, data, must_not_exist=existing is None)

    async def _finished(self, job: ProwJob, folder: str) -> None:
        if job.status.completion_time is None:
            return
        finished = results.Finished(
            timestamp=int(job.status.completion_time.timestamp()),
            passed=job.status.state is JobState.SUCCESS,
            metadata=_OURS,
            result=str(job.status.state),
        )
        await self._write(f"{folder}/{paths.FINISHED}", go_json(finished, indent=True), must_not_exist=True)

    async def _prowjob(self, job: ProwJob, folder: str) -> None:
        await self._write(f"{folder}/{paths.PROWJOB}", go_json(job, indent=True))

    async def _read(self, path: str) -> bytes | None:
        try:
            return await self._storage.get(path)
        except ObjectNotFound:
            return None

    async def _write(self, path: str, data: bytes, *, must_not_exist: bool = False) -> None:
        try:
            await self._storage.put(path, data, must_not_exist=must_not_exist)
        except ObjectExists:
            return


_OURS = {results.UPLOADER: results.CRIER}


def destination(job: ProwJob, config: Config) -> GCSConfiguration | None:
    """The job's own configuration, else the decoration default for its repository and cluster."""
    decoration = job.spec.decoration_config
    if decoration is not None and decoration.gcs_configuration is not None:
        return decoration.gcs_configuration
    refs = job.spec.refs or (job.spec.extra_refs[0] if job.spec.extra_refs else None)
    default = Defaults(config, ()).decoration(refs.full_name if refs is not None else "", job.spec.cluster or "default")
    return default.gcs_configuration if default is not None else None


def _old_started(data: bytes) -> results.Started | None:
    try:
        return msgspec.json.decode(data, type=results.Started)
    except msgspec.MsgspecError:
        return None
