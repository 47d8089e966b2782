"""GitHub's webhook payloads → typed domain events, straight from the bytes.

Each event has a wire struct of its own with only the fields that are read (`spec/plugins-review` §1.10); msgspec skips the
rest without building it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from prow.github.decoding import Misfit, decoded
from prow.github.errors import BadPayload
from prow.model.events import (
    CheckRunEvent,
    Event,
    EventKind,
    GenericComment,
    IssueCommentEvent,
    IssueEvent,
    PullRequestEvent,
    PushEvent,
    ReviewCommentEvent,
    ReviewEvent,
    StatusEvent,
    WorkflowRunEvent,
)
from prow.model.forge import (
    CommitStatus,
    Issue,
    IssueComment,
    LabelRef,
    PullRequest,
    PushCommit,
    Repo,
    Review,
    ReviewComment,
    User,
)

_GHOST = User(login="ghost")


class _Wire(msgspec.Struct, kw_only=True):
    action: str = ""
    repository: Repo | None = None
    sender: User | None = None

    def common(self, guid: str, *, repo: Repo | None = None) -> dict[str, Any]:
        """What every event tells. `repo`: where else the repository is told."""
        return {
            "guid": guid,
            "action": self.action,
            "repo": self.repository or repo or Repo(),
            "sender": self.sender or User(),
        }


class _Issues(_Wire):
    issue: Issue
    label: LabelRef | None = None

    def event(self, guid: str) -> Event:
        return IssueEvent(**self.common(guid), issue=self.issue, label=self.label)


class _IssueComment(_Wire):
    issue: Issue
    comment: IssueComment

    def event(self, guid: str) -> Event:
        return IssueCommentEvent(**self.common(guid), issue=self.issue, comment=self.comment)


class _From(msgspec.Struct):
    from_: str | None = msgspec.field(default=None, name="from")


class _Changes(msgspec.Struct):
    base: dict[str, Any] | None = None
    title: _From | None = None


class _PullRequest(_Wire):
    pull_request: PullRequest
    number: int = 0
    label: LabelRef | None = None
    before: str | None = None
    after: str | None = None
    changes: _Changes | None = None

    def event(self, guid: str) -> Event:
        changes = self.changes or _Changes()
        return PullRequestEvent(
            **self.common(guid, repo=self.pull_request.base.repo),
            number=self.number or self.pull_request.number,
            pull_request=self.pull_request,
            label=self.label,
            before=self.before or "",
            after=self.after or "",
            base_changed=changes.base is not None,
            title_changed=changes.title is not None,
            title_before=changes.title.from_ if changes.title else None,
        )


class _Review(_Wire):
    pull_request: PullRequest
    review: Review

    def event(self, guid: str) -> Event:
        return ReviewEvent(
            **self.common(guid),
            pull_request=self.pull_request,
            review=msgspec.structs.replace(self.review, state=self.review.state.upper()),
        )


class _ReviewComment(_Wire):
    pull_request: PullRequest
    comment: ReviewComment

    def event(self, guid: str) -> Event:
        return ReviewCommentEvent(
            **self.common(guid),
            pull_request=self.pull_request,
            comment=self.comment,
        )


class _Push(_Wire):
    ref: str
    before: str = ""
    after: str = ""
    created: bool = False
    deleted: bool = False
    forced: bool = False
    compare: str = ""
    commits: tuple[PushCommit, ...] = ()
    pusher: User | None = None

    def event(self, guid: str) -> Event:
        return PushEvent(
            **self.common(guid),
            ref=self.ref,
            before=self.before,
            after=self.after,
            created=self.created,
            deleted=self.deleted,
            forced=self.forced,
            compare=self.compare,
            commits=self.commits,
            pusher=self.pusher or User(),
        )


class _Status(_Wire):
    sha: str
    state: str
    id: int = 0
    context: str = ""
    description: str | None = None
    target_url: str | None = None
    updated_at: datetime | None = None

    def event(self, guid: str) -> Event:
        status = CommitStatus(
            context=self.context,
            state=self.state,
            description=self.description,
            target_url=self.target_url,
            updated_at=self.updated_at,
            id=self.id,
        )
        return StatusEvent(**self.common(guid), sha=self.sha, status=status)


class _Run(msgspec.Struct):
    head_sha: str = ""
    name: str | None = None
    status: str | None = None
    conclusion: str | None = None

    def told(self) -> dict[str, Any]:
        return {
            "sha": self.head_sha,
            "name": self.name or "",
            "status": self.status or "",
            "conclusion": self.conclusion or "",
        }


class _CheckRun(_Wire):
    check_run: _Run

    def event(self, guid: str) -> Event:
        return CheckRunEvent(**self.common(guid), **self.check_run.told())


class _WorkflowRun(_Wire):
    workflow_run: _Run

    def event(self, guid: str) -> Event:
        return WorkflowRunEvent(**self.common(guid), **self.workflow_run.told())


WIRES: dict[str, Any] = {
    EventKind.ISSUES.value: _Issues,
    EventKind.ISSUE_COMMENT.value: _IssueComment,
    EventKind.PULL_REQUEST.value: _PullRequest,
    EventKind.REVIEW.value: _Review,
    EventKind.REVIEW_COMMENT.value: _ReviewComment,
    EventKind.PUSH.value: _Push,
    EventKind.STATUS.value: _Status,
    EventKind.CHECK_RUN.value: _CheckRun,
    EventKind.WORKFLOW_RUN.value: _WorkflowRun,
}
"""The struct in which each event's payload is read, by GitHub's name of the event."""


def decode(event_name: str, body: bytes, guid: str) -> Event | None:
    """The event that a delivery tells; None for an event that nobody here reads. Raises BadPayload when it does not fit."""
    kind = WIRES.get(event_name)
    if kind is None:
        return None
    try:
        wire = decoded(body, kind)
    except Misfit as error:
        raise BadPayload(f"the {event_name} payload does not fit: {error}") from None
    event: Event = wire.event(guid)
    return event


_ACTIONS = {
    "created": "created",
    "opened": "created",
    "submitted": "created",
    "edited": "edited",
    "deleted": "deleted",
    "dismissed": "deleted",
}
"""The actions that carry a person's text, by what the text did."""

_COERCED: dict[type[Event], frozenset[str]] = {
    IssueEvent: frozenset({"opened", "edited", "deleted"}),
    IssueCommentEvent: frozenset({"created", "edited", "deleted"}),
    PullRequestEvent: frozenset({"opened", "edited"}),
    ReviewEvent: frozenset({"submitted", "edited", "dismissed"}),
    ReviewCommentEvent: frozenset({"created", "edited", "deleted"}),
}


def generic_comment(event: Event) -> GenericComment | None:
    """The text that a person wrote with this event, if any (`spec/plugins-review` §1.4)."""
    if event.action not in _COERCED.get(type(event), ()):
        return None
    common: dict[str, Any] = {
        "guid": event.guid,
        "action": _ACTIONS[event.action],
        "repo": event.repo,
        "sender": event.sender,
    }
    match event:
        case IssueEvent(issue=issue):
            return GenericComment(**common, **_on_issue(issue), **_text(issue), node_id=issue.node_id)
        case IssueCommentEvent(issue=issue, comment=comment):
            return GenericComment(
                **common, **_on_issue(issue), **_text(comment), node_id=issue.node_id, comment_id=comment.id
            )
        case PullRequestEvent(pull_request=pull):
            return GenericComment(**common, **_on_pull(pull), **_text(pull), node_id=pull.node_id)
        case ReviewEvent(pull_request=pull, review=review):
            return GenericComment(**common, **_on_pull(pull), **_text(review), node_id=review.node_id)
        case ReviewCommentEvent(pull_request=pull, comment=remark):
            return GenericComment(
                **common, **_on_pull(pull), **_text(remark), node_id=remark.node_id, comment_id=remark.id
            )
    return None


def _text(source: Issue | IssueComment | PullRequest | Review | ReviewComment) -> dict[str, Any]:
    return {"body": source.body or "", "html_url": source.html_url, "user": source.user or _GHOST}


def _on_issue(issue: Issue) -> dict[str, Any]:
    return {**_thread(issue), "is_pr": issue.pull_request is not None}


def _on_pull(pull: PullRequest) -> dict[str, Any]:
    return {**_thread(pull), "is_pr": True}


def _thread(thread: Issue | PullRequest) -> dict[str, Any]:
    return {
        "number": thread.number,
        "issue_author": thread.user or _GHOST,
        "assignees": thread.assignees,
        "issue_state": thread.state,
        "issue_title": thread.title,
        "issue_body": thread.body or "",
        "issue_html_url": thread.html_url,
    }
