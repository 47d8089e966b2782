"""`approve`: the label that says that everyone whose OWNERS a pull request touches agrees (`spec/plugins-review` §5)."""

from __future__ import annotations

from prow.config.plugin_options import ApproveConfig
from prow.config.plugins import PluginsConfig
from prow.model.events import EventKind
from prow.plugin.model import Command, Plugin
from prow.plugins.approve import handlers

_WHO = "Approvers in the OWNERS files of what is changed"


def _told(options: ApproveConfig) -> str:
    issue = "An issue is required" if options.issue_required else "No issue is required"
    author = "authors approve their own pull requests" if options.self_approval else "authors have to say `/approve`"
    lgtm = "`/lgtm` approves too" if options.lgtm_acts_as_approve else "`/lgtm` alone does not approve"
    reviews = "GitHub's reviews count" if options.considers_reviews else "GitHub's reviews do not count"
    return f"{issue}; {author}; {lgtm}; {reviews}."


def _config_help(config: PluginsConfig) -> dict[str, str]:
    return {repo: _told(options) for options in config.approve for repo in options.repos}


PLUGIN = Plugin(
    name="approve",
    description="Sets the label approved once approvers of every OWNERS file that a pull request needs have approved it, "
    "and keeps one comment that says who did and who still can.",
    handlers={
        EventKind.REVIEW: handlers.on_review,
        EventKind.PULL_REQUEST: handlers.on_pull,
        EventKind.GENERIC_COMMENT: handlers.on_comment,
    },
    config_help=_config_help,
    commands=(
        Command(
            name="approve",
            pattern=r"(?mi)^/approve(?:\s|$)",
            usage="/approve [no-issue|cancel]",
            description="Approves the files that the commenter may approve; cancel takes it back.",
            featured=True,
            who_can_use=_WHO,
            examples=("/approve", "/approve no-issue", "/approve cancel"),
        ),
        Command(
            name="remove-approve",
            pattern=r"(?mi)^/remove-approve(?:\s|$)",
            usage="/remove-approve",
            description="Takes the commenter's approval back.",
            who_can_use=_WHO,
        ),
        Command(
            name="approve-by-lgtm",
            pattern=r"(?mi)^/lgtm(?:\s|$)",
            usage="/lgtm [cancel]",
            description="Approves too, where the repository has set lgtm_acts_as_approve.",
            who_can_use=_WHO,
        ),
    ),
)
