"""Issues, and what pull requests share with them: comments, states, locks, reactions, assignees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from prow.sim.errors import Moved, Refused, not_found, unprocessable
from prow.sim.state import Comment, CommitComment, Issue, Reaction, Release, Repo, ReviewComment, User
from prow.sim.world.labels import Labels

_LONGEST_BODY = 65_536
_LONGEST_TITLE = 256
_MOST_ASSIGNEES = 10
_MOST_PINNED = 3
_REASONS = ("completed", "not_planned", "duplicate", "reopened")
_LOCK_REASONS = ("off-topic", "too heated", "resolved", "spam")
Reacted = Issue | Comment | ReviewComment | CommitComment | Release
REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


class Issues(Labels):
    def issue(self, repo: Repo, number: int) -> Issue:
        """One that was transferred is found where it is now."""
        found = repo.issues.get(number)
        if found is None:
            moved = repo.moved_issues.get(number)
            if moved is None:
                raise not_found()
            raise Moved(f"/repositories/{moved.repo.id}/issues/{moved.number}", moved.repo.full_name, whole=True)
        return found

    async def open_issue(self, repo: Repo, login: str, *, title: str, body: str = "") -> Issue:
        if repo.settings.get("has_issues") is False:
            raise Refused(410, "Issues are disabled for this repo")
        issue = self.new_issue(repo, login, title, body)
        await self.emit(repo, "issues", issue.user, {"action": "opened", "issue": self.json.issue(issue)})
        return issue

    def new_issue(self, repo: Repo, login: str, title: str, body: str) -> Issue:
        """The next number, an issue so far."""
        check_title(title)
        check_text("Issue", body)
        now = self.clock.now()
        issue = Issue(repo, self.new_id(), repo.next_number, self.user(login), title, body, now, now)
        repo.next_number += 1
        repo.issues[issue.number] = issue
        return issue

    async def pin(self, issue: Issue, login: str, *, pinned: bool) -> None:
        """At most three issues of a repository are pinned."""
        if pinned and sum(other.pinned for other in issue.repo.issues.values() if other is not issue) >= _MOST_PINNED:
            raise Refused(422, "Maximum 3 pinned issues per repository")
        issue.pinned = pinned
        self.record(issue, self.user(login), "pinned" if pinned else "unpinned")
        await self.touched(issue, self.user(login), "pinned" if pinned else "unpinned")

    async def transfer_issue(self, issue: Issue, login: str, target: Repo, *, labels: bool = False) -> Issue:
        """To another repository of the same owner, under a number of its own. Labels that are not known there are lost, or (`labels`) made."""
        if issue.repo.owner.lower() != target.owner.lower() or issue.repo is target or issue.pull is not None:
            raise Refused(422, "Issue cannot be transferred to this repository")
        made = self.new_issue(target, issue.user.login, issue.title, issue.body)
        made.comments, made.state, made.state_reason = issue.comments, issue.state, issue.state_reason
        made.assignees, made.created_at = list(issue.assignees), issue.created_at
        names = [label.name for label in issue.labels if labels or label.name.lower() in target.labels]
        if names:
            await self.add_labels(made, login, names)
        del issue.repo.issues[issue.number]
        issue.repo.moved_issues[issue.number] = made
        changes = {"new_issue": self.json.issue(made), "new_repository": self.repo_json(target)}
        payload = {"action": "transferred", "issue": self.json.issue(issue), "changes": changes}
        await self.emit(issue.repo, "issues", self.user(login), payload)
        return made

    async def close_or_reopen(
        self, issue: Issue, sender: User, state: str, reason: str | None, *, commit: str = ""
    ) -> None:
        """The state of an issue, and why it is so. A new reason alone is a change, too. `commit`: that closed it."""
        if reason not in {None, *_REASONS}:
            raise unprocessable("Issue", "state_reason", "invalid")
        issue.state = state
        issue.closed_at = self.clock.now() if state == "closed" else None
        issue.closed_by = sender if state == "closed" else None
        if issue.pull is None:
            issue.state_reason = (reason or "completed") if state == "closed" else "reopened"
        action = "closed" if state == "closed" else "reopened"
        details = {"state_reason": issue.state_reason} if issue.state_reason and issue.pull is None else {}
        self.record(issue, sender, action, **details, **({"commit_id": commit} if commit else {}))
        await self.touched(issue, sender, action)

    # Locks

    def may_speak(self, issue: Issue, login: str) -> bool:
        """On a locked issue only those speak who may write."""
        return not issue.locked or self.may(issue.repo, login, "write")

    async def set_lock(self, issue: Issue, login: str, *, locked: bool, reason: str | None = None) -> None:
        if reason not in {None, *_LOCK_REASONS}:
            raise unprocessable("Issue", "lock_reason", "invalid")
        issue.locked, issue.lock_reason = locked, reason if locked else None
        action = "locked" if locked else "unlocked"
        self.record(issue, self.user(login), action, **({"lock_reason": reason} if locked and reason else {}))
        await self.touched(issue, self.user(login), action)

    # Reactions

    async def react(self, to: Reacted, login: str, content: str) -> tuple[Reaction, bool]:
        """One of a kind for each user. The second: whether it is new."""
        if content not in REACTIONS:
            raise unprocessable("Reaction", "content", "invalid")
        user = self.user(login)
        found = next((one for one in to.reactions if one.user is user and one.content == content), None)
        if found is not None:
            return found, False
        made = Reaction(self.new_id(), content, user, self.clock.now())
        to.reactions.append(made)
        await self.changed()
        return made, True

    # Comments

    async def comment(self, issue: Issue, login: str, body: str) -> Comment:
        check_body("IssueComment", body)
        if not self.may_speak(issue, login):
            raise Refused(403, "Unable to create comment because issue is locked.")
        now = self.clock.now()
        comment = Comment(self.new_id(), self.user(login), body, now, now)
        issue.comments.append(comment)
        issue.updated_at = now
        await self._comment_event(issue, comment, comment.user, "created")
        return comment

    async def edit_comment(self, issue: Issue, comment: Comment, login: str, body: str) -> None:
        check_body("IssueComment", body)
        before, comment.body, comment.updated_at = comment.body, body, self.clock.now()
        issue.updated_at = comment.updated_at
        await self._comment_event(issue, comment, self.user(login), "edited", changes={"body": {"from": before}})

    async def delete_comment(self, issue: Issue, comment: Comment, login: str) -> None:
        issue.comments.remove(comment)
        issue.updated_at = self.clock.now()
        await self._comment_event(issue, comment, self.user(login), "deleted")

    async def _comment_event(self, issue: Issue, comment: Comment, sender: User, action: str, **extra: Any) -> None:
        self.journal.note(issue.repo, sender.login, "comment", comment.body, action, number=issue.number, of=comment.id)
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

    # Assignees

    def assignable(self, repo: Repo, login: str, issue: Issue | None = None) -> bool:
        """Who may write, members of the organisation, the author, and whoever has commented there."""
        if self.may(repo, login, "write") or self.is_member(repo.owner, login):
            return True
        people = (issue.user, *(c.user for c in issue.comments)) if issue is not None else ()
        return any(user.login.lower() == login.lower() for user in people)

    async def assign(self, issue: Issue, login: str, names: Sequence[str], *, remove: bool = False) -> None:
        """Names that cannot be assigned are passed over in silence, as at GitHub; so are more than ten."""
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


def check_title(title: str) -> None:
    if not title.strip():
        raise unprocessable("Issue", "title", "missing_field")
    if len(title) > _LONGEST_TITLE:
        text = f"title is too long (maximum is {_LONGEST_TITLE} characters)"
        raise Refused(422, "Validation Failed", [{"resource": "Issue", "field": "title", "code": "custom", "message": text}])  # fmt: skip


def check_text(resource: str, body: str) -> None:
    if len(body) > _LONGEST_BODY:
        text = f"body is too long (maximum is {_LONGEST_BODY} characters)"
        raise Refused(422, "Validation Failed", [{"resource": resource, "field": "body", "code": "custom", "message": text}])  # fmt: skip


def check_body(resource: str, body: str) -> None:
    """A comment says something, and not too much."""
    if not body.strip():
        raise unprocessable(resource, "body", "missing_field")
    check_text(resource, body)
