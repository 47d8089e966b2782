"""What happens for a comment, a review and a push. Permissions are asked for only where the answer matters.

The label comes first: others wait for it, or must not rely on it any longer. Notes follow it; when they fail, the next attempt
knows from the ledger that the label is its own work (`Context.had_label`) and goes on from there. Whether an old notice has to
be deleted can only be seen in the list of comments, so that is read when the label was really set, and not otherwise.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from prow.config.plugin_options import LgtmConfig
from prow.lib.errors import Permanent
from prow.lib.open_work import in_thread
from prow.model.events import Event, GenericComment, PullRequestEvent, ReviewEvent
from prow.model.forge import User
from prow.plugin.context import Context
from prow.plugins.lgtm import rules
from prow.plugins.lgtm.rules import LABEL, Wanted, Who

_MANY_FILES = 100


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants what, in which words. `commit`: what a review is about; empty where nobody can tell."""

    wanted: Wanted
    login: str
    author: str
    assignees: Sequence[User]
    body: str
    link: str
    commit: str = ""


async def on_comment(ctx: Context, event: Event) -> None:
    if not isinstance(event, GenericComment) or event.action != "created" or not event.is_pr:
        return
    wanted = rules.wanted_by(event.body)
    if wanted is None or event.issue_state != "open":
        return
    await _say(
        ctx,
        _Said(
            wanted=wanted,
            login=event.user.login,
            author=event.issue_author.login,
            assignees=event.assignees,
            body=event.body,
            link=event.html_url,
        ),
    )


async def on_review(ctx: Context, event: Event) -> None:
    """Only where the repository lets reviews count."""
    if not isinstance(event, ReviewEvent) or not ctx.plugins.lgtm_for(event.org, event.repo.name).review_acts_as_lgtm:
        return
    login = event.review.user.login if event.review.user is not None else ""
    wanted = rules.wanted_by_review(event, by_bot=ctx.is_bot(login))
    if wanted is None:
        return
    pull = event.pull_request
    await _say(
        ctx,
        _Said(
            wanted=wanted,
            login=login,
            author=pull.author,
            assignees=pull.assignees,
            body=event.review.body or "",
            link=event.review.html_url,
            commit=event.review.commit_id or "",
        ),
    )


async def on_pull(ctx: Context, event: Event) -> None:
    """A push takes the label away, unless nothing changed in it, or its author is trusted to go on."""
    if not isinstance(event, PullRequestEvent) or event.action != "synchronize" or event.pull_request.merged:
        return
    if not await ctx.had_label(LABEL):
        return
    if await ctx.pull.has_label(LABEL):
        if await _sticky(ctx, event.pull_request.author) or await _seen_before(ctx, event.pull_request.head.sha):
            return
        await ctx.remove_label(LABEL)
    if _options(ctx).store_tree_hash:
        await _ask_again(ctx)
    await ctx.comment(rules.REMOVED, key="removed")


async def _say(ctx: Context, said: _Said) -> None:
    org, repo, _ = ctx.pull.key
    by_owners = ctx.plugins.skips_collaborators(org, repo)
    who = await _who(ctx, said, by_owners=by_owners)
    allowed = rules.may(said.wanted, who, by_owners=by_owners, repo=f"{org}/{repo}")
    if not allowed.verdict:
        await ctx.reply(allowed.explain(), login=said.login, quoted=said.body, link=said.link, key="refused")
        return
    to_be_assigned = said.login if who is Who.MEMBER and not by_owners else ""
    if to_be_assigned in {user.login for user in said.assignees}:
        ctx.unchanged()
        to_be_assigned = ""
    _, labelled = await asyncio.gather(_assign(ctx, to_be_assigned), ctx.had_label(LABEL))
    write = rules.step(said.wanted, labelled=labelled)
    if write is Wanted.ADD:
        await _add(ctx, said)
    elif write is Wanted.REMOVE:
        await _remove(ctx)
    else:
        ctx.unchanged()


async def _who(ctx: Context, said: _Said, *, by_owners: bool) -> Who:
    if said.login == said.author:
        return Who.AUTHOR
    org, repo, _ = ctx.pull.key
    if not by_owners:
        return Who.MEMBER if await ctx.github.is_collaborator(org, repo, said.login) else Who.OUTSIDER
    pull = await ctx.pull.pull()
    owners, changed = await asyncio.gather(ctx.load_owners(pull.base.ref), ctx.pull.files())
    files = [file.filename for file in changed]
    owns = (
        rules.owns_some(owners, said.login, files)
        if len(files) < _MANY_FILES
        else await in_thread(rules.owns_some, owners, said.login, files)
    )
    return Who.MEMBER if owns else Who.OUTSIDER


async def _assign(ctx: Context, login: str) -> None:
    """The label does not depend on it."""
    if not login:
        return
    try:
        left_out = await ctx.assign(login)
    except Permanent as error:
        ctx.log.warning("The reviewer was not assigned.", login=login, error=str(error))
        return
    if left_out:
        ctx.log.info("GitHub did not assign the reviewer.", login=login)


async def _add(ctx: Context, said: _Said) -> None:
    await ctx.add_labels(LABEL)
    if await _sticky(ctx, said.author):
        return
    if _options(ctx).store_tree_hash:
        tree = await _tree(ctx, said.commit or (await ctx.pull.fresh_pull()).head.sha)
        if tree:
            await ctx.comment(rules.TREE_HASH.format(sha=tree), key="tree")
    await ctx.prune_comments([rules.REMOVED])


async def _remove(ctx: Context) -> None:
    await ctx.remove_label(LABEL)
    if _options(ctx).store_tree_hash:
        await _ask_again(ctx)
        await ctx.prune_comments([rules.TREE_HASH_MARK])


async def _ask_again(ctx: Context) -> None:
    """Whoever is assigned is asked for another review."""
    assigned = [user.login for user in (await ctx.pull.pull()).assignees]
    if not assigned:
        return
    try:
        await ctx.request_review(*assigned)
    except Permanent as error:
        ctx.log.warning("The reviewers were not asked again.", error=str(error))


async def _seen_before(ctx: Context, head: str) -> bool:
    """Whether the files are those that were looked at, where trees are noted."""
    if not _options(ctx).store_tree_hash:
        return False
    noted = rules.kept_tree(c for c in await ctx.pull.comments() if ctx.is_bot(c.author))
    return bool(noted) and noted == await _tree(ctx, head)


async def _tree(ctx: Context, commit: str) -> str:
    """The tree of a commit; empty when it cannot be read, and then it is no tree that anybody looked at."""
    org, repo, _ = ctx.pull.key
    try:
        return await ctx.github.get_tree_sha(org, repo, commit)
    except Permanent as error:
        ctx.log.warning("The tree of a commit cannot be read.", sha=commit, error=str(error))
        return ""


async def _sticky(ctx: Context, author: str) -> bool:
    """Whether pushes of the author keep the label. A team that may not be read trusts nobody."""
    team = _options(ctx).trusted_team_for_sticky_lgtm
    if not team:
        return False
    org, _, _ = ctx.pull.key
    try:
        return await ctx.github.in_team_named(org, team, author)
    except Permanent as error:
        ctx.log.warning("A team cannot be read, so it keeps no label.", team=team, error=str(error))
        return False


def _options(ctx: Context) -> LgtmConfig:
    org, repo, _ = ctx.pull.key
    return ctx.plugins.lgtm_for(org, repo)
