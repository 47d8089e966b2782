"""Postsubmits: what runs when a branch or tag moves (`spec/plugins-review` §4.9)."""

from __future__ import annotations

from prow.jobs import make, rules
from prow.lib.errors import ProwError, Retry
from prow.model.events import Event, PushEvent
from prow.model.prowjob import Label
from prow.plugin.context import Context
from prow.plugins.trigger import start

_NOTHING = "0" * 40


async def handle(ctx: Context, event: Event) -> None:
    """A failure stops the rest; hook tries the delivery again, and what was made is not made twice."""
    if not isinstance(event, PushEvent) or event.deleted or event.after == _NOTHING:
        return
    jobs = ctx.config.postsubmits_for(event.org, event.repo.name)
    unread: Retry | None = None
    if ctx.in_repo_config is not None:
        try:
            jobs = (*jobs, *await ctx.in_repo_config.postsubmits(event.org, event.repo.name, sha=event.after))
        except ProwError as error:
            ctx.log.error("The repository's own job config cannot be used; only central jobs run.", error=str(error))
            unread = error if isinstance(error, Retry) else None
    chosen = rules.select_postsubmits(jobs, branch=event.branch, files=make.pushed_files(event.commits))
    refs = make.push_refs(event.repo, branch=event.branch, after=event.after, compare=event.compare)
    for choice in chosen:
        ctx.log.debug("Decided about a job.", job=choice.job.name, runs=choice.runs, why=choice.decision.explain())
        if not choice.runs:
            continue
        spec = make.postsubmit_spec(choice.job, refs)
        prowjob = make.new_prowjob(
            spec,
            name=make.job_name(ctx.cause, spec),
            namespace=ctx.config.prowjob_namespace,
            now=ctx.clock.now(),
            labels={**choice.job.labels, Label.EVENT_GUID: ctx.guid},
            annotations=choice.job.annotations,
            scheduling=ctx.config.scheduler.enabled,
        )
        await start.create(ctx, prowjob)
    if unread is not None:
        raise unread
