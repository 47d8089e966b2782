"""`JOB_SPEC`: what a job and the pod utilities know about the run (`spec/prowjobs-and-pods` §4.3)."""

from __future__ import annotations

import msgspec

from prow.lib.errors import UsageError
from prow.model.base import Noun, always
from prow.model.decoration import DecorationConfig
from prow.model.gojson import go_json
from prow.model.prowjob import JobType, ProwJob
from prow.model.refs import Refs

ENV = "JOB_SPEC"


class JobSpec(Noun, frozen=True):
    """Keys in upstream's order. The agent is no part of it."""

    type: JobType = always(JobType.PERIODIC)
    job: str = ""
    buildid: str = ""
    prowjobid: str = ""
    refs: Refs | None = None
    extra_refs: tuple[Refs, ...] = ()
    decoration_config: DecorationConfig | None = None


def of(job: ProwJob, build_id: str) -> JobSpec:
    """The JobSpec of one run of `job`."""
    spec = job.spec
    return JobSpec(
        type=spec.type,
        job=spec.job,
        buildid=build_id,
        prowjobid=job.metadata.name,
        refs=spec.refs,
        extra_refs=spec.extra_refs,
        decoration_config=spec.decoration_config,
    )


def encode(spec: JobSpec) -> str:
    """The text of the variable, as Go writes it."""
    return go_json(spec).decode()


def decode(text: str | bytes) -> JobSpec:
    try:
        return msgspec.json.decode(text, type=JobSpec)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{ENV}: this is not a job spec: {error}") from error
