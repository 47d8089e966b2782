"""What a comment asks of `trigger`, and the texts it answers with; pure (`spec/plugins-review` §4.2, §4.3)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from urllib.parse import quote_plus

import msgspec

from prow.config.job import Presubmit
from prow.jobs.rules import OK_TO_TEST, RETEST, RETEST_REQUIRED, TEST_ALL, TEST_MANUAL_REQUIRED, Available
from prow.lib import regex
from prow.plugin.text import code, command_item

OK_TO_TEST_CANCEL = regex.compile(r"(?m)^/ok-to-test\s+cancel\s*$")
HELP_REQUEST = regex.compile(r"(?m)^/test[ \t]*\?\s*$")
EMPTY_TEST = regex.compile(r"(?m)^/test\s*$")
RETEST_WITH_TARGET = regex.compile(r"(?m)^/retest[ \t]+\S+")
TEST_WITH_TARGET = regex.compile(r"(?m)^/test[ \t]+\S+")
ANY_TEST = regex.compile(r"(?m)^/(?:re)?test\b")
_CODE_BLOCK = regex.compile("(?msU)^```.*(\\n```\\n|\\n```$)|(?msU)^~~~.*(\\n~~~\\n|\\n~~~$)")
_COMMANDS = (
    RETEST,
    RETEST_REQUIRED,
    TEST_MANUAL_REQUIRED,
    OK_TO_TEST,
    OK_TO_TEST_CANCEL,
    TEST_ALL,
    EMPTY_TEST,
    RETEST_WITH_TARGET,
    TEST_WITH_TARGET,
    HELP_REQUEST,
)

# Other programs look for these six, so they are upstream's to the letter.
NOTE_TEST_NEEDS_TARGET = "The `/test` command needs one or more targets.\n"
NOTE_RETEST_TAKES_NONE = "The `/retest` command does not accept any targets.\n"
NOTE_TARGET_NOT_FOUND = "The specified target(s) for `/test` were not found.\n"
NOTE_NOTHING_IN_ALL = "No jobs can be run with `/test all`.\n"
REQUIRED_HEAD = "The following commands are available to trigger required jobs:"
OPTIONAL_HEAD = "The following commands are available to trigger optional jobs:"
HELP_MARKS = (
    NOTE_TEST_NEEDS_TARGET,
    NOTE_RETEST_TAKES_NONE,
    NOTE_TARGET_NOT_FOUND,
    NOTE_NOTHING_IN_ALL,
    REQUIRED_HEAD,
    OPTIONAL_HEAD,
)


def without_code_blocks(body: str) -> str:
    return _CODE_BLOCK.sub("", body)


def concerns(text: str, jobs: Iterable[Presubmit]) -> bool:
    """Whether a comment (without code blocks) says anything to trigger."""
    return any(c.matches(text) for c in _COMMANDS) or asks_for_some(text, jobs)


def asks_for_some(text: str, jobs: Iterable[Presubmit]) -> bool:
    """Whether a comment asks for a job in the words of its config. Hundreds of jobs cost one pass over the text."""
    return bool(_triggers(tuple(job.trigger for job in jobs if job.trigger)).matching(text))


@lru_cache(maxsize=64)
def _triggers(patterns: tuple[str, ...]) -> regex.RegexSet:
    return regex.RegexSet(patterns)


class HelpDue(StrEnum):
    """Why a help reply is due; the value is the note it opens with."""

    ASKED = ""
    TEST_NEEDS_TARGET = NOTE_TEST_NEEDS_TARGET
    RETEST_TAKES_NONE = NOTE_RETEST_TAKES_NONE
    NOTHING_IN_ALL = NOTE_NOTHING_IN_ALL
    TARGET_NOT_FOUND = NOTE_TARGET_NOT_FOUND


def help_due(text: str, *, selected: bool) -> HelpDue | None:
    """Whether to answer with what there is; `selected`: the comment does start jobs."""
    if HELP_REQUEST.matches(text):
        return HelpDue.ASKED
    if EMPTY_TEST.matches(text):
        return HelpDue.TEST_NEEDS_TARGET
    if RETEST_WITH_TARGET.matches(text):
        return HelpDue.RETEST_TAKES_NONE
    if not selected and TEST_ALL.matches(text):
        return HelpDue.NOTHING_IN_ALL
    if not selected and TEST_WITH_TARGET.matches(text):
        return HelpDue.TARGET_NOT_FOUND
    return None


def help_text(due: HelpDue, found: Available, *, where: str) -> str:
    """What can be asked for. `where`: `org/repo@branch`."""
    if not (found.required or found.optional):
        return f"{due.value}\nThere are no presubmit jobs for {code(where)}."
    parts = [due.value] if due.value else []
    if found.required:
        parts.append(f"{REQUIRED_HEAD}\n{_blocks(found.required)}")
    if found.optional:
        parts.append(f"{OPTIONAL_HEAD}\n{_blocks(found.optional)}")
    if len(found.test_all) == len(found.required) + len(found.optional):
        parts.append("`/test all` runs every one of them.")
    elif found.test_all:
        parts.append(f"`/test all` runs these of them:\n{_names(found.test_all)}")
    return "\n".join(parts)


def _blocks(items: Iterable[str]) -> str:
    return "\n".join(command_item(item) for item in items) + "\n"


def _names(items: Iterable[str]) -> str:
    return "\n".join(f"- {code(item)}" for item in items)


class Welcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the welcome of an untrusted author is made of."""

    author: str
    org: str
    repo: str
    trusted_org: str
    join_org_url: str
    ignore_ok_to_test: bool
    invitation: str | None = None
    """For those with merged pull requests; `{join_org_url}` stands for the link."""


INVITATION = (
    "**You have contributed here before, so you may well become a member:** [apply]({join_org_url}), "
    "and your tests start by themselves from then on."
)


def welcome_text(w: Welcome) -> str:
    """The first comment on a pull request that nobody has allowed to be tested yet: what happens next, and who can help."""
    org = w.trusted_org or w.org
    join = w.join_org_url or f"https://github.com/orgs/{org}/people"
    lines = [f"Hi @{w.author}, thank you for this pull request!"]
    if w.invitation is not None:
        lines.append(w.invitation.replace("{join_org_url}", join))
    if w.ignore_ok_to_test:
        lines.append(
            f"Its tests do not start by themselves, because you are not known as a member of [{org}]({join}). "
            f"A trusted member can start them with `/test all`, or by a command for a single job."
        )
    else:
        lines += [
            (
                f"**What happens next:** you are not known as a member of [{org}]({join}) here, so a member has a look first. "
                "Then they say `/ok-to-test`, and the tests run, for this and for every further push. "
                "You need not do anything until then."
            ),
            (
                "After that you can start tests yourself: `/test all`, `/retest`, or `/test ?` for a list. "
                f"Whoever contributes often can [join the organisation]({join}) and skip this step."
            ),
            "The label `ok-to-test` shows that the pull request may be tested.",
        ]
    lines.append(
        f"All commands: [command help](https://go.k8s.io/bot-commands?repo={quote_plus(f'{w.org}/{w.repo}')})."
    )
    return "\n\n".join(lines)


NOT_YET = (
    "This pull request may not be tested yet: a trusted member has to say `/ok-to-test` first. "
    "Until then test commands by others do nothing."
)
MEMBERS_ONLY = "Only trusted members can start tests of this pull request."
REFUSALS = 5
"""So often the bot says to one pull request that it may not be tested; after that it keeps silent."""

DRAFT_TEXT = (
    "This pull request is a draft, so its tests do not start by themselves. "
    "Say `/test all` to run them now; they run when it is marked ready for review."
)

__all__ = [
    "ANY_TEST",
    "OK_TO_TEST",
    "OK_TO_TEST_CANCEL",
    "RETEST",
    "RETEST_REQUIRED",
    "TEST_MANUAL_REQUIRED",
    "HelpDue",
    "concerns",
    "help_due",
    "help_text",
    "welcome_text",
    "without_code_blocks",
]
