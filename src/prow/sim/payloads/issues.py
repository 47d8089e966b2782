"""Issues, and what pull requests share with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.commits import Commits
from prow.sim.state import Comment, CommitComment, Issue, IssueEvent, Label, Milestone, Reaction, Repo, User

_REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


class Issues(Commits):
    def milestone(self, repo: Repo, milestone: Milestone) -> Json:
        url = f"{self.base}/repos/{repo.full_name}/milestones/{milestone.number}"
        inside = [issue.state for issue in repo.issues.values() if issue.milestone is milestone]
        return {
            "url": url,
            "html_url": f"{self.base}/{repo.full_name}/milestone/{milestone.number}",
            "labels_url": f"{url}/labels",
            "id": milestone.id,
            "node_id": node("MI", milestone.id),
            "number": milestone.number,
            "title": milestone.title,
            "description": milestone.description or None,
            "creator": self.user(milestone.creator),
            "open_issues": inside.count("open"),
            "closed_issues": inside.count("closed"),
            "state": milestone.state,
            "created_at": stamp(milestone.created_at),
            "updated_at": stamp(milestone.created_at),
            "due_on": milestone.due_on,
            "closed_at": stamp(milestone.closed_at) if milestone.closed_at else None,
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

    def reactions(self, url: str, found: Sequence[Reaction] = ()) -> Json:
        said = [one.content for one in found]
        return {"url": f"{url}/reactions", "total_count": len(said), **{kind: said.count(kind) for kind in _REACTIONS}}

    def reaction(self, reaction: Reaction) -> Json:
        return {
            "id": reaction.id,
            "node_id": node("REA", reaction.id),
            "user": self.user(reaction.user),
            "content": reaction.content,
            "created_at": stamp(reaction.created_at),
        }

    def issue_page(self, issue: Issue) -> str:
        """Where people look at it."""
        return f"{self.base}/{issue.repo.full_name}/{'pull' if issue.pull else 'issues'}/{issue.number}"

    def issue(self, issue: Issue) -> Json:
        repo = f"{self.base}/repos/{issue.repo.full_name}"
        api, page = f"{repo}/issues/{issue.number}", self.issue_page(issue)
        found: Json = {
            "url": api,
            "repository_url": repo,
            "labels_url": f"{api}/labels{{/name}}",
            "comments_url": f"{api}/comments",
            "events_url": f"{api}/events",
            "html_url": page,
            "id": issue.id,
            "node_id": node("I", issue.id),
            "number": issue.number,
            "title": issue.title,
            "user": self.user(issue.user),
            "labels": [self.label(issue.repo, label) for label in issue.labels],
            "state": issue.state,
            "locked": issue.locked,
            "assignee": self.user(issue.assignees[0]) if issue.assignees else None,
            "assignees": [self.user(user) for user in issue.assignees],
            "milestone": self.milestone(issue.repo, issue.milestone) if issue.milestone else None,
            "comments": len(issue.comments),
            "created_at": stamp(issue.created_at),
            "updated_at": stamp(issue.updated_at),
            "closed_at": stamp(issue.closed_at) if issue.closed_at else None,
            "author_association": self.association(issue.repo, issue.user),
            "active_lock_reason": issue.lock_reason,
            "body": issue.body or None,
            "reactions": self.reactions(api, issue.reactions),
            "timeline_url": f"{api}/timeline",
            "performed_via_github_app": None,
            "state_reason": issue.state_reason,
        }
        if issue.pull is not None:
            found["state_reason"] = None
            found["draft"] = issue.pull.draft
            found["pull_request"] = {
                "url": f"{repo}/pulls/{issue.number}",
                "html_url": page,
                "diff_url": f"{page}.diff",
                "patch_url": f"{page}.patch",
                "merged_at": stamp(issue.pull.merged_at) if issue.pull.merged_at else None,
            }
        return found

    def comment(self, issue: Issue, comment: Comment) -> Json:
        repo = f"{self.base}/repos/{issue.repo.full_name}"
        url = f"{repo}/issues/comments/{comment.id}"
        return {
            "url": url,
            "html_url": f"{self.issue_page(issue)}#issuecomment-{comment.id}",
            "issue_url": f"{repo}/issues/{issue.number}",
            "id": comment.id,
            "node_id": node("IC", comment.id),
            "user": self.user(comment.user),
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "author_association": self.association(issue.repo, comment.user),
            "body": comment.body,
            "reactions": self.reactions(url, comment.reactions),
            "performed_via_github_app": None,
        }

    def issue_event(self, issue: Issue, event: IssueEvent) -> Json:
        commit = event.details.get("commit_id")
        url = f"{self.base}/repos/{issue.repo.full_name}/commits/{commit}" if commit else None
        return {
            "id": event.id,
            "node_id": node("IE", event.id),
            "url": f"{self.base}/repos/{issue.repo.full_name}/issues/events/{event.id}",
            "actor": self.user(event.actor),
            "event": event.event,
            "commit_id": None,
            "commit_url": url,
            "created_at": stamp(event.created_at),
            "performed_via_github_app": None,
            **event.details,
        }

    def cross_reference(self, source: Issue, user: User, when: datetime) -> Json:
        """Another issue that names it, as the timeline tells it."""
        return {
            "event": "cross-referenced",
            "actor": self.user(user),
            "created_at": stamp(when),
            "updated_at": stamp(when),
            "source": {"type": "issue", "issue": self.issue(source)},
        }

    def commit_comment(self, repo: Repo, comment: CommitComment, *, webhook: bool = False) -> Json:
        url = f"{self.base}/repos/{repo.full_name}/comments/{comment.id}"
        page = f"{self.base}/{repo.full_name}/commit/{comment.commit_id}"
        found: Json = {
            "url": url,
            "html_url": f"{page}#commitcomment-{comment.id}",
            "id": comment.id,
            "node_id": node("CC", comment.id),
            "user": self.user(comment.user),
            "position": comment.position,
            "line": comment.line,
            "path": comment.path,
            "commit_id": comment.commit_id,
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "author_association": self.association(repo, comment.user),
            "body": comment.body,
        }
        return found if webhook else found | {"reactions": self.reactions(url, comment.reactions)}
