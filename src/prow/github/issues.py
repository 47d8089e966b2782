"""Issues, and the issue side of pull requests: labels, comments, assignees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from prow.github.area import Area, repo_at, typed
from prow.github.errors import NotFound, Unprocessable
from prow.model.forge import Issue, IssueComment, LabelRef, User

_NO_SUCH_LABEL = "label does not exist"


class NotAssigned(Unprocessable):
    """GitHub did not take these people as assignees or reviewers (or would not let them go). `logins`: who."""

    def __init__(self, text: str, *, logins: tuple[str, ...]) -> None:
        super().__init__(text)
        self.logins = logins


class _Happened(msgspec.Struct):
    """An event in the history of an issue."""

    event: str = ""
    actor: User | None = None
    label: LabelRef | None = None


class Issues(Area):
    async def get_issue(self, org: str, repo: str, number: int) -> Issue:
        return await self._read(Issue, repo_at("/issues/:issueId", org, repo, issueId=number), lags=True)

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
        return IssueComment(body=body) if answer.suppressed else typed(answer, IssueComment, place)

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


def _without(logins: Iterable[str], others: Iterable[str]) -> tuple[str, ...]:
    known = {login.lower() for login in others}
    return tuple(login for login in logins if login.lower() not in known)
