"""Approved or not, and why (`spec/plugins-review` §5.2, §5.3). Pure.

Everything but one fact is known before: whether a person set the label by hand. It is asked for only when it decides
(`Evaluation.hangs_on_label`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import replace

from prow.config.plugin_options import ApproveConfig
from prow.lib import regex
from prow.plugin.ports import Owners
from prow.plugins.approve import approvals, coverage, suggestion
from prow.plugins.approve.approvals import Approval, Counting, Text
from prow.plugins.approve.coverage import Coverage
from prow.plugins.approve.suggestion import Suggestion

LABEL = "approved"
_LARGEST_ISSUE = (1 << 63) - 1


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about the pull request. `texts`: everything that was written there, in order of time."""

    number: int
    org: str
    author: str
    link: str
    body: str = ""
    assignees: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    texts: tuple[Text, ...] = ()


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict and what it rests on. `issue`: the associated one, 0: none. `by_label`: a person set the label by hand."""

    coverage: Coverage
    approvals: Mapping[str, Approval]
    suggestion: Suggestion
    uncovered: frozenset[str]
    files_approved: bool
    issue_required: bool = False
    issue: int = 0
    no_issue: tuple[Approval, ...] = ()
    by_label: bool = False

    @property
    def requirements_met(self) -> bool:
        return self.files_approved and (not self.issue_required or bool(self.issue) or bool(self.no_issue))

    @property
    def approved(self) -> bool:
        return self.requirements_met or self.by_label

    @property
    def waiting(self) -> bool:
        """Whether someone still has to approve files."""
        return not self.files_approved and not self.by_label

    def hangs_on_label(self, *, labelled: bool) -> bool:
        """Whether it matters who set the label."""
        return labelled and not self.requirements_met

    def with_label_by_hand(self) -> Evaluation:
        return replace(self, by_label=True)

    def approved_in(self, folder: str) -> tuple[str, ...]:
        """Who has approved something there, as they spell themselves."""
        people = self.coverage.approvers.get(folder, frozenset())
        return tuple(sorted(given.login for login, given in self.approvals.items() if login in people))


def counting(options: ApproveConfig, *, bot: str) -> Counting:
    return Counting(bot=bot, lgtm=options.lgtm_acts_as_approve, reviews=options.considers_reviews)


def evaluate(facts: Facts, owners: Owners, options: ApproveConfig, *, bot: str) -> Evaluation:
    """As if nobody had set the label by hand."""
    given = approvals.collect(
        facts.texts,
        counting(options, bot=bot),
        author=facts.author,
        author_link=f"{facts.link}#",
        self_approval=options.self_approval,
    )
    covered = coverage.cover(facts.files, owners)
    may_approve = frozenset[str]().union(*covered.approvers.values())
    return Evaluation(
        coverage=covered,
        approvals=given,
        suggestion=suggestion.suggest(covered, approvers=given.keys(), assignees=facts.assignees, number=facts.number),
        uncovered=covered.uncovered(given.keys()),
        files_approved=covered.approved_by(given.keys()),
        issue_required=options.issue_required,
        issue=associated_issue(facts.body, facts.org),
        no_issue=tuple(given[login] for login in sorted(given) if given[login].no_issue and login in may_approve),
    )


def associated_issue(body: str, org: str) -> int:
    """The first issue that a description names; 0: none, or a number that cannot be one."""
    found = regex.compile(rf"(?:{regex.escape(org)}/[^/]+/issues/|#)(\d+)").search(body)
    if found is None:
        return 0
    digits = (found.group(1) or "").lstrip("0")
    number = int(digits) if 0 < len(digits) <= 19 else 0
    return number if number <= _LARGEST_ISSUE else 0


def comment_starts(text: Text, options: ApproveConfig, *, action: str, is_pr: bool, state: str, bot: str) -> bool:
    """Whether a comment makes us look again."""
    if action != "created" or not is_pr or state == "closed":
        return False
    return approvals.has_command(text, counting(options, bot=bot))


def review_starts(text: Text, options: ApproveConfig, *, action: str, bot: str) -> bool:
    """Whether a review's state does. One with a command is handled as a comment."""
    if action not in {"submitted", "dismissed"} or text.app:
        return False
    how = counting(options, bot=bot)
    return not approvals.has_command(text, how) and approvals.has_state(text, how)


def pull_starts(*, action: str, label: str, by_bot: bool, state: str) -> bool:
    if action == "labeled":
        return label == LABEL and not by_bot and state != "closed"
    return action in {"opened", "reopened", "synchronize"}


def own_text(texts: Sequence[Text], own: Text | None) -> tuple[Text, ...]:
    """The texts with the one that the delivery is about: GitHub's list may not have it yet."""
    if own is None or any(text.link == own.link for text in texts):
        return tuple(texts)
    return (*texts, replace(own, at=max((text.at for text in texts if text.at is not None), default=None)))
