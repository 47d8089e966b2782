"""What GitHub is told about a job: the status of a commit (`spec/prowjobs-and-pods` §7.3, part A). Pure."""

from __future__ import annotations

from collections.abc import Collection

from prow.model.forge import CommitStatus
from prow.model.prowjob import JobState, JobType, ProwJob
from prow.model.status_text import description

GERRIT_LABEL = "prow.k8s.io/gerrit-report-label"

_STATES = {
    JobState.SCHEDULING: "pending",
    JobState.TRIGGERED: "pending",
    JobState.PENDING: "pending",
    JobState.SUCCESS: "success",
    JobState.ERROR: "error",
    JobState.FAILURE: "failure",
    JobState.ABORTED: "failure",
}

BRIEF = frozenset({JobState.SCHEDULING, JobState.TRIGGERED})
"""States that a job most often leaves within moments."""

SETTLES = 1.0
"""Seconds that a job has to be in such a state before it is told: of two statuses in a moment people see the second alone."""


def should_report(job: ProwJob, *, agent: str = "") -> bool:
    """Whether GitHub is told about this job at all. `agent`: only jobs of that agent, empty for all."""
    return (
        job.spec.report
        and not job.metadata.labels.get(GERRIT_LABEL)
        and job.spec.type in {JobType.PRESUBMIT, JobType.POSTSUBMIT}
        and agent in {"", job.spec.agent}
    )


def wants_status(job: ProwJob, types: Collection[str]) -> bool:
    """Whether the job's commit gets a status: not with several pulls, nor without a commit."""
    refs = job.spec.refs
    return job.spec.type in types and refs is not None and len(refs.pulls) <= 1 and bool(commit_of(job))


def commit_of(job: ProwJob) -> str:
    """The commit that is reported on: the pull's, else the base's."""
    refs = job.spec.refs
    if refs is None:
        return ""
    return refs.pulls[0].sha if refs.pulls else refs.base_sha


def status_of(job: ProwJob) -> CommitStatus:
    """The status to be written. A job that waits for its scheduler is pending, which upstream cannot say."""
    refs = job.spec.refs
    return CommitStatus(
        context=job.spec.context,
        state=_STATES[job.status.state] if job.status.state is not None else "pending",
        description=description(job.status.description, refs.base_sha if refs is not None else ""),
        target_url=job.status.url,
    )
