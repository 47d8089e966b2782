"""Issues, and what pull requests share with them."""

from __future__ import annotations

from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.commits import Commits
from prow.sim.state import Comment, Issue, IssueEvent, Label, Milestone, Repo


class Issues(Commits):
    def milestone(self, repo: Repo, milestone: Milestone) -> Json:
        return {
            "id": milestone.id,
            "node_id": node("MI", milestone.id),
            "url": f"{self.base}/repos/{repo.full_name}/milestones/{milestone.number}",
            "number": milestone.number,
            "title": milestone.title,
            "state": milestone.state,
        }

    def label(self, repo: Repo, label: Label) -> Json:
        return {
            "id": label.id,
            "node_id": node("LA", label.id),
            "url": f"{self.base}/repos/{repo.full_name}/labels/{label.name}",
            "name": label.name,
            "color": label.color,
            "description": label.description or None,
            "default": False,
        }

    def issue(self, issue: Issue) -> Json:
        api = f"{self.base}/repos/{issue.repo.full_name}/issues/{issue.number}"
        kind = "pull" if issue.pull else "issues"
        found: Json = {
            "id": issue.id,
            "node_id": node("I", issue.id),
            "url": api,
            "html_url": f"{self.base}/{issue.repo.full_name}/{kind}/{issue.number}",
            "number": issue.number,
            "title": issue.title,
            "body": issue.body or None,
            "user": self.user(issue.user),
            "state": issue.state,
            "locked": False,
            "labels": [self.label(issue.repo, label) for label in issue.labels],
            "assignees": [self.user(user) for user in issue.assignees],
            "assignee": self.user(issue.assignees[0]) if issue.assignees else None,
            "milestone": self.milestone(issue.repo, issue.milestone) if issue.milestone else None,
            "comments": len(issue.comments),
            "created_at": stamp(issue.created_at),
            "updated_at": stamp(issue.updated_at),
            "closed_at": stamp(issue.closed_at) if issue.closed_at else None,
            "author_association": "NONE",
        }
        if issue.pull is not None:
            pull_api = f"{self.base}/repos/{issue.repo.full_name}/pulls/{issue.number}"
            found["pull_request"] = {"url": pull_api, "html_url": found["html_url"]}
            found["pull_request"]["merged_at"] = stamp(issue.pull.merged_at) if issue.pull.merged_at else None
            found["draft"] = issue.pull.draft
        return found

    def comment(self, issue: Issue, comment: Comment) -> Json:
        return {
            "id": comment.id,
            "node_id": node("IC", comment.id),
            "url": f"{self.base}/repos/{issue.repo.full_name}/issues/comments/{comment.id}",
            "html_url": f"{self.issue(issue)['html_url']}#issuecomment-{comment.id}",
            "issue_url": f"{self.base}/repos/{issue.repo.full_name}/issues/{issue.number}",
            "user": self.user(comment.user),
            "body": comment.body,
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "author_association": "NONE",
        }

    def issue_event(self, issue: Issue, event: IssueEvent) -> Json:
        return {
            "id": event.id,
            "node_id": node("IE", event.id),
            "url": f"{self.base}/repos/{issue.repo.full_name}/issues/events/{event.id}",
            "actor": self.user(event.actor),
            "event": event.event,
            "commit_id": None,
            "created_at": stamp(event.created_at),
            **event.details,
        }
