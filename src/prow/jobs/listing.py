"""Jobs as people ask about them: what there is, when each runs, whether a merge waits for it. Pure; the choice is `rules`'."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from prow.config.config import Config
from prow.config.job import Brancher, JobBase, Periodic, Postsubmit, Presubmit
from prow.model.prowjob import JobType

REQUIRED, OPTIONAL, SILENT = "required", "optional", "not reported"


class Listed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One job. `when`: what makes it run, for people. `source`: file and line it is written at."""

    type: JobType
    repo: str
    """`org/repo` it is listed under; empty for periodics."""
    name: str
    context: str = ""
    """Name of its status at GitHub; empty: none."""
    standing: str = ""
    """Presubmits: whether a merge waits for it."""
    when: str = ""
    branches: tuple[str, ...] = ()
    skip_branches: tuple[str, ...] = ()
    rerun_command: str = ""
    source: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A job, and whether it would run and why. `of_branch`: whether it is for the branch at all."""

    job: Listed
    of_branch: bool
    runs: bool
    reason: str


def jobs_of(config: Config, repo: str, branch: str = "") -> Iterator[JobBase]:
    """The jobs of a repository, in the order of the files: those listed under it, then the periodics whose first extra ref it is.
    `repo` empty: every job. `branch` empty: of every branch."""
    for key, job in config.all_jobs():
        if isinstance(job, Brancher):
            if (not repo or key == repo) and (not branch or job.runs_on_branch(branch)):
                yield job
        elif not repo or _clones_first(job, repo, branch):
            yield job


def _clones_first(job: JobBase, repo: str, branch: str) -> bool:
    first = job.extra_refs[0] if job.extra_refs else None
    if first is None or f"{first.org}/{first.repo}" != repo:
        return False
    return not branch or not first.base_ref or first.base_ref == branch


def listed(job: JobBase, repo: str) -> Listed:
    """What there is to say about a job without an event."""
    source = f"{job.source.file}:{job.source.line}" if job.source.line else job.source.file
    if not isinstance(job, Brancher):
        return Listed(type=JobType.PERIODIC, repo="", name=job.name, when=when(job), source=source)
    presubmit = isinstance(job, Presubmit)
    return Listed(
        type=JobType.PRESUBMIT if presubmit else JobType.POSTSUBMIT,
        repo=repo,
        name=job.name,
        context="" if job.skip_report else job.context,
        standing=_standing(job) if isinstance(job, Presubmit) else "",
        when=when(job),
        branches=job.branches,
        skip_branches=job.skip_branches,
        rerun_command=job.rerun_command if isinstance(job, Presubmit) else "",
        source=source,
    )


def _standing(job: Presubmit) -> str:
    if job.skip_report:
        return SILENT
    return OPTIONAL if job.optional else REQUIRED


def when(job: JobBase) -> str:
    """What makes a job run."""
    match job:
        case Presubmit():
            return _when_presubmit(job)
        case Postsubmit():
            return _when_changed(job) or ("never by itself" if job.always_run is False else "always")
        case Periodic(cron=cron) if cron:
            return f"cron {cron} (UTC)"
        case Periodic(minimum_interval=pause) if pause:
            return f"{pause} after it ended"
        case Periodic(interval=interval):
            return f"every {interval}"
    return ""


def _when_presubmit(job: Presubmit) -> str:
    text = "always" if job.always_run else _when_changed(job) or f"on {job.rerun_command}"
    return f"{text}, and before a merge" if job.run_before_merge and not job.always_run else text


def _when_changed(job: Brancher) -> str:
    if job.run_if_changed:
        return f"if a change matches {job.run_if_changed}"
    return f"unless all changes match {job.skip_if_only_changed}" if job.skip_if_only_changed else ""
