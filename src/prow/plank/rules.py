"""Pure: what is to be done with a ProwJob now (`spec/prowjobs-and-pods` §3.3-3.8). Texts of §3.11 are part of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from prow.jobs.engine import Execution, Phase
from prow.jobs.index import JobRow
from prow.model.decision import Decision, Reason
from prow.model.prowjob import JobState, JobType

JOB_TRIGGERED = "Job triggered."
JOB_SUCCEEDED = "Job succeeded."
JOB_FAILED = "Job failed."


class Do(StrEnum):
    NOTHING = "nothing"
    WAIT = "wait"
    """It cannot start yet; the reasons are shown to people."""
    START = "start"
    """Draw a build id, store it, start it."""
    RESTART = "restart"
    """It was running, and nobody knows of it any more: start it again under a new build id."""
    RESUME = "resume"
    """It has a build id but was not started, or is running already: start it under that build id."""
    COMPLETE = "complete"
    ABORT = "abort"
    """Stop it, then complete it."""
    SUPERSEDE = "supersede"
    """A newer job for the same pull request makes it pointless."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`state`, `description`: the end, for COMPLETE."""

    do: Do
    state: JobState | None = None
    description: str = ""


class NoEngine(Reason, frozen=True):
    agent: str
    cluster: str

    def __str__(self) -> str:
        return f'no engine here runs jobs of agent "{self.agent}" (cluster "{self.cluster or "default"}")'


class AllBusy(Reason, frozen=True):
    limit: int

    def __str__(self) -> str:
        return f"{self.limit} jobs are running, which is the most that plank.max_concurrency allows"


class JobBusy(Reason, frozen=True):
    job: str
    ahead: int
    limit: int

    def __str__(self) -> str:
        return f"{self.ahead} other runs of {self.job} go first; max_concurrency is {self.limit}"


class QueueBusy(Reason, frozen=True):
    queue: str
    ahead: int
    capacity: int

    def __str__(self) -> str:
        return f'{self.ahead} other jobs of queue "{self.queue}" go first; its capacity is {self.capacity}'


class UnknownQueue(Reason, frozen=True):
    queue: str

    def __str__(self) -> str:
        return f'queue "{self.queue}" is not in plank.job_queue_capacities'


class Newer(Reason, frozen=True):
    name: str

    def __str__(self) -> str:
        return f"superseded by the newer job {self.name}"


class Said(Reason, frozen=True):
    """What the engine said."""

    text: str

    def __str__(self) -> str:
        return self.text


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """From the config: 0 is no limit; a queue's capacity 0 is never, negative no limit."""

    max_concurrency: int = 0
    queues: Mapping[str, int] = {}


def superseded_by(job: JobRow, open_jobs: Iterable[JobRow]) -> JobRow | None:
    """The newest unfinished presubmit for the same job and pull request, if it is not this one (§3.4)."""
    if job.type is not JobType.PRESUBMIT or job.complete or job.state not in {JobState.TRIGGERED, JobState.PENDING}:
        return None
    twins = [
        other
        for other in open_jobs
        if other.type is JobType.PRESUBMIT
        and not other.complete
        and other.state in {JobState.TRIGGERED, JobState.PENDING}
        and other.identity == job.identity
    ]
    newest = max([job, *twins], key=lambda row: (row.started, row.created, row.name))
    return newest if newest.name != job.name else None


def may_start(job: JobRow, open_jobs: Iterable[JobRow], limits: Limits) -> tuple[Reason, ...]:
    """Why the job has to wait; empty when it may start (§3.8). `open_jobs`: unfinished jobs of the same agent."""
    others = [
        other for other in open_jobs if other.name != job.name and other.agent == job.agent and not other.complete
    ]
    reasons: list[Reason] = []
    if limits.max_concurrency > 0 and sum(o.state is JobState.PENDING for o in others) >= limits.max_concurrency:
        reasons.append(AllBusy(limit=limits.max_concurrency))
    if job.max_concurrency > 0:
        ahead = sum(_goes_first(other, job) for other in others if other.job == job.job)
        if ahead >= job.max_concurrency:
            reasons.append(JobBusy(job=job.job, ahead=ahead, limit=job.max_concurrency))
    if job.queue:
        capacity = limits.queues.get(job.queue)
        if capacity is None:
            reasons.append(UnknownQueue(queue=job.queue))
        elif capacity >= 0:
            ahead = sum(_goes_first(other, job) for other in others if other.queue == job.queue)
            if ahead >= capacity:
                reasons.append(QueueBusy(queue=job.queue, ahead=ahead, capacity=capacity))
    return tuple(reasons)


def _goes_first(other: JobRow, job: JobRow) -> bool:
    """Running, or waiting for longer. Jobs of the same second are ordered by their names, so that the limit holds for them, too."""
    if other.state is JobState.PENDING:
        return True
    return other.state is JobState.TRIGGERED and (other.created, other.name) < (job.created, job.name)


def decide(
    job: JobRow, execution: Execution | None, *, open_jobs: Iterable[JobRow], limits: Limits, has_engine: bool
) -> Decision[Verdict]:
    """What to do with `job`. `execution`: what its engine knows of the build that the job names."""
    if job.complete or job.state is JobState.SCHEDULING:
        return _do(Do.NOTHING)
    if not has_engine:
        return Decision(Verdict(do=Do.WAIT), (NoEngine(agent=job.agent, cluster=job.cluster),))
    if job.state is JobState.ABORTED:
        return _do(Do.ABORT)
    open_jobs = tuple(open_jobs)
    newer = superseded_by(job, open_jobs)
    if newer is not None:
        return Decision(Verdict(do=Do.SUPERSEDE), (Newer(name=newer.name),))
    match job.state:
        case JobState.TRIGGERED:
            if job.build_id:
                return _do(Do.RESUME)
            reasons = may_start(job, open_jobs, limits)
            return Decision(Verdict(do=Do.WAIT), reasons) if reasons else _do(Do.START)
        case JobState.PENDING:
            return _running(execution)
        case _:
            return _do(Do.NOTHING)


def _running(execution: Execution | None) -> Decision[Verdict]:
    if execution is None:
        return _do(Do.RESTART)
    ends = {
        Phase.SUCCEEDED: (JobState.SUCCESS, JOB_SUCCEEDED),
        Phase.FAILED: (JobState.FAILURE, JOB_FAILED),
        Phase.ERROR: (JobState.ERROR, execution.message or "Job could not be run."),
    }
    if execution.phase in ends:
        state, description = ends[execution.phase]
        return Decision(Verdict(do=Do.COMPLETE, state=state, description=description), (Said(text=description),))
    if execution.phase is Phase.LOST:
        return Decision(Verdict(do=Do.RESTART), (Said(text=execution.message),))
    return _do(Do.NOTHING)


def _do(what: Do) -> Decision[Verdict]:
    return Decision(Verdict(do=what))


def lost_too_often(revivals: int, max_revivals: int, cause: str) -> str:
    """The description of a job that stopped unexpectedly for the last time; empty when it may be started again."""
    if revivals < max_revivals:
        return ""
    return f"Job pod reached max revivals ({revivals}) after being stopped unexpectedly ({cause})"
