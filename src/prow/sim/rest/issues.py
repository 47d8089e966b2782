"""Issues, and what pull requests share with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from prow.sim.errors import Refused, not_found, unprocessable
from prow.sim.payloads import Json
from prow.sim.rest.call import ISSUE, REPO, Answer, Area, Call, Table, body, login, names, number
from prow.sim.state import Issue
from prow.sim.world.issues import Reacted

_COMMENT = f"{REPO}/issues/comments/{{comment}}"
_REACTED = (
    ISSUE,
    _COMMENT,
    f"{REPO}/pulls/comments/{{line_comment}}",
    f"{REPO}/comments/{{commit_comment}}",
    f"{REPO}/releases/{{release}}",
)
"""What people react to."""


class Issues(Area):
    def table(self) -> Table:
        reactions: Table = {}
        for place in _REACTED:
            reactions |= {
                ("GET", f"{place}/reactions"): self.list_reactions,
                ("POST", f"{place}/reactions"): self.react,
                ("DELETE", f"{place}/reactions/{{reaction}}"): self.delete_reaction,
            }
        return reactions | {
            ("GET", f"{REPO}/issues"): self.list_issues,
            ("POST", f"{REPO}/issues"): self.create_issue,
            ("GET", f"{REPO}/issues/comments"): self.list_all_comments,
            ("GET", f"{REPO}/issues/events"): self.list_all_events,
            ("GET", f"{REPO}/issues/events/{{event}}"): self.get_event,
            ("GET", _COMMENT): self.get_comment,
            ("PATCH", _COMMENT): self.edit_comment,
            ("DELETE", _COMMENT): self.delete_comment,
            ("GET", ISSUE): self.get_issue,
            ("PATCH", ISSUE): self.edit_issue,
            ("GET", f"{ISSUE}/labels"): self.issue_labels,
            ("POST", f"{ISSUE}/labels"): self.add_labels,
            ("PUT", f"{ISSUE}/labels"): self.set_labels,
            ("DELETE", f"{ISSUE}/labels"): self.clear_labels,
            ("DELETE", f"{ISSUE}/labels/{{label:path}}"): self.remove_label,
            ("GET", f"{ISSUE}/comments"): self.list_comments,
            ("POST", f"{ISSUE}/comments"): self.create_comment,
            ("GET", f"{ISSUE}/events"): self.list_events,
            ("GET", f"{ISSUE}/timeline"): self.timeline,
            ("PUT", f"{ISSUE}/lock"): self.lock,
            ("DELETE", f"{ISSUE}/lock"): self.unlock,
            ("GET", f"{REPO}/assignees"): self.list_assignable,
            ("GET", f"{REPO}/assignees/{{login}}"): self.may_be_assigned,
            ("GET", f"{ISSUE}/assignees/{{login}}"): self.may_be_assigned_here,
            ("POST", f"{ISSUE}/assignees"): self.add_assignees,
            ("DELETE", f"{ISSUE}/assignees"): self.remove_assignees,
        }

    async def list_issues(self, call: Call) -> Answer:
        """Pull requests are among them."""
        repo, query, state = self.repo(call), call.query, state_of(call)
        labels = {name.lower() for name in query.get("labels", "").split(",") if name}
        found = [
            i
            for i in repo.issues.values()
            if state in {"all", i.state}
            and labels <= {label.name.lower() for label in i.labels}
            and query.get("creator", "").lower() in {"", i.user.login.lower()}
            and _assigned(i, query.get("assignee", ""))
            and _in_milestone(i, query.get("milestone", ""))
            and i.updated_at >= since(call)
        ]
        return Answer(items=ordered(call, found), each=self.world.json.issue)

    async def create_issue(self, call: Call) -> Answer:
        """Labels, assignees and milestone are for those who may triage; from others they are passed over."""
        repo, wanted = self.repo(call), body(call)
        title, text = str(wanted.get("title") or ""), str(wanted.get("body") or "")
        issue = await self.world.open_issue(repo, login(call), title=title, body=text)
        if self.world.may(repo, call.login, "triage"):
            extra = {key: wanted[key] for key in ("labels", "assignees", "milestone") if wanted.get(key)}
            await self.world.edit(issue, login(call), extra)
        return Answer(self.world.json.issue(issue), 201)

    def _full(self, issue: Issue) -> Json:
        closed_by = self.world.json.user(issue.closed_by) if issue.closed_by is not None else None
        return self.world.json.issue(issue) | {"closed_by": closed_by}

    async def get_issue(self, call: Call) -> Answer:
        _, issue = self.issue(call)
        return Answer(self._full(issue), modified=issue.updated_at)

    async def edit_issue(self, call: Call) -> Answer:
        """Its author may change words and state; the rest takes triage, and is passed over for him."""
        repo, issue = self.issue(call)
        self.may_edit(call, issue, issue.user.login, "triage")
        wanted = body(call)
        if not self.world.may(repo, call.login, "triage"):
            wanted = {k: v for k, v in wanted.items() if k in {"title", "body", "state", "state_reason"}}
        await self.world.edit(issue, login(call), wanted)
        return Answer(self._full(issue))

    # Labels

    async def issue_labels(self, call: Call) -> Answer:
        repo, issue = self.issue(call)
        return Answer(items=issue.labels, each=lambda label: self.world.json.label(repo, label))

    def _names(self, call: Call) -> list[str]:
        """A list, or an object with one; of names, or of objects with them."""
        found = call.body.get("labels", []) if isinstance(call.body, dict) else call.body
        if not isinstance(found or [], list):
            raise Refused(422, "Invalid request.\n\nFor 'anyOf/0', is not an array.")
        return [str(n["name"] if isinstance(n, dict) else n) for n in found or []]

    async def add_labels(self, call: Call) -> Answer:
        repo, issue = self.issue(call, "triage")
        await self.world.add_labels(issue, login(call), self._names(call))
        return Answer([self.world.json.label(repo, label) for label in issue.labels])

    async def set_labels(self, call: Call) -> Answer:
        repo, issue = self.issue(call, "triage")
        await self.world.set_labels(issue, login(call), self._names(call))
        return Answer([self.world.json.label(repo, label) for label in issue.labels])

    async def clear_labels(self, call: Call) -> Answer:
        _, issue = self.issue(call, "triage")
        await self.world.set_labels(issue, login(call), [])
        return Answer(status=204)

    async def remove_label(self, call: Call) -> Answer:
        repo, issue = self.issue(call, "triage")
        await self.world.remove_label(issue, login(call), call.path["label"])
        return Answer([self.world.json.label(repo, label) for label in issue.labels])

    # Comments

    async def list_comments(self, call: Call) -> Answer:
        _, issue = self.issue(call)
        found = [c for c in issue.comments if c.updated_at >= since(call)]
        return Answer(items=found, each=lambda comment: self.world.json.comment(issue, comment))

    async def list_all_comments(self, call: Call) -> Answer:
        """Of all issues of the repository."""
        repo = self.repo(call)
        found = [(i, c) for i in repo.issues.values() for c in i.comments if c.updated_at >= since(call)]
        found.sort(key=lambda pair: pair[1].id, reverse=call.query.get("direction") == "desc")
        return Answer(items=found, each=lambda pair: self.world.json.comment(*pair))

    async def create_comment(self, call: Call) -> Answer:
        _, issue = self.issue(call)
        comment = await self.world.comment(issue, login(call), str(body(call).get("body") or ""))
        return Answer(self.world.json.comment(issue, comment), 201)

    async def get_comment(self, call: Call) -> Answer:
        issue, comment = self.world.find_comment(self.repo(call), number(call, "comment"))
        return Answer(self.world.json.comment(issue, comment), modified=comment.updated_at)

    async def edit_comment(self, call: Call) -> Answer:
        issue, comment = self.world.find_comment(self.repo(call), number(call, "comment"))
        self.may_edit(call, issue, comment.user.login, "write")
        await self.world.edit_comment(issue, comment, login(call), str(body(call).get("body") or ""))
        return Answer(self.world.json.comment(issue, comment))

    async def delete_comment(self, call: Call) -> Answer:
        issue, comment = self.world.find_comment(self.repo(call), number(call, "comment"))
        self.may_edit(call, issue, comment.user.login, "write")
        await self.world.delete_comment(issue, comment, login(call))
        return Answer(status=204)

    # History

    async def list_events(self, call: Call) -> Answer:
        _, issue = self.issue(call)
        return Answer(items=issue.events, each=lambda event: self.world.json.issue_event(issue, event))

    async def list_all_events(self, call: Call) -> Answer:
        """Of all issues of the repository, the newest first."""
        repo = self.repo(call)
        found = [(issue, event) for issue in repo.issues.values() for event in issue.events]
        found.sort(key=lambda pair: -pair[1].id)
        items = [
            self.world.json.issue_event(issue, event) | {"issue": self.world.json.issue(issue)}
            for issue, event in found
        ]
        return Answer(items=items)

    async def get_event(self, call: Call) -> Answer:
        for issue in self.repo(call).issues.values():
            for event in issue.events:
                if event.id == number(call, "event"):
                    told = self.world.json.issue_event(issue, event)
                    return Answer(told | {"issue": self.world.json.issue(issue)})
        raise not_found()

    async def timeline(self, call: Call) -> Answer:
        """Events, comments, commits and reviews as they came."""
        _, issue = self.issue(call)
        return Answer(items=await self.world.timeline(issue, lambda repo: self.world.sees(repo, call.who)))

    # Locks

    async def lock(self, call: Call) -> Answer:
        _, issue = self.issue(call, "write")
        wanted = call.body if isinstance(call.body, dict) else {}
        reason = wanted.get("lock_reason")
        await self.world.set_lock(issue, login(call), locked=True, reason=str(reason) if reason else None)
        return Answer(status=204)

    async def unlock(self, call: Call) -> Answer:
        _, issue = self.issue(call, "write")
        await self.world.set_lock(issue, login(call), locked=False)
        return Answer(status=204)

    # Reactions

    def _reacted(self, call: Call) -> Reacted:
        """What the path names."""
        if "comment" in call.path:
            return self.world.find_comment(self.repo(call), number(call, "comment"))[1]
        if "line_comment" in call.path:
            return self.world.find_review_comment(self.repo(call), number(call, "line_comment"))[1]
        if "commit_comment" in call.path:
            return self.world.find_commit_comment(self.repo(call), number(call, "commit_comment"))
        if "release" in call.path:
            return self.world.find_release(self.repo(call), number(call, "release"))
        return self.issue(call)[1]

    async def list_reactions(self, call: Call) -> Answer:
        wanted = call.query.get("content", "")
        found = [one for one in self._reacted(call).reactions if wanted in {"", one.content}]
        return Answer(items=[self.world.json.reaction(one) for one in found])

    async def react(self, call: Call) -> Answer:
        """The same once more is answered by 200."""
        what = self._reacted(call)
        made, new = await self.world.react(what, login(call), str(body(call).get("content") or ""))
        return Answer(self.world.json.reaction(made), 201 if new else 200)

    async def delete_reaction(self, call: Call) -> Answer:
        what = self._reacted(call)
        found = next((one for one in what.reactions if one.id == number(call, "reaction")), None)
        if found is None:
            raise not_found()
        if found.user.login.lower() != login(call).lower():
            raise Refused(403, "You can only delete your own reactions.")
        what.reactions.remove(found)
        return Answer(status=204)

    # Assignees

    async def list_assignable(self, call: Call) -> Answer:
        repo = self.repo(call)
        found = [user for user in self.world.users.values() if self.world.assignable(repo, user.login)]
        return Answer(items=[self.world.json.user(user) for user in found])

    async def may_be_assigned(self, call: Call) -> Answer:
        if not self.world.assignable(self.repo(call), call.path["login"]):
            raise not_found()
        return Answer(status=204)

    async def may_be_assigned_here(self, call: Call) -> Answer:
        repo, issue = self.issue(call)
        if not self.world.assignable(repo, call.path["login"], issue):
            raise not_found()
        return Answer(status=204)

    async def add_assignees(self, call: Call) -> Answer:
        _, issue = self.issue(call, "triage")
        await self.world.assign(issue, login(call), names(call, "assignees"))
        return Answer(self.world.json.issue(issue), 201)

    async def remove_assignees(self, call: Call) -> Answer:
        _, issue = self.issue(call, "triage")
        await self.world.assign(issue, login(call), names(call, "assignees"), remove=True)
        return Answer(self.world.json.issue(issue))


def _assigned(issue: Issue, wanted: str) -> bool:
    if wanted in {"none", "*"}:
        return bool(issue.assignees) is (wanted == "*")
    return not wanted or any(user.login.lower() == wanted.lower() for user in issue.assignees)


def _in_milestone(issue: Issue, wanted: str) -> bool:
    if wanted in {"none", "*"}:
        return (issue.milestone is not None) is (wanted == "*")
    return not wanted or (issue.milestone is not None and str(issue.milestone.number) == wanted)


def state_of(call: Call) -> str:
    """open, closed or all."""
    state = call.query.get("state", "open")
    if state not in {"open", "closed", "all"}:
        raise unprocessable("Issue", "state", "invalid")
    return state


def since(call: Call) -> datetime:
    """The moment that the query names; everything is newer than none."""
    text = call.query.get("since", "")
    if not text:
        return datetime.min.replace(tzinfo=UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise unprocessable("Issue", "since", "invalid") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def ordered(call: Call, found: list[Issue]) -> list[Issue]:
    """By when they were created, unless told otherwise, the newest first."""
    sort, direction = call.query.get("sort", "created"), call.query.get("direction", "desc")

    def key(issue: Issue) -> Any:
        if sort == "comments":
            return (len(issue.comments), issue.number)
        return (issue.updated_at if sort == "updated" else issue.created_at, issue.number)

    return sorted(found, key=key, reverse=direction != "asc")
