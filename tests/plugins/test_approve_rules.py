"""The pure parts of `approve`, by tables (`spec/plugins-review` §5)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prow.config.plugin_options import ApproveConfig
from prow.owners import parse
from prow.owners.queries import RepoOwners
from prow.plugins.approve import approvals, rules
from prow.plugins.approve.approvals import Counting, How, Said, Text, Verb
from prow.plugins.approve.coverage import cover
from prow.plugins.approve.suggestion import suggest

ROOT = "approvers: [root]\n"
NO_PARENTS = "options: {no_parent_owners: true}\n"
LETS_GO = "options: {auto_approve_unowned_subfolders: true}\n"


def owners(**files: str) -> RepoOwners:
    """Folders by name, `_` for `/`; `root` is the root."""
    places = {name.replace("root", "").replace("_", "/"): text for name, text in files.items()}
    return RepoOwners(files={place: parse.owners_file(text.encode(), {}) for place, text in places.items()})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("/approve", [Said(Verb.APPROVE, False, False)]),
        ("/APPROVE no-issue ", [Said(Verb.APPROVE, False, True)]),
        ("/approve No-Issue please", [Said(Verb.APPROVE, False, False)]),
        ("/approve cancel", [Said(Verb.APPROVE, True, False)]),
        ("/approve  Cancelled!", [Said(Verb.APPROVE, True, False)]),
        ("/remove-approve", [Said(Verb.REMOVE, True, False)]),
        ("/lgtm cancel\r\n/approve\r\n", [Said(Verb.LGTM, True, False), Said(Verb.APPROVE, False, False)]),
        ("hello\n/approve\tno-issue", [Said(Verb.APPROVE, False, True)]),
        ("/approved\n/approve-this\n /approve\n> /approve\nx /approve\n/approve,", []),
        ("/approve\u2003cancel", []),
    ],
)
def test_commands(body: str, said: list[Said]) -> None:
    assert list(approvals.commands(body)) == said


@given(st.text(max_size=200))
def test_any_text_can_be_read(body: str) -> None:
    for said in approvals.commands(body + "\n/approve"):
        assert not (said.verb is Verb.REMOVE and not said.withdrawn)


def collected(*texts: tuple[str, str], self_approval: bool = False) -> dict[str, tuple[How, bool]]:
    start = datetime(2026, 3, 4, tzinfo=UTC)
    given_texts = [
        Text(author=author, body=body, at=start + timedelta(seconds=n)) for n, (author, body) in enumerate(texts)
    ]
    found = approvals.collect(given_texts, Counting(), author="Mia", author_link="#", self_approval=self_approval)
    return {login: (each.how, each.no_issue) for login, each in found.items()}


def test_the_last_word_of_each_person_counts() -> None:
    assert collected(("ann", "/approve"), ("Ann", "/approve cancel"), ("bob", "/approve")) == {
        "bob": (How.APPROVED, False)
    }
    assert collected(("ann", "/approve\n/approve cancel")) == {}


def test_doing_without_an_issue_is_not_taken_back_by_a_plain_approval() -> None:
    assert collected(("ann", "/approve no-issue"), ("ann", "/approve")) == {"ann": (How.APPROVED, True)}
    assert collected(("ann", "/approve no-issue"), ("ann", "/approve cancel"), ("ann", "/approve")) == {
        "ann": (How.APPROVED, False)
    }


def test_implied_self_approval_can_be_taken_back() -> None:
    assert collected(self_approval=True) == {"mia": (How.SELF, False)}
    assert collected(("Mia", "/approve cancel"), self_approval=True) == {}


def test_deleted_accounts_approve_nothing() -> None:
    assert collected(("", "/approve")) == {}


@pytest.mark.parametrize(
    ("repo", "files", "needed"),
    [
        (owners(root=ROOT, a=ROOT, a_b=ROOT), ["a/b/x", "a/x", "x"], [""]),
        (owners(root=ROOT, a=ROOT, a_b=ROOT), ["a/b/x", "a/x"], ["a"]),
        (owners(root=ROOT, a=ROOT, a_b=ROOT), ["a/b/x"], ["a/b"]),
        (owners(root=ROOT, a=ROOT + NO_PARENTS, a_b=ROOT), ["a/b/x", "x"], ["", "a/b"]),
        (owners(root=ROOT, a=ROOT + NO_PARENTS, a_b=ROOT), ["a/b/x", "a/x", "x"], ["", "a"]),
        (owners(root=ROOT, a=ROOT, ab=ROOT), ["a/x", "ab/x"], ["a", "ab"]),
        (owners(a=ROOT), ["b/x"], [""]),
        (owners(root=ROOT + LETS_GO), ["x", "a/x", "a/b/x"], []),
        (owners(root=ROOT, a=ROOT + LETS_GO), ["a/b/x"], []),
        (owners(root=ROOT, a=ROOT + LETS_GO), ["a/x"], ["a"]),
        (owners(root=ROOT, a=ROOT + LETS_GO, a_b=ROOT), ["a/b/x"], ["a/b"]),
        (owners(root=ROOT), [], []),
    ],
)
def test_which_owners_have_to_approve(repo: RepoOwners, files: list[str], needed: list[str]) -> None:
    assert list(cover(files, repo).needed) == needed


def test_what_changes_nothing_and_what_nobody_owns_is_never_approved() -> None:
    assert not cover([], owners(root=ROOT)).approved_by({"root"})
    assert not cover(["x"], owners()).approved_by({"root"})
    assert cover(["a/x"], owners(root=ROOT + LETS_GO)).approved_by(())


def test_each_file_needs_its_own_approver_where_filters_divide_a_folder() -> None:
    text = "filters:\n  '\\.go$': {approvers: [gopher]}\n  '\\.md$': {approvers: [writer]}\n"
    covered = cover(["x.go", "x.md"], owners(root=text))
    assert covered.uncovered({"gopher"}) == {""}
    assert covered.approved_by({"gopher", "writer"})


def test_few_people_are_asked_and_assignees_before_others() -> None:
    repo = owners(root=ROOT, a="approvers: [ann, both]\n", b="approvers: [bob, both]\n")
    covered = cover(["a/x", "b/x"], repo)
    assert suggest(covered, approvers=(), assignees=(), number=1).others == ("both",)
    assert suggest(covered, approvers=("ann",), assignees=("Bob",), number=1).assigned == ("bob",)
    assert suggest(covered, approvers=("ann",), assignees=("Bob",), number=1).others == ()
    assert suggest(covered, approvers=(), assignees=("root",), number=1).assigned == ("root",)
    assert suggest(covered, approvers=("both",), assignees=(), number=1).everyone == ()


@given(st.integers(0, 10_000))
def test_the_same_pull_request_asks_the_same_people(number: int) -> None:
    covered = cover(["a/x"], owners(a="approvers: [p, q, r, s, t]\n"))
    first = suggest(covered, approvers=(), assignees=(), number=number)
    assert first == suggest(covered, approvers=(), assignees=(), number=number)
    assert len(first.others) == 1


def test_pull_requests_ask_different_people() -> None:
    covered = cover(["a/x"], owners(a="approvers: [p, q, r, s, t]\n"))
    assert len({suggest(covered, approvers=(), assignees=(), number=n).others for n in range(50)}) == 5


@pytest.mark.parametrize(
    ("body", "issue"),
    [
        ("Fixes #12", 12),
        ("https://github.com/org/other/issues/7 and #8", 7),
        ("https://github.com/elsewhere/other/issues/7", 0),
        ("#0", 0),
        ("#99999999999999999999", 0),
        ("#9223372036854775807", 9223372036854775807),
        ("#9223372036854775808", 0),
        ("#" + "9" * 10_000, 0),
        ("", 0),
    ],
)
def test_associated_issue(body: str, issue: int) -> None:
    assert rules.associated_issue(body, "org") == issue


@pytest.mark.parametrize(
    ("action", "label", "by_bot", "state", "starts"),
    [
        ("opened", "", False, "open", True),
        ("synchronize", "", True, "open", True),
        ("reopened", "", False, "open", True),
        ("labeled", "approved", False, "open", True),
        ("labeled", "approved", True, "open", False),
        ("labeled", "approved", False, "closed", False),
        ("labeled", "Approved", False, "open", False),
        ("labeled", "lgtm", False, "open", False),
        ("unlabeled", "approved", False, "open", False),
        ("edited", "", False, "open", False),
        ("closed", "", False, "closed", False),
    ],
)
def test_what_starts_an_evaluation(action: str, label: str, by_bot: bool, state: str, starts: bool) -> None:
    assert rules.pull_starts(action=action, label=label, by_bot=by_bot, state=state) is starts


@pytest.mark.parametrize(
    ("text", "action", "starts"),
    [
        (Text(author="a", state="APPROVED"), "submitted", True),
        (Text(author="a", state="APPROVED", body="/lgtm"), "submitted", True),
        (Text(author="a", state="DISMISSED"), "dismissed", True),
        (Text(author="a", state="COMMENTED"), "submitted", False),
        (Text(author="a", state="APPROVED", body="/approve"), "submitted", False),
        (Text(author="a", state="APPROVED"), "edited", False),
        (Text(author="a", state="APPROVED", app=True), "submitted", False),
        (Text(author="bot", state="APPROVED"), "submitted", False),
    ],
)
def test_which_reviews_start_one(text: Text, action: str, starts: bool) -> None:
    assert rules.review_starts(text, ApproveConfig(), action=action, bot="bot") is starts
