"""What happens for an event: read what is needed, evaluate, set the label, tell (`spec/plugins-review` §5.2).

The label is written before the comment: others wait for it. Errors of writes are raised, so hook tries the whole again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Never

from prow.github.errors import NotFound
from prow.github.pulls import FILES_LISTED
from prow.lib.errors import Permanent
from prow.lib.open_work import in_thread
from prow.model.events import Event, GenericComment, PullRequestEvent, ReviewEvent
from prow.model.forge import IssueComment, PullRequest, Review, ReviewComment, User
from prow.plugin.context import Context
from prow.plugin.ports import Owners
from prow.plugins.approve import notification, rules
from prow.plugins.approve.approvals import Text, in_order
from prow.plugins.approve.notification import Place
from prow.plugins.approve.rules import Evaluation, Facts

_FRESH = timedelta(seconds=60)
_MANY_FILES = 100
_NOTIFICATION = "notification"


async def on_comment(ctx: Context, event: Event) -> None:
    if not isinstance(event, GenericComment):
        return
    own = Text(author=event.user.login, body=event.body, link=event.html_url)
    options = ctx.plugins.approve_for(event.org, event.repo.name)
    if rules.comment_starts(own, options, action=event.action, is_pr=event.is_pr, state=event.issue_state, bot=ctx.bot):
        # A description starts an evaluation, too, but is no text that approves; only comments and reviews have an anchor.
        await _evaluate(ctx, await ctx.pull.pull(), own=own if "#" in event.html_url else None)


async def on_review(ctx: Context, event: Event) -> None:
    if not isinstance(event, ReviewEvent):
        return
    own = _of_review(event.review)
    options = ctx.plugins.approve_for(event.org, event.repo.name)
    if rules.review_starts(own, options, action=event.action, bot=ctx.bot):
        await _evaluate(ctx, await ctx.pull.fresh_pull(), own=own if own.link else None)


async def on_pull(ctx: Context, event: Event) -> None:
    if not isinstance(event, PullRequestEvent):
        return
    pull = event.pull_request
    label = event.label.name if event.label is not None else ""
    by_bot = ctx.is_bot(event.sender.login)
    if rules.pull_starts(action=event.action, label=label, by_bot=by_bot, state=pull.state):
        opened = event.action == "opened" and _is_now(ctx, pull.created_at) and not await ctx.commented(_NOTIFICATION)
        await _evaluate(ctx, pull, opened=opened, labelled_now=event.action == "labeled")


async def _evaluate(
    ctx: Context, pull: PullRequest, *, own: Text | None = None, opened: bool = False, labelled_now: bool = False
) -> None:
    """`opened`: the pull request is so new that nobody can have written there. `labelled_now`: a person set the label."""
    owners, files, comments, reviews, on_lines, labels = await asyncio.gather(
        ctx.load_owners(pull.base.ref),
        ctx.pull.files(),
        _nothing() if opened else ctx.pull.comments(),
        _nothing() if opened else ctx.pull.reviews(),
        _nothing() if opened or _without_line_comments(ctx, pull) else ctx.pull.review_comments(),
        ctx.pull.labels(),
    )
    texts = [*map(_of_line_comment, on_lines), *map(_of_comment, comments), *map(_of_review, reviews)]
    facts = Facts(
        number=ctx.pull.key.number,
        org=ctx.pull.key.org,
        author=pull.author,
        link=pull.html_url,
        body=pull.body or "",
        assignees=tuple(user.login for user in pull.assignees),
        files=tuple(file.filename for file in files),
        texts=tuple(in_order(rules.own_text(texts, own))),
    )
    found = await _judged(ctx, facts, owners)
    labelled = any(label.lower() == rules.LABEL for label in labels)
    if found.hangs_on_label(labelled=labelled) and (labelled_now or await _labelled_by_hand(ctx)):
        found = found.with_label_by_hand()
    await (ctx.add_labels(rules.LABEL) if found.approved else ctx.remove_label(rules.LABEL))
    notices = [c for c in comments if ctx.is_bot(c.author) and notification.is_notification(c.body or "")]
    await _tell(ctx, found, pull, notices, cut=len(files) >= FILES_LISTED)


async def _judged(ctx: Context, facts: Facts, owners: Owners) -> Evaluation:
    """Many files are looked at off the event loop."""
    options = ctx.plugins.approve_for(facts.org, ctx.pull.key.repo)
    if len(facts.files) < _MANY_FILES:
        return rules.evaluate(facts, owners, options, bot=ctx.bot)
    return await in_thread(rules.evaluate, facts, owners, options, bot=ctx.bot)


async def _labelled_by_hand(ctx: Context) -> bool:
    """Whether someone else than the bot set the label that is there. Where we may not know, nobody did."""
    try:
        who = await ctx.github.who_labelled(*ctx.pull.key, rules.LABEL)
    except Permanent as error:
        ctx.log.warning("It cannot be read who set the label, so it counts as the bot's own.", error=str(error))
        return False
    return who is not None and not ctx.is_bot(who)


async def _tell(ctx: Context, found: Evaluation, pull: PullRequest, own: Sequence[IssueComment], *, cut: bool) -> None:
    org, repo, _ = ctx.pull.key
    options = ctx.plugins.approve_for(org, repo)
    text = notification.message(
        found,
        Place(
            org=org,
            repo=repo,
            branch=pull.base.ref,
            filename=ctx.plugins.owners_filenames_for(org, repo).owners,
            link_url=ctx.config.github.link_url.rstrip("/"),
            command_help_link=options.command_help_link,
            process_link=options.pr_process_link,
        ),
        cut=cut,
    )
    plan = notification.plan(own, text)
    create = plan.create
    if plan == notification.Plan():
        ctx.unchanged()
    if plan.edit is not None:
        try:
            await ctx.edit_comment(plan.edit, text)
        except NotFound:  # someone deleted it meanwhile
            create = True
    if create:
        await ctx.comment(text, key=_NOTIFICATION)
    for comment_id in plan.delete:
        await ctx.delete_comment(comment_id)


def _without_line_comments(ctx: Context, pull: PullRequest) -> bool:
    """Whether the pull request surely has no comments on lines: it was read just now, or the delivery is fresh."""
    known = ctx.pull.known_fresh or (pull if _is_now(ctx, pull.updated_at) else None)
    return known is not None and known.review_comments == 0


def _is_now(ctx: Context, moment: datetime | None) -> bool:
    return moment is not None and abs(ctx.clock.now() - moment) < _FRESH


async def _nothing() -> Sequence[Never]:
    return ()


def _of_comment(comment: IssueComment) -> Text:
    return Text(author=_login(comment.user), body=comment.body or "", at=comment.created_at, link=comment.html_url)


def _of_line_comment(comment: ReviewComment) -> Text:
    return Text(author=_login(comment.user), body=comment.body or "", at=comment.created_at, link=comment.html_url)


def _of_review(review: Review) -> Text:
    return Text(
        author=_login(review.user),
        body=review.body or "",
        at=review.submitted_at,
        link=review.html_url,
        state=review.state,
        app=review.user is not None and review.user.type == "Bot",
    )


def _login(user: User | None) -> str:
    return user.login if user is not None else ""
