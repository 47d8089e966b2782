"""What the pages show of a ProwJob, and what a reader asked for."""

from __future__ import annotations

from datetime import datetime

import msgspec

from prow.model.prowjob import JobState, ProwJob
from prow.model.refs import Refs


class PullView(msgspec.Struct, frozen=True):
    number: int
    sha: str
    author: str
    link: str


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """One job as rows and pages show it. `duration`: text, None while it runs. `page`: its job page, empty before it has one."""

    name: str
    job: str
    type: str
    agent: str
    state: str
    description: str
    why: str
    repo: str
    base_ref: str
    base_sha: str
    pulls: tuple[PullView, ...]
    started: datetime | None
    finished: datetime | None
    duration: str | None
    build_id: str
    page: str
    rerun_command: str


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """The URL's parameters, by upstream's names; empty: everything. `job` takes `*`."""

    type: str = ""
    repo: str = ""
    pull: int | None = None
    author: str = ""
    job: str = ""
    state: str = ""


def main_refs(job: ProwJob) -> Refs | None:
    if job.spec.refs is not None:
        return job.spec.refs
    return job.spec.extra_refs[0] if job.spec.extra_refs else None


def view_of(job: ProwJob, *, why: str = "") -> JobView:
    """The view of a job; `why`: why it has to wait, if it has to."""
    refs = main_refs(job)
    status = job.status
    state = status.state or JobState.TRIGGERED
    return JobView(
        name=job.name,
        job=job.spec.job,
        type=job.spec.type.value,
        agent=job.spec.agent,
        state=state.value,
        description=status.description,
        why=why if not status.complete else "",
        repo=refs.full_name if refs else "",
        base_ref=refs.base_ref if refs else "",
        base_sha=refs.base_sha if refs else "",
        pulls=tuple(PullView(p.number, p.sha, p.author, safe_link(p.link)) for p in refs.pulls) if refs else (),
        started=status.start_time,
        finished=status.completion_time,
        duration=_duration(status.start_time, status.completion_time),
        build_id=status.build_id,
        page=page_of(job),
        rerun_command=job.spec.rerun_command,
    )


def safe_link(link: str) -> str:
    """Links come from payloads: anything but http and https is dropped."""
    return link if link.startswith(("https://", "http://")) else ""


def page_of(job: ProwJob) -> str:
    """The path of its page here: the part of the status URL from `/view/` on, else the page by object name."""
    _, view, rest = job.status.url.partition("/view/")
    return f"/view/{rest}" if view else f"/job/{job.name}"


def _duration(start: datetime | None, end: datetime | None) -> str | None:
    if end is None:
        return None
    seconds = int((end - start).total_seconds()) if start else 0
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m {seconds % 60}s"
    return f"{seconds // 3600}h {seconds % 3600 // 60}m"
