"""`wip`: a draft, or a title that begins with WIP, keeps a pull request from merging (`spec/plugins-review` §12)."""

from __future__ import annotations

from prow.lib import regex
from prow.model.events import Event, EventKind, PullRequestEvent
from prow.plugin.context import Context
from prow.plugin.model import Plugin

LABEL = "do-not-merge/work-in-progress"
_ACTIONS = frozenset({"opened", "reopened", "edited", "ready_for_review", "converted_to_draft"})
_title = regex.compile(r"(?i)^\W?WIP\W")


def in_progress(title: str, *, draft: bool) -> bool:
    return draft or _title.matches(title)


async def handle(ctx: Context, event: Event) -> None:
    """Set or remove the label."""
    if not isinstance(event, PullRequestEvent) or event.action not in _ACTIONS:
        return
    if in_progress(event.pull_request.title, draft=event.pull_request.draft):
        await ctx.add_labels(LABEL)
    else:
        await ctx.remove_label(LABEL)


PLUGIN = Plugin(
    name="wip",
    description="Keeps drafts, and pull requests whose title begins with WIP, from merging with the label "
    f"{LABEL}; it goes when the draft is ready, or the title is another.",
    handlers={EventKind.PULL_REQUEST: handle},
)
