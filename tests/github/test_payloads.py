"""Payloads become typed events, and events become text that a person wrote (`spec/plugins-review` §1.4, §1.10)."""

from typing import Any

import msgspec
import pytest

from prow.github.errors import BadPayload
from prow.github.webhook import decode, generic_comment
from prow.model.events import (
    CheckRunEvent,
    GenericComment,
    IssueCommentEvent,
    IssueEvent,
    PullRequestEvent,
    PushEvent,
    ReviewEvent,
    StatusEvent,
    WorkflowRunEvent,
)
from prow.model.forge import PullKey

REPO = {"id": 1, "name": "repo", "full_name": "org/repo", "owner": {"login": "org", "id": 9}, "created_at": 1420000000}
PULL = {
    "id": 77,
    "node_id": "PR_1",
    "number": 5,
    "html_url": "https://github.com/org/repo/pull/5",
    "user": {"login": "carol"},
    "title": "Fix it",
    "body": None,
    "state": "open",
    "draft": False,
    "base": {"ref": "main", "sha": "b" * 40, "repo": REPO},
    "head": {"ref": "topic", "sha": "a" * 40, "repo": None},
    "labels": [{"name": "size/S", "color": "fff", "description": None}],
    "assignees": [{"login": "dave"}],
    "requested_reviewers": [],
    "created_at": "2026-01-05T09:00:00Z",
}
ISSUE = {
    "id": 88,
    "node_id": "I_1",
    "number": 5,
    "user": {"login": "carol"},
    "title": "Broken",
    "body": "It is.",
    "state": "open",
    "html_url": "https://github.com/org/repo/issues/5",
    "labels": [],
    "assignees": [],
}
COMMENT = {
    "id": 99,
    "node_id": "IC_1",
    "user": {"login": "erin"},
    "body": "/hold",
    "html_url": "https://github.com/org/repo/issues/5#issuecomment-99",
}
REVIEW = {
    "id": 44,
    "node_id": "PRR_1",
    "user": {"login": "erin"},
    "body": "/lgtm",
    "state": "approved",
    "html_url": "r",
}
REMARK = {"id": 45, "node_id": "PRRC_1", "user": None, "body": "nit", "html_url": "m", "path": "a.py"}


def payload(**parts: Any) -> bytes:
    return msgspec.json.encode({"repository": REPO, "sender": {"login": "sam"}, "installation": {"id": 3}, **parts})


def text_of(event_name: str, **parts: Any) -> GenericComment | None:
    event = decode(event_name, payload(**parts), "guid-1")
    assert event is not None
    return generic_comment(event)


def test_a_comment_becomes_a_typed_event() -> None:
    event = decode("issue_comment", payload(action="created", issue=ISSUE, comment=COMMENT), "guid-1")
    assert isinstance(event, IssueCommentEvent)
    assert (event.guid, event.action, event.org, event.repo.name, event.sender.login) == (
        "guid-1",
        "created",
        "org",
        "repo",
        "sam",
    )
    assert event.comment.body == "/hold"


def test_a_label_event_says_which_label() -> None:
    event = decode("issues", payload(action="labeled", issue=ISSUE, label={"name": "bug"}), "g")
    assert isinstance(event, IssueEvent)
    assert event.label is not None
    assert event.label.name == "bug"


def test_an_edit_says_what_changed() -> None:
    changes = {"title": {"from": "Old"}, "base": {"ref": {"from": "dev"}, "sha": {"from": "c"}}}
    event = decode("pull_request", payload(action="edited", number=5, pull_request=PULL, changes=changes), "g")
    assert isinstance(event, PullRequestEvent)
    assert (event.base_changed, event.title_changed, event.title_before) == (True, True, "Old")
    body_only = decode(
        "pull_request", payload(action="edited", number=5, pull_request=PULL, changes={"body": {"from": "x"}}), "g"
    )
    assert isinstance(body_only, PullRequestEvent)
    assert (body_only.base_changed, body_only.title_changed) == (False, False)


def test_a_push_to_a_pull_request_says_between_which_heads() -> None:
    event = decode("pull_request", payload(action="synchronize", pull_request=PULL, before="x", after="y"), "g")
    assert isinstance(event, PullRequestEvent)
    assert (event.number, event.before, event.after) == (5, "x", "y")


def test_a_push_is_found_by_its_owners_name() -> None:
    repo = {"name": "repo", "full_name": "org/repo", "owner": {"name": "org", "login": None}, "created_at": 1420000000}
    event = decode(
        "push",
        payload(
            ref="refs/heads/release/1",
            before="0",
            after="1",
            repository=repo,
            commits=[{"id": "1", "added": ["a"], "removed": None, "modified": []}],
            pusher={"name": "sam", "email": "s@example.com"},
            head_commit=None,
        ),
        "g",
    )
    assert isinstance(event, PushEvent)
    assert (event.org, event.branch, event.pusher.name, event.action) == ("org", "release/1", "sam", "")
    assert event.commits[0].added == ("a",)


def test_a_status_keeps_its_context_and_commit() -> None:
    event = decode("status", payload(sha="a" * 40, state="success", context="unit", description=None), "g")
    assert isinstance(event, StatusEvent)
    assert (event.sha, event.status.context, event.status.state) == ("a" * 40, "unit", "success")


def test_check_runs_and_workflow_runs_are_about_a_commit() -> None:
    run = {"head_sha": "a" * 40, "name": "build", "status": "in_progress", "conclusion": None}
    check = decode("check_run", payload(action="created", check_run=run), "g")
    workflow = decode("workflow_run", payload(action="requested", workflow_run=run), "g")
    assert isinstance(check, CheckRunEvent)
    assert isinstance(workflow, WorkflowRunEvent)
    assert (check.sha, check.conclusion) == (workflow.sha, workflow.conclusion) == ("a" * 40, "")


def test_a_review_has_the_upper_case_state_of_rest() -> None:
    event = decode("pull_request_review", payload(action="submitted", pull_request=PULL, review=REVIEW), "g")
    assert isinstance(event, ReviewEvent)
    assert event.review.state == "APPROVED"


@pytest.mark.parametrize("name", ["ping", "star", "", "GenericCommentEvent", "registry_package"])
def test_an_event_that_nobody_reads_is_none(name: str) -> None:
    assert decode(name, b"not even json", "g") is None


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("issues", b"{"),
        ("issues", b"{}"),
        ("issues", b"null"),
        ("issues", b'{"issue": 5}'),
        ("pull_request", b'{"pull_request": {"number": "five"}}'),
        ("push", b"[" * 100_000),
        ("push", b'{"ref": "\xff"}'),
    ],
)
def test_a_payload_that_does_not_fit_is_refused_in_one_line(name: str, body: bytes) -> None:
    with pytest.raises(BadPayload) as caught:
        decode(name, body, "g")
    assert "\n" not in str(caught.value)


def test_null_means_absent_as_in_go() -> None:
    event = decode("issues", payload(action="opened", issue={**ISSUE, "assignees": None, "title": None}), "g")
    assert isinstance(event, IssueEvent)
    assert (event.issue.assignees, event.issue.title) == ((), "")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("pull_request", {"action": "superseded", "pull_request": {**PULL, "state": "frozen", "mergeable_state": "shiny"}}),
        ("pull_request_review", {"action": "weighed", "pull_request": PULL, "review": {**REVIEW, "state": "pondered"}}),
        ("issues", {"action": "typed", "issue": {**ISSUE, "author_association": "COUSIN", "state": "napping"}}),
        ("check_run", {"action": "dreamt", "check_run": {"head_sha": "s", "status": "asleep", "conclusion": "perhaps"}}),
        ("status", {"sha": "s", "context": "c", "state": "murky"}),
    ],
)  # fmt: skip
def test_words_that_github_adds_leave_an_event_readable(name: str, fields: dict[str, Any]) -> None:
    assert decode(name, payload(**fields), "g") is not None


def test_a_comment_speaks_for_its_author_not_for_the_sender() -> None:
    text = text_of("issue_comment", action="edited", issue=ISSUE, comment=COMMENT)
    assert text is not None
    assert (text.user.login, text.sender.login, text.issue_author.login) == ("erin", "sam", "carol")
    assert (text.action, text.comment_id, text.body, text.html_url) == ("edited", 99, "/hold", COMMENT["html_url"])
    assert (text.is_pr, text.node_id, text.key) == (False, "I_1", PullKey("org", "repo", 5))


def test_a_comment_on_a_pull_request_is_known_by_its_issue() -> None:
    text = text_of("issue_comment", action="created", issue={**ISSUE, "pull_request": {"url": "x"}}, comment=COMMENT)
    assert text is not None
    assert text.is_pr


def test_a_description_has_no_comment_id() -> None:
    text = text_of("pull_request", action="opened", number=5, pull_request={**PULL, "body": "/hold"})
    assert text is not None
    assert (text.comment_id, text.body, text.is_pr, text.node_id, text.assignees[0].login) == (
        None,
        "/hold",
        True,
        "PR_1",
        "dave",
    )


def test_a_review_speaks_with_its_own_node_and_no_comment_id() -> None:
    text = text_of("pull_request_review", action="dismissed", pull_request=PULL, review=REVIEW)
    assert text is not None
    assert (text.action, text.comment_id, text.node_id, text.body) == ("deleted", None, "PRR_1", "/lgtm")
    assert (text.issue_title, text.number) == ("Fix it", 5)


def test_a_remark_of_a_deleted_user_speaks_for_the_ghost() -> None:
    text = text_of("pull_request_review_comment", action="created", pull_request=PULL, comment=REMARK)
    assert text is not None
    assert (text.user.login, text.comment_id) == ("ghost", 45)


@pytest.mark.parametrize(
    ("name", "parts", "spoken"),
    [
        ("issues", {"issue": ISSUE}, {"opened": "created", "edited": "edited", "deleted": "deleted"}),
        (
            "issue_comment",
            {"issue": ISSUE, "comment": COMMENT},
            {"created": "created", "edited": "edited", "deleted": "deleted"},
        ),
        ("pull_request", {"pull_request": PULL}, {"opened": "created", "edited": "edited"}),
        (
            "pull_request_review",
            {"pull_request": PULL, "review": REVIEW},
            {"submitted": "created", "edited": "edited", "dismissed": "deleted"},
        ),
        (
            "pull_request_review_comment",
            {"pull_request": PULL, "comment": REMARK},
            {"created": "created", "edited": "edited", "deleted": "deleted"},
        ),
        ("check_run", {"check_run": {}}, {}),
        ("push", {"ref": "refs/heads/main"}, {}),
        ("status", {"sha": "a", "state": "pending"}, {}),
    ],
)
def test_only_actions_that_carry_text_become_a_comment(
    name: str, parts: dict[str, Any], spoken: dict[str, str]
) -> None:
    actions = [
        "opened",
        "created",
        "submitted",
        "edited",
        "deleted",
        "dismissed",
        "closed",
        "labeled",
        "synchronize",
        "",
    ]
    seen = {}
    for action in actions:
        text = text_of(name, action=action, **parts)
        if text is not None:
            seen[action] = text.action
    assert seen == spoken
