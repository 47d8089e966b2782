"""What happens for a comment, a review and a push. Permissions are asked for only where the answer matters."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from prow.model.events import Event, GenericComment, PullRequestEvent, ReviewEvent
from prow.model.forge import User
from prow.plugin.context import Context
from prow.plugins.lgtm import rules
from prow.plugins.lgtm.rules import LABEL, Wanted, Who


class _Said(msgspec.Struct, frozen=True, kw_only=True):
    """Who wants what, in which words."""

    wanted: Wanted
    login: str
    author: str
    assignees: Sequence[User]
    body: str
    link: str


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
        ),
    )


async def on_pull(ctx: Context, event: Event) -> None:
    """A push takes the label away, unless nothing changed in it, or its author is trusted to go on."""
    if not isinstance(event, PullRequestEvent) or event.action != "synchronize" or event.pull_request.merged:
        return
    if not await ctx.pull.has_label(LABEL):
        return
    org, repo, _ = ctx.pull.key
    options = ctx.plugins.lgtm_for(org, repo)
    if await _sticky(ctx, event.pull_request.author):
        return
    if options.store_tree_hash:
        kept = rules.kept_tree(c for c in await ctx.pull.comments() if ctx.is_bot(c.author))
        if kept and kept == await ctx.github.get_tree_sha(org, repo, event.pull_request.head.sha):
            return
    await ctx.remove_label(LABEL)
    if options.store_tree_hash:
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
    if who is Who.MEMBER and not by_owners and said.login not in {user.login for user in said.assignees}:
        left_out = await ctx.assign(said.login)
        if left_out:
            ctx.log.info("GitHub did not assign the reviewer.", login=said.login)
    write = rules.step(said.wanted, labelled=await ctx.pull.has_label(LABEL))
    if write is Wanted.ADD:
        await _add(ctx, said.author)
    elif write is Wanted.REMOVE:
        await _remove(ctx)


async def _who(ctx: Context, said: _Said, *, by_owners: bool) -> Who:
    if said.login == said.author:
        return Who.AUTHOR
    org, repo, _ = ctx.pull.key
    if not by_owners:
        return Who.MEMBER if await ctx.github.is_collaborator(org, repo, said.login) else Who.OUTSIDER
    pull = await ctx.pull.pull()
    owners = await ctx.load_owners(pull.base.ref)
    files = [file.filename for file in await ctx.pull.files()]
    return Who.MEMBER if rules.owns_some(owners, said.login, files) else Who.OUTSIDER


async def _add(ctx: Context, author: str) -> None:
    org, repo, _ = ctx.pull.key
    options = ctx.plugins.lgtm_for(org, repo)
    await ctx.add_labels(LABEL)
    if await _sticky(ctx, author):
        return
    if options.store_tree_hash:
        tree = await ctx.github.get_tree_sha(org, repo, (await ctx.pull.fresh_pull()).head.sha)
        await ctx.comment(rules.TREE_HASH.format(sha=tree), key="tree")
    await ctx.prune_comments([rules.REMOVED])


async def _remove(ctx: Context) -> None:
    org, repo, _ = ctx.pull.key
    await ctx.remove_label(LABEL)
    if ctx.plugins.lgtm_for(org, repo).store_tree_hash:
        await _ask_again(ctx)
        await ctx.prune_comments([rules.TREE_HASH_MARK])


async def _ask_again(ctx: Context) -> None:
    """Whoever is assigned is asked for another review."""
    assigned = [user.login for user in (await ctx.pull.pull()).assignees]
    if assigned:
        await ctx.request_review(*assigned)


async def _sticky(ctx: Context, author: str) -> bool:
    org, repo, _ = ctx.pull.key
    team = ctx.plugins.lgtm_for(org, repo).trusted_team_for_sticky_lgtm
    return bool(team) and await ctx.github.in_team_named(org, team, author)
