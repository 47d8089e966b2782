"""From a selection to ProwJobs: the part that comments, pull requests and pushes share (`spec/plugins-review` §4.5)."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from prow.config.job import Presubmit
from prow.github.pulls import FILES_LISTED
from prow.jobs import make, rules
from prow.jobs.rules import Chosen, How, Statuses
from prow.jobs.store import AlreadyExists, Conflict, NotFound
from prow.lib.errors import ProwError, Retry
from prow.lib.open_work import in_thread
from prow.model.forge import PullRequest
from prow.model.prowjob import JobState, ProwJob
from prow.plugin.context import Context
from prow.plugin.ports import OpenJob

CUT = "GitHub lists no more files of a pull request; jobs that look at changed files see no others."
ABORT_TEXT = "Aborted by trigger plugin."
_ABORT_ATTEMPTS = 5
_ABORT_AGAIN = 0.2
_INLINE = 20_000
"""Regex searches over so many characters, about 2 ms, are not worth a thread."""


class Presubmits(msgspec.Struct, frozen=True):
    """What is configured. `unread`: why the repository's own jobs are missing, if that may pass: try again later."""

    jobs: tuple[Presubmit, ...]
    unread: Retry | None = None


async def presubmits_of(ctx: Context, pull: PullRequest) -> Presubmits:
    """The repository's presubmits: from the config, and from the repository itself where that is allowed (§4.8).

    A config of its own that is wrong is as good as none. One that cannot be read just now does not keep the central jobs
    from running; the caller starts those and then raises `unread`.
    """
    org, repo, _ = ctx.pull.key
    jobs = ctx.config.presubmits_for(org, repo)
    if ctx.in_repo_config is None:
        return Presubmits(jobs)
    base_sha = await ctx.pull.base_sha()
    try:
        own = await ctx.in_repo_config.presubmits(org, repo, base_sha=base_sha, heads=[pull.head.sha])
    except ProwError as error:
        ctx.log.info("The repository's own job config cannot be used; only central jobs run.", error=str(error))
        return Presubmits(jobs, error if isinstance(error, Retry) else None)
    return Presubmits((*jobs, *own))


async def select(
    ctx: Context, jobs: Sequence[Presubmit], pull: PullRequest, *, filters: Sequence[How], body: str = ""
) -> tuple[Chosen[Presubmit], ...]:
    """Ask the rules; statuses and changed files are read only if a job looks at them."""
    branch = pull.base.ref
    statuses = Statuses()
    if rules.needs_statuses(filters):
        found = (await ctx.pull.statuses()).statuses
        failed = frozenset(s.context for s in found if s.state in {"error", "failure"})
        statuses = Statuses(failed, frozenset(s.context for s in found))
    files: Sequence[str] = ()
    if rules.needs_files(jobs, branch=branch, filters=filters, body=body, statuses=statuses):
        files = [f.filename for f in await ctx.pull.files()]
        if len(files) >= FILES_LISTED:
            ctx.log.warning(CUT, pr=pull.number, listed=FILES_LISTED)
    work = len(jobs) * (len(body) + sum(len(file) for file in files))

    def decide() -> tuple[Chosen[Presubmit], ...]:
        return rules.select_presubmits(jobs, branch=branch, filters=filters, body=body, files=files, statuses=statuses)

    chosen = decide() if work < _INLINE else await in_thread(decide)
    for choice in chosen:
        ctx.log.debug("Decided about a job.", job=choice.job.name, runs=choice.runs, why=choice.decision.explain())
    return chosen


async def start_presubmits(ctx: Context, pull: PullRequest, jobs: Sequence[Presubmit], *, retest: bool = False) -> None:
    """Create the jobs. A pull request that GitHub knows to conflict gets none: there is no merge to test."""
    if not jobs:
        return
    if pull.mergeable is False:
        ctx.log.info("The pull request has conflicts, so there is nothing to test.", pr=pull.number)
        return
    refs = make.pull_refs(pull, await ctx.pull.base_sha())
    errors: list[ProwError] = []
    for job in jobs:
        spec = make.presubmit_spec(job, refs)
        prowjob = make.new_prowjob(
            spec,
            name=make.job_name(ctx.cause, spec),
            namespace=ctx.config.prowjob_namespace,
            now=ctx.clock.now(),
            labels=make.presubmit_labels(job, guid=ctx.guid, retest=retest),
            annotations=job.annotations,
            scheduling=ctx.config.scheduler.enabled,
        )
        try:
            await create(ctx, prowjob)
        except ProwError as error:
            ctx.log.error("A job could not be created.", job=job.name, error=str(error))
            errors.append(error)
    if errors:
        raise errors[0]


async def create(ctx: Context, job: ProwJob) -> None:
    """Store a ProwJob. Its name says what caused it, so a repeat finds it there, which is as good as creating it."""

    async def act() -> str:
        try:
            made = await ctx.jobs.create(job)
        except AlreadyExists:
            return job.name
        if made.metadata.resource_version:
            ctx.log.info("Created a job.", job=job.spec.job, name=job.name)
        return job.name

    await ctx.effects.once(f"job:{job.name}", act=act)


def unfinished(ctx: Context) -> tuple[OpenJob, ...]:
    """The pull request's presubmits that are not over, as the index has them now."""
    return tuple(ctx.known_jobs.unfinished_presubmits(*ctx.pull.key))


async def abort_all(ctx: Context, jobs: Sequence[OpenJob] | None = None) -> None:
    """Abort the pull request's unfinished presubmits; whoever runs them stops them and completes them. `jobs`: these alone.

    All of them are one effect, done before this delivery creates jobs: a repeat must not abort what the first try started.
    A job that changed since the index saw it, perhaps because it has just finished, is looked at again.
    """

    meant = None if jobs is None else {job.name for job in jobs}

    async def act() -> str:
        for left in reversed(range(_ABORT_ATTEMPTS)):
            try:
                for job in unfinished(ctx):
                    if meant is None or job.name in meant:
                        await _abort(ctx, job)
                break
            except Conflict:
                if not left:
                    raise
                await ctx.clock.sleep(_ABORT_AGAIN)
        return ""

    await ctx.effects.once("abort", act=act)


async def _abort(ctx: Context, job: OpenJob) -> None:
    change = {"status": {"state": JobState.ABORTED.value, "description": ABORT_TEXT}}
    try:
        now = await ctx.jobs.patch(job.name, change, resource_version=job.resource_version)
    except NotFound:
        return
    if now.status.state is JobState.ABORTED:
        ctx.log.info("Aborted a job.", name=job.name)
