"""`trigger`: which jobs run, when, and for whom (`spec/plugins-review` §4)."""

from __future__ import annotations

from prow.config.plugins import PluginsConfig
from prow.model.events import EventKind
from prow.plugin.model import Command, Plugin
from prow.plugins.trigger import comments, pulls, pushes, rules


def _config_help(config: PluginsConfig) -> dict[str, str]:
    return {
        repo: f"Members of {trigger.trusted_org or 'the organisation'} are trusted"
        + ("" if trigger.only_org_members else ", and so are collaborators")
        + "."
        for trigger in config.triggers
        for repo in trigger.repos
    }


_WHO = "Anyone on a trusted pull request; trusted people on any"

PLUGIN = Plugin(
    name="trigger",
    description="Starts jobs: for pull requests of trusted people, for commands in comments, and for pushes.",
    handlers={
        EventKind.GENERIC_COMMENT: comments.handle,
        EventKind.PULL_REQUEST: pulls.handle,
        EventKind.PUSH: pushes.handle,
    },
    # A job may be asked for in words of its own (`trigger` in its config), which no command declares.
    concerns=comments.concerns,
    config_help=_config_help,
    commands=(
        Command(
            name="ok-to-test",
            pattern=rules.OK_TO_TEST.pattern,
            usage="/ok-to-test [cancel]",
            description="Says that this pull request may be tested: removes needs-ok-to-test and runs its jobs.",
            who_can_use="Members of the trusted organisation",
        ),
        Command(
            name="ok-to-test-cancel",
            pattern=rules.OK_TO_TEST_CANCEL.pattern,
            usage="/ok-to-test cancel",
            description="Takes it back.",
            who_can_use="Members of the trusted organisation",
        ),
        Command(
            name="test",
            pattern=rules.ANY_TEST.pattern,
            usage="/test (<job name>|all|?)",
            description="Runs one job, or all that would run by themselves; ? lists them.",
            featured=True,
            who_can_use=_WHO,
            examples=("/test all", "/test unit", "/test ?"),
        ),
        Command(
            name="retest",
            pattern=rules.RETEST.pattern,
            usage="/retest",
            description="Runs failed jobs again.",
            featured=True,
            who_can_use=_WHO,
        ),
        Command(
            name="retest-required",
            pattern=rules.RETEST_REQUIRED.pattern,
            usage="/retest-required",
            description="Runs failed jobs again that a merge needs.",
            who_can_use=_WHO,
        ),
        Command(
            name="test-manual-required",
            pattern=rules.TEST_MANUAL_REQUIRED.pattern,
            usage="/test-manual-required",
            description="Runs the required jobs that never run by themselves.",
            who_can_use=_WHO,
        ),
    ),
)
