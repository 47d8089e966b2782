"""Issues, and the issue side of pull requests: texts and states, labels, comments, assignees, milestones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from prow.github.area import Area, given, repo_at, typed
from prow.github.errors import NotFound, StateCannotBeChanged, Unprocessable
from prow.model.forge import Issue, IssueComment, LabelRef, Milestone, User

_NO_SUCH_LABEL = "label does not exist"


class NotAssigned(Unprocessable):
    """GitHub did not take these people as assignees or reviewers (or would not let them go). `logins`: who."""

    def __init__(self, text: str, *, logins: tuple[str, ...]) -> None:
        super().__init__(text)
        self.logins = logins


class IssueChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be another one; the rest stays. `state`: open or closed. `state_reason`: completed, not_planned or reopened.

    `milestone`: its number, None for none.
    """

    title: str | msgspec.UnsetType = msgspec.UNSET
    body: str | msgspec.UnsetType = msgspec.UNSET
    state: str | msgspec.UnsetType = msgspec.UNSET
    state_reason: str | msgspec.UnsetType = msgspec.UNSET
    milestone: int | msgspec.UnsetType | None = msgspec.UNSET


class NewIssue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    title: str
    body: str = ""
    milestone: int | None = None
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()


class _Happened(msgspec.Struct):
    """An event in the history of an issue."""

    event: str = ""
    actor: User | None = None
    label: LabelRef | None = None


class Issues(Area):
    async def get_issue(self, org: str, repo: str, number: int) -> Issue:
        return await self._read(Issue, repo_at("/issues/:issueId", org, repo, issueId=number), lags=True)

    async def list_issues(self, org: str, repo: str, *, state: str = "open") -> tuple[Issue, ...]:
        """Issues and pull requests. `state`: open, closed or all."""
        return await self._list(Issue, repo_at("/issues", org, repo, query={"state": state}))

    async def create_issue(self, org: str, repo: str, issue: NewIssue) -> Issue:
        """Raises MaybeDone when nobody can tell whether GitHub took it."""
        place = repo_at("/issues", org, repo)
        instead = Issue(title=issue.title, body=issue.body, state="open")
        return await self._write("POST", place, Issue, body=issue, instead=instead, once=True, content=True)

    async def edit_issue(self, org: str, repo: str, number: int, change: IssueChange) -> Issue:
        """Raises StateCannotBeChanged for one that cannot be reopened."""
        place = repo_at("/issues/:issueId", org, repo, issueId=number)
        known = given(change, but=("milestone",))
        instead = Issue(number=number, **known)
        with states_explained():
            return await self._write("PATCH", place, Issue, body=change, instead=instead, lags=True)

    async def close_issue(self, org: str, repo: str, number: int, *, reason: str = "completed") -> None:
        """`reason`: completed or not_planned."""
        await self.edit_issue(org, repo, number, IssueChange(state="closed", state_reason=reason))

    async def reopen_issue(self, org: str, repo: str, number: int) -> None:
        """Raises StateCannotBeChanged."""
        await self.edit_issue(org, repo, number, IssueChange(state="open"))

    async def set_milestone(self, org: str, repo: str, number: int, milestone: int | None) -> None:
        """By the milestone's number; None takes it away."""
        await self.edit_issue(org, repo, number, IssueChange(milestone=milestone))

    async def list_milestones(self, org: str, repo: str) -> tuple[Milestone, ...]:
        """The open ones."""
        return await self._list(Milestone, repo_at("/milestones", org, repo))

    async def list_issue_labels(self, org: str, repo: str, number: int) -> tuple[LabelRef, ...]:
        return await self._list(LabelRef, repo_at("/issues/:issueId/labels", org, repo, issueId=number), lags=True)

    async def add_labels(self, org: str, repo: str, number: int, labels: Sequence[str]) -> None:
        """Labels that the repository does not know are made by GitHub. None given: nothing is asked."""
        if labels:
            place = repo_at("/issues/:issueId/labels", org, repo, issueId=number)
            await self._ask("POST", place, body=list(labels), lags=True)

    async def remove_label(self, org: str, repo: str, number: int, label: str) -> None:
        """A label that is not there is gone already."""
        place = repo_at("/issues/:issueId/labels/:labelId", org, repo, issueId=number, labelId=label)
        try:
            await self._ask("DELETE", place)
        except NotFound as error:
            if _NO_SUCH_LABEL not in error.message.lower():
                raise

    async def list_issues_labelled(self, org: str, repo: str, label: str) -> tuple[Issue, ...]:
        """Open issues with that label, without pull requests."""
        place = repo_at("/issues", org, repo, query={"state": "open", "labels": label})
        found = await self._list(Issue, place)
        return tuple(issue for issue in found if issue.pull_request is None)

    async def who_labelled(self, org: str, repo: str, number: int, label: str) -> str | None:
        """Login of whoever set this label last, empty when the account is deleted; None: nobody set it."""
        place = repo_at("/issues/:issueId/events", org, repo, issueId=number)
        for event in reversed(await self._list(_Happened, place, lags=True)):
            if event.event == "labeled" and event.label is not None and event.label.name == label:
                return event.actor.login if event.actor is not None else ""
        return None

    async def list_comments(self, org: str, repo: str, number: int) -> tuple[IssueComment, ...]:
        place = repo_at("/issues/:issueId/comments", org, repo, issueId=number)
        return await self._list(IssueComment, place, lags=True)

    async def create_comment(self, org: str, repo: str, number: int, body: str) -> IssueComment:
        """Raises MaybeDone when nobody can tell whether GitHub took it."""
        place = repo_at("/issues/:issueId/comments", org, repo, issueId=number)
        answer = await self._ask("POST", place, body={"body": body}, once=True, content=True, lags=True)
        return IssueComment(body=body) if answer.suppressed else typed(answer, IssueComment, place, once=True)

    async def edit_comment(self, org: str, repo: str, comment_id: int, body: str) -> IssueComment:
        place = repo_at("/issues/comments/:commentId", org, repo, commentId=comment_id)
        answer = await self._ask("PATCH", place, body={"body": body}, content=True, lags=True)
        return IssueComment(id=comment_id, body=body) if answer.suppressed else typed(answer, IssueComment, place)

    async def delete_comment(self, org: str, repo: str, comment_id: int) -> None:
        """A comment that is not there is gone already."""
        place = repo_at("/issues/comments/:commentId", org, repo, commentId=comment_id)
        await self._ask("DELETE", place, ok=(404,))

    async def add_assignees(self, org: str, repo: str, number: int, logins: Sequence[str]) -> None:
        """Raises NotAssigned with those whom GitHub left out."""
        present = await self._assignees("POST", org, repo, number, logins)
        missing = () if present is None else _without(logins, present)
        if missing:
            raise NotAssigned(f"GitHub did not assign {', '.join(missing)} to {org}/{repo}#{number}", logins=missing)

    async def remove_assignees(self, org: str, repo: str, number: int, logins: Sequence[str]) -> None:
        """Raises NotAssigned with those who are still assigned."""
        present = await self._assignees("DELETE", org, repo, number, logins)
        left = () if present is None else _without(logins, _without(logins, present))
        if left:
            raise NotAssigned(f"GitHub did not unassign {', '.join(left)} from {org}/{repo}#{number}", logins=left)

    async def _assignees(
        self, method: str, org: str, repo: str, number: int, logins: Sequence[str]
    ) -> tuple[str, ...] | None:
        """Who is assigned afterwards; None in a dry run."""
        place = repo_at("/issues/:issueId/assignees", org, repo, issueId=number)
        answer = await self._ask(method, place, body={"assignees": list(logins)}, lags=True)
        if answer.suppressed:
            return None
        return tuple(user.login for user in typed(answer, Issue, place).assignees)


@contextmanager
def states_explained() -> Iterator[None]:
    """GitHub's refusal to open something again, as an error of its own."""
    try:
        yield
    except Unprocessable as error:
        if "state cannot be changed." not in error.message:
            raise
        raise StateCannotBeChanged(str(error), status=error.status, message=error.message) from None


def _without(logins: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    known = {login.lower() for login in others}
    return tuple(login for login in logins if login.lower() not in known)
