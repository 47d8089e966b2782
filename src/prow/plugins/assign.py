"""`assign`: `/assign`, `/unassign`, and for reviews `/cc`, `/uncc` (`spec/plugins-review` §8)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import islice

import msgspec

from prow.lib import regex
from prow.model.events import Event, EventKind, GenericComment
from prow.plugin.context import Context
from prow.plugin.model import Command, Plugin
from prow.plugin.text import code

ASSIGN = r"(?mi)^/(un)?assign(( @?[-\w]+?)*)\s*$"
CC = r"(?mi)^/(un)?cc(( +@?[-/\w]+?)*)\s*$"
_assign = regex.compile(ASSIGN)
_cc = regex.compile(CC)
_MOST = 50


class Mentions(msgspec.Struct, frozen=True):
    """Who is to come and who is to go; each person once, as the last mention says."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


def mentions(pattern: regex.Regex, body: str, commenter: str) -> Mentions:
    """A command without names means the commenter. At most 50 people."""
    wanted: dict[str, tuple[str, bool]] = {}
    for found in pattern.finditer(body):
        adds = not found.group(1)
        names = [name.removeprefix("@") for name in (found.group(2) or "").split()] or [commenter]
        wanted.update((name.lower(), (name, adds)) for name in names)
    people = sorted(islice(wanted.values(), _MOST))
    return Mentions(tuple(name for name, adds in people if adds), tuple(name for name, adds in people if not adds))


async def handle(ctx: Context, event: Event) -> None:
    """Removals come first; who could not be added is told in one answer."""
    if not isinstance(event, GenericComment) or event.action != "created":
        return
    await _change(ctx, event, mentions(_assign, event.body, event.user.login), ctx.assign, ctx.unassign, "assigned")
    if event.is_pr:
        asked = mentions(_cc, event.body, event.user.login)
        await _change(ctx, event, asked, ctx.request_review, ctx.withdraw_review_request, "asked for a review")


People = Callable[..., Awaitable[tuple[str, ...]]]


async def _change(ctx: Context, event: GenericComment, who: Mentions, add: People, remove: People, what: str) -> None:
    if who.remove:
        left = await remove(*who.remove)
        if left:
            ctx.log.info("GitHub did not let everybody go.", logins=left)
    if not who.add:
        return
    missing = await add(*who.add)
    if missing:
        names = ", ".join(code(name) for name in missing)
        message = (
            f"{names} cannot be {what} here. GitHub allows that for members of the organisation, for collaborators of the "
            "repository, and, as assignees, for those who have commented. Is a name misspelt?"
        )
        key = "not-assigned" if what == "assigned" else "not-asked"
        await ctx.reply(message, login=event.user.login, quoted=event.body, link=event.html_url, key=key)


PLUGIN = Plugin(
    name="assign",
    description="Assigns people to issues and pull requests, and asks people and teams for reviews.",
    handlers={EventKind.GENERIC_COMMENT: handle},
    commands=(
        Command(
            name="assign",
            pattern=ASSIGN,
            usage="/[un]assign [[@]<login>…]",
            description="Assigns these people, or whoever says it.",
            featured=True,
            who_can_use="Anyone",
            examples=("/assign", "/unassign", "/assign @octocat", "/assign octocat mona"),
        ),
        Command(
            name="cc",
            pattern=CC,
            usage="/[un]cc [[@]<login>|<org>/<team>…]",
            description="Asks these people or teams, or whoever says it, for a review.",
            featured=True,
            who_can_use="Anyone",
            examples=("/cc", "/uncc", "/cc @octocat", "/cc acme/reviewers"),
        ),
    ),
)
