"""Domain events: what happened on GitHub, typed once at the edge (`github.webhook`), never JSON behind it.

`spec/plugins-review` §1.4 is the source of the demultiplexing into `GenericComment`.
"""

from __future__ import annotations

from enum import StrEnum

from prow.model.base import Noun
from prow.model.forge import (
    CommitStatus,
    Issue,
    IssueComment,
    LabelRef,
    PullKey,
    PullRequest,
    PushCommit,
    Repo,
    Review,
    ReviewComment,
    User,
)


class EventKind(StrEnum):
    """What a consumer declares that it wants. `GENERIC_COMMENT` is derived from five of GitHub's events."""

    ISSUES = "issues"
    ISSUE_COMMENT = "issue_comment"
    PULL_REQUEST = "pull_request"
    REVIEW = "pull_request_review"
    REVIEW_COMMENT = "pull_request_review_comment"
    PUSH = "push"
    STATUS = "status"
    CHECK_RUN = "check_run"
    WORKFLOW_RUN = "workflow_run"
    GENERIC_COMMENT = "GenericCommentEvent"


class Event(Noun, frozen=True):
    """`guid`: GitHub's delivery id; `action`: the raw action, empty for push and status."""

    guid: str = ""
    action: str = ""
    repo: Repo = Repo()
    sender: User = User()

    @property
    def org(self) -> str:
        return self.repo.org


class IssueEvent(Event, frozen=True):
    issue: Issue = Issue()
    label: LabelRef | None = None


class IssueCommentEvent(Event, frozen=True):
    issue: Issue = Issue()
    comment: IssueComment = IssueComment()


class PullRequestEvent(Event, frozen=True):
    """`before`, `after`: heads around a `synchronize`. `base_changed`, `title_changed`: what `edited` changed."""

    number: int = 0
    pull_request: PullRequest = PullRequest()
    label: LabelRef | None = None
    before: str = ""
    after: str = ""
    base_changed: bool = False
    title_changed: bool = False
    title_before: str | None = None


class ReviewEvent(Event, frozen=True):
    pull_request: PullRequest = PullRequest()
    review: Review = Review()


class ReviewCommentEvent(Event, frozen=True):
    pull_request: PullRequest = PullRequest()
    comment: ReviewComment = ReviewComment()


class PushEvent(Event, frozen=True):
    """`ref`: full ref name, e.g. `refs/heads/main`."""

    ref: str = ""
    before: str = ""
    after: str = ""
    created: bool = False
    deleted: bool = False
    forced: bool = False
    compare: str = ""
    commits: tuple[PushCommit, ...] = ()
    pusher: User = User()

    @property
    def branch(self) -> str:
        return self.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


class StatusEvent(Event, frozen=True):
    sha: str = ""
    status: CommitStatus = CommitStatus()


class CheckRunEvent(Event, frozen=True):
    sha: str = ""
    name: str = ""
    status: str = ""
    conclusion: str = ""


class WorkflowRunEvent(Event, frozen=True):
    sha: str = ""
    name: str = ""
    status: str = ""
    conclusion: str = ""


class GenericComment(Event, frozen=True):
    """Text that a person wrote, whatever it hangs on. `action`: created, edited or deleted.

    `user` is the author of the text, not the sender. `comment_id` is None for a description or a review.
    """

    is_pr: bool = False
    number: int = 0
    node_id: str = ""
    comment_id: int | None = None
    body: str = ""
    html_url: str = ""
    user: User = User()
    issue_author: User = User()
    assignees: tuple[User, ...] = ()
    issue_state: str = ""
    issue_title: str = ""
    issue_body: str = ""
    issue_html_url: str = ""

    @property
    def key(self) -> PullKey:
        return PullKey(self.org, self.repo.name, self.number)
