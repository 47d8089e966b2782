"""What a comment asks of trigger, against recorded answers and by table (`spec/plugins-review` §4.2, §4.3, §4.10)."""

from __future__ import annotations

import pytest

from prow.config.job import Presubmit
from prow.jobs.rules import TEST_ALL, Available
from prow.lib import regex
from prow.model.events import EventKind
from prow.plugins import BUILT
from prow.plugins.help import Wish
from prow.plugins.hold import ADD, CANCEL
from prow.plugins.trigger import rules
from prow.plugins.trigger.rules import HelpDue, help_due, without_code_blocks
from tests.support.data import golden, needs_data

PATTERNS = {
    "hold.hold": regex.compile(ADD),
    "hold.cancel": regex.compile(CANCEL),
    "help.help": regex.compile(Wish.HELP),
    "help.remove_help": regex.compile(Wish.REMOVE_HELP),
    "help.good_first_issue": regex.compile(Wish.GOOD_FIRST),
    "help.remove_good_first_issue": regex.compile(Wish.REMOVE_GOOD_FIRST),
    "trigger.test_help": rules.HELP_REQUEST,
    "trigger.empty_test": rules.EMPTY_TEST,
    "trigger.test_with_target": rules.TEST_WITH_TARGET,
    "trigger.retest_with_target": rules.RETEST_WITH_TARGET,
    "trigger.test_all": TEST_ALL,
    "trigger.retest": rules.RETEST,
    "trigger.retest_required": rules.RETEST_REQUIRED,
    "trigger.test_manual_required": rules.TEST_MANUAL_REQUIRED,
    "trigger.ok_to_test": rules.OK_TO_TEST,
    "trigger.ok_to_test_cancel": rules.OK_TO_TEST_CANCEL,
}


@needs_data
@pytest.mark.parametrize("name", PATTERNS)
def test_a_command_is_seen_where_the_original_sees_it(name: str) -> None:
    pattern = PATTERNS[name]
    for line in golden("commands"):
        body = line["in"].get("body")
        if body is not None:
            assert pattern.matches(body) is (name in line["out"]["matches"]), (line["case"], body)


@needs_data
def test_code_blocks_are_taken_out_as_the_original_does() -> None:
    for line in golden("commands"):
        if "without_code_blocks" in line["out"]:
            assert without_code_blocks(line["in"]["body"]) == line["out"]["without_code_blocks"], line["case"]


@pytest.mark.parametrize(
    ("text", "selected", "due"),
    [
        ("/test ?", True, HelpDue.ASKED),
        ("/test", True, HelpDue.TEST_NEEDS_TARGET),
        ("/test \r\n?", False, HelpDue.TEST_NEEDS_TARGET),
        ("/retest unit", True, HelpDue.RETEST_TAKES_NONE),
        ("/test all", False, HelpDue.NOTHING_IN_ALL),
        ("/test all", True, None),
        ("/test nonsense", False, HelpDue.TARGET_NOT_FOUND),
        ("/test unit", True, None),
        ("/retest", False, None),
        ("/ok-to-test", False, None),
        ("/retest \r\n/other", False, None),
    ],
)
def test_why_help_is_due(text: str, selected: bool, due: HelpDue | None) -> None:
    assert help_due(text, selected=selected) is due


JOBS = (
    Presubmit(name="unit", trigger="(?m)^/test( | .* )unit,?($|\\s.*)"),
    Presubmit(name="own", trigger="please run"),
)


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("nice work", False),
        ("not /ok-to-test", False),
        ("/ok-to-test \r", True),
        ("/ok-to-test now", False),
        ("/ok-to-test  cancel", True),
        ("/test-manual-required", True),
        ("would you please run it", True),
        ("/test", True),
        ("/testing", False),
        ("/retest-required", True),
        ("> /retest", False),
    ],
)
def test_what_concerns_trigger(text: str, yes: bool) -> None:
    assert rules.concerns(text, JOBS) is yes


def _said(required: tuple[str, ...], optional: tuple[str, ...], test_all: tuple[str, ...]) -> str:
    return rules.help_text(HelpDue.ASKED, Available(required, optional, test_all), where="org/repo@main")


def test_the_list_of_commands_has_the_marks_that_others_look_for() -> None:
    said = _said(("/test a",), ("/test b",), ("a",))
    assert f"{rules.REQUIRED_HEAD}\n```\n/test a\n```" in said
    assert f"{rules.OPTIONAL_HEAD}\n```\n/test b\n```" in said
    assert said.endswith("`/test all` runs these of them:\n- `a`")


def test_test_all_that_runs_everything_lists_nothing_again() -> None:
    assert _said(("/test a",), (), ("a",)).endswith("`/test all` runs every one of them.")


def test_test_all_is_not_offered_where_it_runs_nothing() -> None:
    assert "/test all" not in _said((), ("/test a",), ())


def test_a_branch_without_jobs_is_named() -> None:
    due = HelpDue.TEST_NEEDS_TARGET
    said = rules.help_text(due, Available((), (), ()), where="org/repo@x`@org/team")
    assert said == rules.NOTE_TEST_NEEDS_TARGET + "\nThere are no presubmit jobs for `org/repo@x'@org/team`."


def test_a_hostile_job_command_stays_a_word() -> None:
    said = _said(("/override ci", "/test x\n/lgtm"), (), ("x\n/approve",))
    assert not regex.compile(r"(?m)^/(override|lgtm|approve)").matches(said)


def test_every_command_of_every_plugin_is_declared() -> None:
    for plugin in BUILT:
        assert (EventKind.GENERIC_COMMENT in plugin.handlers) is bool(plugin.commands), plugin.name
        assert all(c.usage.startswith("/") and c.description and c.who_can_use for c in plugin.commands), plugin.name
        assert len({c.name for c in plugin.commands}) == len(plugin.commands)
