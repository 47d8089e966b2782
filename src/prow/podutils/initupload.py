"""initupload: say in the bucket that the run began (`spec/prowjobs-and-pods` §5.2)."""

from __future__ import annotations

from pathlib import Path

from prow.lib.clock import Clock
from prow.lib.errors import UsageError
from prow.lib.open_work import in_thread
from prow.model import paths, results
from prow.model.gojson import go_json
from prow.podutils import clone_rules
from prow.podutils.clone_rules import CloneRecord
from prow.podutils.jobspec import JobSpec
from prow.podutils.options import InitUploadOptions
from prow.podutils.upload import Destination, send
from prow.storage.ports import Storage


async def run(options: InitUploadOptions, spec: JobSpec, *, storage: Storage, clock: Clock) -> bool:
    """Upload started.json, pointers and the clone log. True: go on; False: cloning failed, the job is over.

    After False build-log.txt and a FAILURE finished.json are in the bucket; sidecar must not run. Raises `UploadFailed`, or
    `UsageError` for records that cannot be read.
    """
    destination = Destination(options, spec)
    now = clock.now()
    records: tuple[CloneRecord, ...] = ()
    own = []
    finished = []
    failed = False
    if options.log:
        raw = await in_thread(_read, options.log)
        records = clone_rules.decode_records(raw)
        text = clone_rules.format_records(records).encode()
        own = [destination.own(paths.CLONE_LOG, text), destination.own(paths.CLONE_RECORDS, raw)]
        failed = any(record.failed for record in records)
        if failed:
            over = results.Finished(timestamp=int(now.timestamp()), passed=False, result=results.FAILURE)
            own.append(destination.own(paths.BUILD_LOG, text))
            finished.append(destination.own(paths.FINISHED, go_json(over)))
    started = results.started(spec, now, cloned=[(record.refs, record.final_sha) for record in records])
    own.append(destination.own(paths.STARTED, go_json(started)))
    items = await in_thread(destination.items)
    waves = [[*items, *destination.pointers()], own, finished]
    await send(waves, options, storage=storage, clock=clock)
    return not failed


def _read(log: str) -> bytes:
    try:
        return Path(log).read_bytes()
    except OSError as error:
        raise UsageError(f"{log}: cannot read the clone records: {error.strerror}") from error
