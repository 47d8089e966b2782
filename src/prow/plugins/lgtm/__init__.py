"""`lgtm`: a reviewer says that the change looks good; a push takes that back (`spec/plugins-review` §6)."""

from __future__ import annotations

from prow.config.plugin_options import LgtmConfig
from prow.config.plugins import PluginsConfig
from prow.model.events import EventKind
from prow.plugin.model import Command, Plugin
from prow.plugins.lgtm import handlers, rules

_WHO = "Collaborators; or, where OWNERS files alone count, their approvers and reviewers. Nobody for a pull request of their own"


def _told(options: LgtmConfig) -> str:
    reviews = "GitHub's reviews count" if options.review_acts_as_lgtm else "GitHub's reviews do not count"
    trees = "a push that changes no file keeps the label" if options.store_tree_hash else "every push removes the label"
    team = options.trusted_team_for_sticky_lgtm
    sticky = f"; pull requests of the team {team} keep it" if team else ""
    return f"{reviews}; {trees}{sticky}."


def _config_help(config: PluginsConfig) -> dict[str, str]:
    return {repo: _told(options) for options in config.lgtm for repo in options.repos}


PLUGIN = Plugin(
    name="lgtm",
    description="Sets the label lgtm when a reviewer says so, and removes it when new commits are pushed.",
    handlers={
        EventKind.GENERIC_COMMENT: handlers.on_comment,
        EventKind.REVIEW: handlers.on_review,
        EventKind.PULL_REQUEST: handlers.on_pull,
    },
    config_help=_config_help,
    commands=(
        Command(
            name="lgtm",
            pattern=rules.ADD,
            usage="/lgtm [cancel]",
            description="Says that the change looks good; cancel takes it back.",
            featured=True,
            who_can_use=_WHO,
            examples=("/lgtm", "/lgtm cancel", "/remove-lgtm"),
        ),
        Command(
            name="remove-lgtm",
            pattern=rules.REMOVE,
            usage="/remove-lgtm",
            description="Takes it back.",
            who_can_use=f"{_WHO}; its author may take it back",
        ),
    ),
)
