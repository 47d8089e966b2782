"""`hold`: `/hold` keeps a pull request from merging, `/hold cancel` lets it go (`spec/plugins-review` §8)."""

from __future__ import annotations

from prow.lib import regex
from prow.model.events import Event, EventKind, GenericComment
from prow.plugin.context import Context
from prow.plugin.model import Command, Plugin

LABEL = "do-not-merge/hold"
ADD = r"(?mi)^/hold(\s.*)?$"
CANCEL = r"(?mi)^/(remove-hold|hold\s+cancel|unhold)(\s.*)?$"
_add = regex.compile(ADD)
_cancel = regex.compile(CANCEL)


def wanted(body: str) -> bool | None:
    """True: hold; False: let go; None: the comment says neither. Letting go is looked for first."""
    if _cancel.matches(body):
        return False
    return True if _add.matches(body) else None


async def handle(ctx: Context, event: Event) -> None:
    """Set or remove the label."""
    if not isinstance(event, GenericComment) or event.action != "created" or not event.is_pr:
        return
    hold = wanted(event.body)
    if hold is True:
        await ctx.add_labels(LABEL)
    elif hold is False:
        await ctx.remove_label(LABEL)


PLUGIN = Plugin(
    name="hold",
    description="Keeps a pull request from merging with the label do-not-merge/hold.",
    handlers={EventKind.GENERIC_COMMENT: handle},
    commands=(
        Command(
            name="hold",
            pattern=ADD,
            usage="/hold [cancel]",
            description="Adds the label do-not-merge/hold, or removes it with cancel.",
            who_can_use="Anyone",
            examples=("/hold", "/hold cancel", "/unhold", "/remove-hold"),
        ),
        Command(
            name="unhold",
            pattern=CANCEL,
            usage="/unhold",
            description="Removes the label do-not-merge/hold.",
            who_can_use="Anyone",
        ),
    ),
)
