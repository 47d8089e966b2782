"""Issues, and what pull requests share with them."""

from __future__ import annotations

from prow.sim.errors import not_found
from prow.sim.rest.call import ISSUE, REPO, Answer, Area, Call, Table, body, login, names, number


class Issues(Area):
    def table(self) -> Table:
        return {
            ("GET", f"{REPO}/issues"): self.list_issues,
            ("POST", f"{REPO}/issues"): self.create_issue,
            ("PATCH", f"{REPO}/issues/comments/{{comment}}"): self.edit_comment,
            ("DELETE", f"{REPO}/issues/comments/{{comment}}"): self.delete_comment,
            ("GET", ISSUE): self.get_issue,
            ("PATCH", ISSUE): self.edit_issue,
            ("GET", f"{ISSUE}/labels"): self.issue_labels,
            ("POST", f"{ISSUE}/labels"): self.add_labels,
            ("DELETE", f"{ISSUE}/labels/{{label:path}}"): self.remove_label,
            ("GET", f"{ISSUE}/comments"): self.list_comments,
            ("POST", f"{ISSUE}/comments"): self.create_comment,
            ("GET", f"{ISSUE}/events"): self.list_events,
            ("GET", f"{REPO}/assignees/{{login}}"): self.may_be_assigned,
            ("POST", f"{ISSUE}/assignees"): self.add_assignees,
            ("DELETE", f"{ISSUE}/assignees"): self.remove_assignees,
        }

    async def list_issues(self, call: Call) -> Answer:
        repo, state = self.repo(call), call.query.get("state", "open")
        wanted = {name.lower() for name in call.query.get("labels", "").split(",") if name}
        found = [
            i
            for i in reversed(repo.issues.values())
            if state in {"all", i.state} and wanted <= {label.name.lower() for label in i.labels}
        ]
        return Answer(items=[self.world.json.issue(i) for i in found])

    async def create_issue(self, call: Call) -> Answer:
        repo, wanted = self.repo(call), body(call)
        title, text = str(wanted.get("title", "")), str(wanted.get("body") or "")
        issue = await self.world.open_issue(repo, login(call), title=title, body=text)
        return Answer(self.world.json.issue(issue), 201)

    async def get_issue(self, call: Call) -> Answer:
        return Answer(self.world.json.issue(self.issue(call)[1]))

    async def edit_issue(self, call: Call) -> Answer:
        _, issue = self.issue(call)
        self.may_edit(call, issue, issue.user.login, "triage")
        await self.world.edit(issue, login(call), body(call))
        return Answer(self.world.json.issue(issue))

    async def issue_labels(self, call: Call) -> Answer:
        repo, issue = self.issue(call)
        return Answer(items=[self.world.json.label(repo, label) for label in issue.labels])

    async def add_labels(self, call: Call) -> Answer:
        repo, issue = self.issue(call, "triage")
        found = call.body.get("labels", []) if isinstance(call.body, dict) else call.body
        wanted = [str(n["name"] if isinstance(n, dict) else n) for n in found or []]
        await self.world.add_labels(issue, login(call), wanted)
        return Answer([self.world.json.label(repo, label) for label in issue.labels])

    async def remove_label(self, call: Call) -> Answer:
        repo, issue = self.issue(call, "triage")
        await self.world.remove_label(issue, login(call), call.path["label"])
        return Answer([self.world.json.label(repo, label) for label in issue.labels])

    async def list_comments(self, call: Call) -> Answer:
        _, issue = self.issue(call)
        return Answer(items=[self.world.json.comment(issue, c) for c in issue.comments])

    async def create_comment(self, call: Call) -> Answer:
        _, issue = self.issue(call)
        comment = await self.world.comment(issue, login(call), str(body(call).get("body", "")))
        return Answer(self.world.json.comment(issue, comment), 201)

    async def edit_comment(self, call: Call) -> Answer:
        issue, comment = self.world.find_comment(self.repo(call), number(call, "comment"))
        self.may_edit(call, issue, comment.user.login, "write")
        await self.world.edit_comment(issue, comment, login(call), str(body(call).get("body", "")))
        return Answer(self.world.json.comment(issue, comment))

    async def delete_comment(self, call: Call) -> Answer:
        issue, comment = self.world.find_comment(self.repo(call), number(call, "comment"))
        self.may_edit(call, issue, comment.user.login, "write")
        await self.world.delete_comment(issue, comment, login(call))
        return Answer(status=204)

    async def list_events(self, call: Call) -> Answer:
        _, issue = self.issue(call)
        return Answer(items=[self.world.json.issue_event(issue, event) for event in issue.events])

    async def may_be_assigned(self, call: Call) -> Answer:
        if not self.world.assignable(self.repo(call), call.path["login"]):
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
