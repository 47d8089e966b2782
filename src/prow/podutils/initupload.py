"""initupload: say in the bucket that the run began (`spec/prowjobs-and-pods` §5.2)."""

from __future__ import annotations

from prow.lib.clock import Clock
from prow.podutils.jobspec import JobSpec
from prow.podutils.options import InitUploadOptions
from prow.storage.ports import Storage


async def run(options: InitUploadOptions, spec: JobSpec, *, storage: Storage, clock: Clock) -> bool:
    """Upload started.json, pointers and the clone log. True: go on; False: cloning failed, the job is over.

    After False build-log.txt and a FAILURE finished.json are in the bucket; sidecar must not run. Raises `UploadFailed`.
    """
    raise NotImplementedError
