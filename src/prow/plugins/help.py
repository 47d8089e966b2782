"""`help`: marks issues for contributors with `help wanted` and `good first issue` (`spec/plugins-other` §1.6)."""

from __future__ import annotations

from enum import StrEnum

from prow.config.plugins import PluginsConfig
from prow.lib import regex
from prow.model.events import Event, EventKind, GenericComment
from prow.plugin.context import Context
from prow.plugin.model import Command, Plugin

HELP = "help wanted"
GOOD_FIRST = "good first issue"
HELP_MARK = "This request has been marked as needing help from a contributor."
GOOD_FIRST_MARK = "This request has been marked as suitable for new contributors."
_GUIDELINES = "https://git.k8s.io/community/contributors/guide/help-wanted.md"


class Wish(StrEnum):
    HELP = r"(?mi)^/help\s*$"
    REMOVE_HELP = r"(?mi)^/remove-help\s*$"
    GOOD_FIRST = r"(?mi)^/good-first-issue\s*$"
    REMOVE_GOOD_FIRST = r"(?mi)^/remove-good-first-issue\s*$"


_patterns = {wish: regex.compile(wish.value) for wish in Wish}


def chosen(body: str, *, has_help: bool, has_good_first: bool) -> Wish | None:
    """The first rule that applies; one comment does one thing."""
    asks = {wish for wish, pattern in _patterns.items() if pattern.matches(body)}
    if has_help and Wish.REMOVE_HELP in asks:
        return Wish.REMOVE_HELP
    if not has_good_first and Wish.GOOD_FIRST in asks:
        return Wish.GOOD_FIRST
    if not has_help and Wish.HELP in asks:
        return Wish.HELP
    if has_good_first and Wish.REMOVE_GOOD_FIRST in asks:
        return Wish.REMOVE_GOOD_FIRST
    return None


async def handle(ctx: Context, event: Event) -> None:
    """Act on an open issue."""
    if not isinstance(event, GenericComment) or event.action != "created" or event.is_pr or event.issue_state != "open":
        return
    has_help, has_good_first = await ctx.pull.has_label(HELP), await ctx.pull.has_label(GOOD_FIRST)
    match chosen(event.body, has_help=has_help, has_good_first=has_good_first):
        case Wish.REMOVE_HELP:
            await ctx.remove_label(HELP)
            await ctx.prune_comments([HELP_MARK] + ([GOOD_FIRST_MARK] if has_good_first else []))
            if has_good_first:
                await ctx.remove_label(GOOD_FIRST)
        case Wish.GOOD_FIRST:
            await _say(ctx, event, GOOD_FIRST_MARK, undo="/remove-good-first-issue", anchor="#good-first-issue")
            await ctx.add_labels(GOOD_FIRST, *([] if has_help else [HELP]))
        case Wish.HELP:
            await _say(ctx, event, HELP_MARK, undo="/remove-help", anchor="")
            await ctx.add_labels(HELP)
        case Wish.REMOVE_GOOD_FIRST:
            await ctx.remove_label(GOOD_FIRST)
            await ctx.prune_comments([GOOD_FIRST_MARK])
        case None:
            pass


async def _say(ctx: Context, event: GenericComment, mark: str, *, undo: str, anchor: str) -> None:
    options = ctx.plugins.help
    link = (options.help_guidelines_url or _GUIDELINES) + anchor
    summary = f"\n\n### Guidelines\n{options.help_guidelines_summary}" if options.help_guidelines_summary else ""
    text = f"{mark}\n\nPlease see that it meets [these requirements]({link}). It no longer does? Say `{undo}`.{summary}"
    await ctx.reply(
        text, login=event.user.login, quoted=event.body, link=event.issue_html_url or event.html_url, key=undo
    )


def _config_help(config: PluginsConfig) -> dict[str, str]:
    return {"": f"Requirements are described at {config.help.help_guidelines_url or _GUIDELINES}."}


PLUGIN = Plugin(
    name="help",
    description="Marks issues for contributors with the labels help wanted and good first issue.",
    handlers={EventKind.GENERIC_COMMENT: handle},
    config_help=_config_help,
    commands=tuple(
        Command(name=name, pattern=wish.value, usage=f"/{name}", description=what, who_can_use="Anyone, on issues")
        for name, wish, what in (
            ("help", Wish.HELP, "Adds help wanted."),
            ("remove-help", Wish.REMOVE_HELP, "Removes help wanted and good first issue."),
            ("good-first-issue", Wish.GOOD_FIRST, "Adds good first issue and help wanted."),
            ("remove-good-first-issue", Wish.REMOVE_GOOD_FIRST, "Removes good first issue."),
        )
    ),
)
