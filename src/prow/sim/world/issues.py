"""Issues, and what pull requests share with them: comments, labels, assignees, milestones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.state import Comment, Issue, Label, Milestone, Repo, User
from prow.sim.world.views import Views, short

_LONGEST_BODY = 65_536
_LONGEST_LABEL = 50
_MOST_LABELS = 100
_MOST_ASSIGNEES = 10


class Issues(Views):
    def issue(self, repo: Repo, number: int) -> Issue:
        found = repo.issues.get(number)
        if found is None:
            raise not_found()
        return found

    async def open_issue(self, repo: Repo, login: str, *, title: str, body: str = "") -> Issue:
        issue = self.new_issue(repo, login, title, body)
        await self.emit(repo, "issues", issue.user, {"action": "opened", "issue": self.json.issue(issue)})
        return issue

    def new_issue(self, repo: Repo, login: str, title: str, body: str) -> Issue:
        """The next number, an issue so far."""
        if not title.strip():
            raise unprocessable("Issue", "title", "missing_field")
        now = self.clock.now()
        issue = Issue(repo, self.new_id(), repo.next_number, self.user(login), title, short(body), now, now)
        repo.next_number += 1
        repo.issues[issue.number] = issue
        return issue

    # Comments

    async def comment(self, issue: Issue, login: str, body: str) -> Comment:
        check_body("IssueComment", body)
        now = self.clock.now()
        comment = Comment(self.new_id(), self.user(login), body, now, now)
        issue.comments.append(comment)
        issue.updated_at = now
        await self._comment_event(issue, comment, comment.user, "created")
        return comment

    async def edit_comment(self, issue: Issue, comment: Comment, login: str, body: str) -> None:
        check_body("IssueComment", body)
        before, comment.body, comment.updated_at = comment.body, body, self.clock.now()
        await self._comment_event(issue, comment, self.user(login), "edited", changes={"body": {"from": before}})

    async def delete_comment(self, issue: Issue, comment: Comment, login: str) -> None:
        issue.comments.remove(comment)
        await self._comment_event(issue, comment, self.user(login), "deleted")

    async def _comment_event(self, issue: Issue, comment: Comment, sender: User, action: str, **extra: Any) -> None:
        payload = {
            "action": action,
            "issue": self.json.issue(issue),
            "comment": self.json.comment(issue, comment),
            **extra,
        }
        await self.emit(issue.repo, "issue_comment", sender, payload)

    def find_comment(self, repo: Repo, comment_id: int) -> tuple[Issue, Comment]:
        for issue in repo.issues.values():
            for comment in issue.comments:
                if comment.id == comment_id:
                    return issue, comment
        raise not_found()

    # Labels

    async def add_labels(self, issue: Issue, login: str, names: Sequence[str]) -> None:
        """Labels that the repository does not have yet are made, as GitHub does; each that is new here is an event."""
        for name in names:
            if not name or len(name) > _LONGEST_LABEL:
                raise unprocessable("Label", "name", "invalid")
            label = issue.repo.labels.get(name.lower())
            if label is None:
                label = issue.repo.labels[name.lower()] = Label(self.new_id(), name)
            if label not in issue.labels:
                if len(issue.labels) >= _MOST_LABELS:
                    raise unprocessable("Issue", "labels", "custom", "only 100 labels are allowed on an issue")
                issue.labels.append(label)
                await self._labelled(issue, login, "labeled", label)

    async def remove_label(self, issue: Issue, login: str, name: str) -> None:
        label = next((found for found in issue.labels if found.name.lower() == name.lower()), None)
        if label is None:
            raise Refused(404, "Label does not exist")
        issue.labels.remove(label)
        await self._labelled(issue, login, "unlabeled", label)

    async def _labelled(self, issue: Issue, login: str, action: str, label: Label) -> None:
        actor = self.user(login)
        self.record(issue, actor, action, label={"name": label.name, "color": label.color})
        await self.touched(issue, actor, action, label=self.json.label(issue.repo, label))

    # Assignees

    def assignable(self, repo: Repo, login: str, issue: Issue | None = None) -> bool:
        """Who may write, members of the organisation, the author, and whoever has commented there."""
        if self.may(repo, login, "write") or self.is_member(repo.owner, login):
            return True
        people = (issue.user, *(c.user for c in issue.comments)) if issue is not None else ()
        return any(user.login.lower() == login.lower() for user in people)

    async def assign(self, issue: Issue, login: str, names: Sequence[str], *, remove: bool = False) -> None:
        """Names that cannot be assigned are passed over in silence, as at GitHub."""
        actor = self.user(login)
        for name in names:
            user = self.users.get(name.lower())
            if user is None or not (remove or self.assignable(issue.repo, name, issue)):
                continue
            if remove and user in issue.assignees:
                issue.assignees.remove(user)
                await self._assigned(issue, actor, "unassigned", user)
            elif not remove and user not in issue.assignees and len(issue.assignees) < _MOST_ASSIGNEES:
                issue.assignees.append(user)
                await self._assigned(issue, actor, "assigned", user)

    async def _assigned(self, issue: Issue, actor: User, action: str, user: User) -> None:
        self.record(issue, actor, action, assignee=self.json.user(user), assigner=self.json.user(actor))
        await self.touched(issue, actor, action, assignee=self.json.user(user))

    # Milestones

    def create_milestone(self, repo: Repo, login: str, title: str) -> Milestone:
        if not title.strip() or any(m.title == title for m in repo.milestones.values()):
            raise unprocessable("Milestone", "title", "already_exists" if title.strip() else "missing_field")
        number = max(repo.milestones, default=0) + 1
        made = repo.milestones[number] = Milestone(self.new_id(), number, title, self.user(login), self.clock.now())
        return made

    async def set_milestone(self, issue: Issue, login: str, number: int | None) -> None:
        """None takes it away."""
        milestone = issue.repo.milestones.get(number) if number is not None else None
        if number is not None and milestone is None:
            raise unprocessable("Issue", "milestone", "invalid")
        if milestone is issue.milestone:
            return
        before, issue.milestone = issue.milestone, milestone
        actor = self.user(login)
        for event, one in (("demilestoned", before), ("milestoned", milestone)):
            if one is not None:
                self.record(issue, actor, event, milestone={"title": one.title})
                await self.touched(issue, actor, event, milestone=self.json.milestone(issue.repo, one))


def check_body(resource: str, body: str) -> None:
    """A comment says something, and not too much."""
    if not body.strip():
        raise unprocessable(resource, "body", "missing_field")
    if len(body) > _LONGEST_BODY:
        raise unprocessable(resource, "body", "custom", f"Body is too long (maximum is {_LONGEST_BODY} characters)")
