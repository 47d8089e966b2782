"""Commands in comments, in the order of `spec/plugins-review` §4.3."""

from __future__ import annotations

from prow.config.config import Config
from prow.jobs import rules as job_rules
from prow.model.events import Event, GenericComment
from prow.plugin.context import Context
from prow.plugin.trust import NEEDS_OK_TO_TEST, OK_TO_TEST, trusted_pull, trusted_user
from prow.plugins.trigger import rules, start


def concerns(config: Config, event: GenericComment) -> bool:
    """Whether a comment on an open pull request may ask for a job in words that only the job's config knows."""
    if event.action != "created" or not event.is_pr or event.issue_state != "open":
        return False
    org, repo = event.org, event.repo.name
    if config.in_repo_config.enabled_for(org, repo):
        return True
    return any(job.trigger_matches(event.body) for job in config.presubmits_for(org, repo))


async def handle(ctx: Context, event: Event) -> None:
    if (
        not isinstance(event, GenericComment)
        or event.action != "created"
        or not event.is_pr
        or event.issue_state != "open"
    ):
        return
    if ctx.is_bot(event.user.login):
        return
    org, repo, _ = ctx.pull.key
    text = rules.without_code_blocks(event.body)
    if ctx.in_repo_config is None and not rules.concerns(text, ctx.config.presubmits_for(org, repo)):
        return
    if ctx.in_repo_config is not None:
        jobs = await start.presubmits_of(ctx, await ctx.pull.fresh_pull())
        if not rules.concerns(text, jobs):
            return
    trigger = ctx.plugins.trigger_for(org, repo)
    commenter = await trusted_user(ctx.github, trigger, event.user.login, org=org, repo=repo, bot=ctx.bot)
    if not commenter.verdict:
        author = event.issue_author.login
        allowed = await trusted_pull(ctx.github, trigger, ctx.pull, author, org=org, repo=repo, bot=ctx.bot)
        if not allowed.verdict:
            await _refuse(ctx, event, ignore_ok_to_test=trigger.ignore_ok_to_test)
            return
    honoured = not trigger.ignore_ok_to_test and rules.OK_TO_TEST.matches(text)
    labels_before = {label.lower() for label in await ctx.pull.labels()}
    if honoured and OK_TO_TEST not in labels_before:
        await ctx.add_labels(OK_TO_TEST)
    if (honoured or OK_TO_TEST in labels_before) and NEEDS_OK_TO_TEST in labels_before:
        await ctx.remove_label(NEEDS_OK_TO_TEST)
    if not trigger.ignore_ok_to_test and rules.OK_TO_TEST_CANCEL.matches(text):
        if not commenter.verdict:
            await _answer(ctx, event, "Only trusted members can take `/ok-to-test` back.", key="cancel-refused")
            return
        if OK_TO_TEST in labels_before:
            await ctx.remove_label(OK_TO_TEST)
        await ctx.add_labels(NEEDS_OK_TO_TEST)
        return
    await _run(ctx, event, text, honour_ok_to_test=not trigger.ignore_ok_to_test)


async def _run(ctx: Context, event: GenericComment, text: str, *, honour_ok_to_test: bool) -> None:
    pull = await ctx.pull.fresh_pull()
    jobs = await start.presubmits_of(ctx, pull)
    filters = job_rules.filters_for(event.body, honour_ok_to_test=honour_ok_to_test)
    chosen = [c.job for c in await start.select(ctx, jobs, pull, filters=filters, body=event.body) if c.runs]
    due = rules.help_due(text, selected=bool(chosen))
    if due is not None:
        files = [f.filename for f in await ctx.pull.files()] if any(j.change_matcher for j in jobs) else []
        found = job_rules.available(jobs, branch=pull.base.ref, files=files)
        where = f"{ctx.pull.key.org}/{ctx.pull.key.repo}@{pull.base.ref}"
        await _answer(ctx, event, rules.help_text(due, found, where=where), key="help")
        return
    if rules.ANY_TEST.matches(text):
        await ctx.prune_comments(rules.HELP_MARKS)
    retest = rules.RETEST.matches(text) or rules.RETEST_REQUIRED.matches(text)
    await start.start_presubmits(ctx, pull, chosen, retest=retest)


async def _refuse(ctx: Context, event: GenericComment, *, ignore_ok_to_test: bool) -> None:
    if ignore_ok_to_test:
        message = "Only trusted members can start tests of this pull request."
    else:
        message = (
            "This pull request may not be tested yet: a trusted member has to say `/ok-to-test` first. "
            "Until then test commands by others do nothing."
        )
    await _answer(ctx, event, message, key="not-trusted")


async def _answer(ctx: Context, event: GenericComment, message: str, *, key: str) -> None:
    await ctx.reply(message, login=event.user.login, quoted=event.body, link=event.html_url, key=key)
