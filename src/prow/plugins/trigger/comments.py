"""Commands in comments, in the order of `spec/plugins-review` §4.3."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import Counter

from prow.config.config import Config
from prow.config.job import Presubmit
from prow.jobs import rules as job_rules
from prow.lib.errors import Retry
from prow.model.events import Event, GenericComment
from prow.plugin.context import Context
from prow.plugin.text import own_words
from prow.plugin.trust import NEEDS_OK_TO_TEST, OK_TO_TEST, or_allowed, trusted_pull, trusted_user
from prow.plugins.trigger import rules, start

WITHHELD = Counter("prow_trigger_replies_withheld", "Answers to people without trust that were one too many.")


def concerns(config: Config, event: GenericComment) -> bool:
    """Whether a comment on an open pull request may ask for a job in words that only the job's config knows."""
    if event.action != "created" or not event.is_pr or event.issue_state != "open":
        return False
    org, repo = event.org, event.repo.name
    if config.in_repo_config.enabled_for(org, repo):
        return True
    return rules.asks_for_some(event.body, config.presubmits_for(org, repo))


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
    found = None
    if ctx.in_repo_config is not None:
        found = await start.presubmits_of(ctx, await ctx.pull.fresh_pull())
        if not rules.concerns(text, found.jobs):
            return
    trigger = ctx.plugins.trigger_for(org, repo)
    commenter = await trusted_user(ctx.github, trigger, event.user.login, org=org, repo=repo, bot=ctx.bot)
    if not commenter.verdict:
        author = event.issue_author.login
        if author == event.user.login:
            allowed = await or_allowed(ctx.pull, commenter)
        else:
            allowed = await trusted_pull(ctx.github, trigger, ctx.pull, author, org=org, repo=repo, bot=ctx.bot)
        if not allowed.verdict:
            ctx.log.info("The pull request may not be tested yet.", user=event.user.login, why=allowed.explain())
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
        if NEEDS_OK_TO_TEST not in labels_before:
            await ctx.add_labels(NEEDS_OK_TO_TEST)
        return
    found = found or await start.presubmits_of(ctx, await ctx.pull.fresh_pull())
    await _run(ctx, event, text, found.jobs, honour_ok_to_test=not trigger.ignore_ok_to_test, unread=found.unread)


async def _run(
    ctx: Context,
    event: GenericComment,
    text: str,
    jobs: Sequence[Presubmit],
    *,
    honour_ok_to_test: bool,
    unread: Retry | None,
) -> None:
    pull = await ctx.pull.fresh_pull()
    filters = job_rules.filters_for(event.body, honour_ok_to_test=honour_ok_to_test)
    chosen = [c.job for c in await start.select(ctx, jobs, pull, filters=filters, body=event.body) if c.runs]
    due = rules.help_due(text, selected=bool(chosen))
    if due is not None:
        if unread is not None:
            raise unread
        files = [f.filename for f in await ctx.pull.files()] if any(j.change_matcher for j in jobs) else []
        found = job_rules.available(jobs, branch=pull.base.ref, files=files)
        where = f"{ctx.pull.key.org}/{ctx.pull.key.repo}@{pull.base.ref}"
        await _answer(ctx, event, rules.help_text(due, found, where=where), key="help")
        return
    if rules.ANY_TEST.matches(text):
        await ctx.prune_comments(rules.HELP_MARKS)
    retest = rules.RETEST.matches(text) or rules.RETEST_REQUIRED.matches(text)
    await start.start_presubmits(ctx, pull, chosen, retest=retest)
    if unread is not None:
        raise unread


async def _refuse(ctx: Context, event: GenericComment, *, ignore_ok_to_test: bool) -> None:
    """Say why nothing happens; but whoever asks again and again must not spend what GitHub lets the bot write."""
    message = rules.MEMBERS_ONLY if ignore_ok_to_test else rules.NOT_YET
    said = [c for c in await ctx.pull.comments() if ctx.is_bot(c.author) and message in own_words(c.body or "")]
    if len(said) >= rules.REFUSALS:
        WITHHELD.inc()
        return
    await _answer(ctx, event, message, key="not-trusted")


async def _answer(ctx: Context, event: GenericComment, message: str, *, key: str) -> None:
    await ctx.reply(message, login=event.user.login, quoted=event.body, link=event.html_url, key=key)
