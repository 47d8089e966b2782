"""What happens to a pull request, and what runs for it (`spec/plugins-review` §4.7)."""

from __future__ import annotations

from collections.abc import Sequence

from prow.config.plugin_options import ProminentInvite, TriggerConfig
from prow.jobs.rules import How
from prow.lib.errors import ProwError
from prow.model.events import Event, PullRequestEvent
from prow.model.forge import PullRequest
from prow.plugin.context import Context
from prow.plugin.ports import OpenJob
from prow.plugin.text import plain
from prow.plugin.trust import NEEDS_OK_TO_TEST, OK_TO_TEST, trusted_pull, trusted_user
from prow.plugins.trigger import rules, start

_LATE = 5.0
"""Seconds after which an event may have been overtaken by a later one."""


async def handle(ctx: Context, event: Event) -> None:
    if not isinstance(event, PullRequestEvent):
        return
    org, repo, _ = ctx.pull.key
    if ctx.in_repo_config is None and not ctx.config.presubmits_for(org, repo):
        return
    match event.action:
        case "opened":
            await _opened(ctx, event)
        case "reopened" | "ready_for_review":
            await _run_if_trusted(ctx, event)
        case "edited" if event.base_changed:
            await _run_if_trusted(ctx, event)
        case "synchronize":
            running = start.unfinished(ctx)
            if await _outdated(ctx, event.pull_request, running, before=event.before):
                return
            await start.abort_all(ctx, running)  # not those of a newer head, of which the index hears in this moment
            await _run_if_trusted(ctx, event)
        case "labeled" if event.label is not None:
            await _labelled(ctx, event, event.label.name)
        case "closed" | "converted_to_draft":
            await start.abort_all(ctx)
        case _:
            pass


async def _opened(ctx: Context, event: PullRequestEvent) -> None:
    org, repo, _ = ctx.pull.key
    pull = event.pull_request
    trigger = ctx.plugins.trigger_for(org, repo)
    author = await trusted_user(ctx.github, trigger, pull.author, org=org, repo=repo, bot=ctx.bot)
    if author.verdict:
        if pull.draft:
            await ctx.comment(plain(rules.DRAFT_TEXT), key="draft")
        else:
            await _run_automatic(ctx, event)
        return
    ctx.log.info("The author is not trusted, so nothing runs yet.", author=pull.author, why=author.explain())
    welcome = rules.Welcome(
        author=pull.author,
        org=org,
        repo=repo,
        trusted_org=trigger.trusted_org,
        join_org_url=trigger.join_org_url,
        ignore_ok_to_test=trigger.ignore_ok_to_test,
        invitation=await _invitation(ctx, trigger, pull),
    )
    failed: ProwError | None = None
    if not trigger.ignore_ok_to_test:
        try:
            if not await ctx.pull.has_label(OK_TO_TEST):
                await ctx.add_labels(NEEDS_OK_TO_TEST)
        except ProwError as error:  # a label that cannot be set does not keep the author waiting for a word
            failed = error
    await ctx.comment(plain(rules.welcome_text(welcome)), key="welcome")
    if failed is not None:
        raise failed


async def _invitation(ctx: Context, trigger: TriggerConfig, pull: PullRequest) -> str | None:
    """The words that invite the author into the organisation, if there are enough merged pull requests for that."""
    org, _, _ = ctx.pull.key
    options = trigger.org_invite.prominent if trigger.org_invite else ProminentInvite()
    if options.disabled or ctx.search is None or (pull.user is not None and pull.user.type == "Bot"):
        return None
    try:
        merged = await ctx.search.count_merged(org, pull.author)
    except ProwError as error:
        ctx.log.info("GitHub's search does not answer, so the welcome is the short one.", error=str(error))
        return None
    return (options.message or rules.INVITATION) if merged >= trigger.merged_pr_threshold else None


async def _run_if_trusted(ctx: Context, event: PullRequestEvent) -> None:
    """Labels are looked at only when the author alone is not trusted."""
    org, repo, _ = ctx.pull.key
    trigger = ctx.plugins.trigger_for(org, repo)
    author = event.pull_request.author
    user = await trusted_user(ctx.github, trigger, author, org=org, repo=repo, bot=ctx.bot)
    if not user.verdict:
        if not await ctx.pull.has_label(OK_TO_TEST):
            ctx.log.info("The pull request may not be tested yet.", why=user.explain())
            return
        await ctx.remove_label(NEEDS_OK_TO_TEST)
    await _run_automatic(ctx, event)


async def _labelled(ctx: Context, event: PullRequestEvent, label: str) -> None:
    if label == "lgtm":
        org, repo, _ = ctx.pull.key
        author = event.pull_request.author
        trigger = ctx.plugins.trigger_for(org, repo)
        allowed = await trusted_pull(ctx.github, trigger, ctx.pull, author, org=org, repo=repo, bot=ctx.bot)
        if not allowed.verdict:
            await _run_automatic(ctx, event)
    elif label == OK_TO_TEST and not ctx.is_bot(event.sender.login):
        await _run_automatic(ctx, event)


async def _outdated(ctx: Context, pull: PullRequest, running: Sequence[OpenJob], *, before: str = "") -> bool:
    """Whether an event is told so late that the pull request has another head by now: its jobs would end those of the newer one.

    GitHub is asked only when the event is old, or jobs run for a head that it does not know. `before`: the head that it replaced.
    """
    late = pull.updated_at is not None and (ctx.clock.now() - pull.updated_at).total_seconds() >= _LATE
    known = {"", before, pull.head.sha}
    if not late and all(job.head in known for job in running):
        return False
    if (await ctx.pull.fresh_pull()).head.sha == pull.head.sha:
        return False
    ctx.log.info("This event is of a head that is not the newest any more; nothing runs for it.", head=pull.head.sha)
    return True


async def _run_automatic(ctx: Context, event: PullRequestEvent) -> None:
    """Everything that runs by itself, unless the pull request is a draft."""
    pull = event.pull_request
    if pull.draft or await _outdated(ctx, pull, start.unfinished(ctx)):
        return
    found = await start.presubmits_of(ctx, pull)
    chosen = await start.select(ctx, found.jobs, pull, filters=(How.ALL,))
    await start.start_presubmits(ctx, pull, [c.job for c in chosen if c.runs])
    if found.unread is not None:
        raise found.unread
