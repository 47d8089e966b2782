"""Which presubmits have to pass before a merge (`spec/tide` §2.2). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from prow.config.config import Config
from prow.config.context_policy import PolicyError
from prow.config.job import Presubmit
from prow.tide.contexts import manual_jobs_required, policy_for
from prow.tide.model import PoolKey, Problem, Requirements


def needs_files(config: Config, key: PoolKey, jobs: Sequence[Presubmit] | None = None) -> bool:
    """Whether the changed files are needed to tell. `jobs`: as in `requirements_of`."""
    jobs = config.presubmits_for(key.org, key.repo) if jobs is None else jobs
    return any(
        job.change_matcher is not None
        and not job.always_run
        and not job.run_before_merge
        and job.context_required
        and job.runs_on_branch(key.branch)
        for job in jobs
    )


def requirements_of(
    config: Config, key: PoolKey, files: Sequence[str], jobs: Sequence[Presubmit] | None = None
) -> Requirements | Problem:
    """For a pull request, or for a batch with the files of all of it.

    `jobs`: all presubmits, those of the configuration included, when the repository defines some itself; None: it does not.
    """
    jobs = config.presubmits_for(key.org, key.repo) if jobs is None else jobs
    try:
        policy = policy_for(config, key, jobs)
    except PolicyError as error:
        return Problem(text=str(error))
    manual = manual_jobs_required(config, key, jobs)
    return Requirements(policy, tuple(job for job in jobs if _required(job, key.branch, files, manual=manual)))


def _required(job: Presubmit, branch: str, files: Sequence[str], *, manual: bool) -> bool:
    if not job.context_required and not job.run_before_merge:
        return False
    if not job.runs_on_branch(branch):
        return False
    if job.always_run or job.run_before_merge:
        return True
    if job.change_matcher is not None:
        return job.change_matcher.matches(files)
    return manual and job.context_required
