"""The rules that the CRD puts on a ProwJob, pure (`spec/prowjobs-and-pods` §1.1); every store applies them."""

from __future__ import annotations

import re

from prow.jobs.store import InvalidJob
from prow.model.prowjob import JobState, ProwJob

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NEEDS_END = frozenset({JobState.SUCCESS, JobState.FAILURE, JobState.ERROR})


def check(job: ProwJob) -> None:
    """Raise `InvalidJob` with everything that is wrong."""
    wrong: list[str] = []
    if not _NAME.fullmatch(job.metadata.name):
        wrong.append(f'metadata.name: "{job.metadata.name[:80]}" is no object name')
    if not job.spec.job:
        wrong.append("spec.job: required")
    if job.spec.max_concurrency < 0:
        wrong.append("spec.max_concurrency: must not be negative")
    if job.spec.pod_spec is not None and not job.spec.pod_spec.get("containers"):
        wrong.append("spec.pod_spec.containers: required")
    for where, refs in [
        ("spec.refs", job.spec.refs),
        *((f"spec.extra_refs[{i}]", r) for i, r in enumerate(job.spec.extra_refs)),
    ]:
        if refs is not None and not (refs.org and refs.repo):
            wrong.append(f"{where}: org and repo are required")
    if job.status.state is None:
        wrong.append("status.state: required")
    elif job.status.state in _NEEDS_END and job.status.completion_time is None:
        wrong.append(f"status.completionTime: required in state {job.status.state}")
    if wrong:
        raise InvalidJob(f"ProwJob {job.metadata.name[:80]}: {'; '.join(wrong)}")
