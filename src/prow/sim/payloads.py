"""State as GitHub's JSON, for REST answers and webhooks. `base`: the address of this GitHub, without a slash at the end."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from prow.sim.state import (
    CheckRun,
    Comment,
    Delivery,
    Hook,
    Issue,
    IssueEvent,
    Label,
    Milestone,
    Org,
    Protection,
    Repo,
    Review,
    ReviewComment,
    Status,
    User,
)

Json = dict[str, Any]


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def node(kind: str, number: int) -> str:
    return f"{kind}_sim{number}"


class Payloads:
    """Makes JSON for one address."""

    def __init__(self, base: str) -> None:
        self.base = base

    def user(self, user: User) -> Json:
        return {
            "login": user.login,
            "id": user.id,
            "node_id": node("U", user.id),
            "type": user.type,
            "site_admin": False,
            "html_url": f"{self.base}/{user.login}",
            "url": f"{self.base}/users/{user.login}",
            "avatar_url": "",
        }

    def org(self, org: Org) -> Json:
        return {"login": org.login, "id": org.id, "node_id": node("O", org.id), "url": f"{self.base}/orgs/{org.login}"}

    def owner(self, owner: User | Org) -> Json:
        person = User(owner.login, owner.id, "Organization" if isinstance(owner, Org) else owner.type)
        return self.user(person)

    def repo(self, repo: Repo, owner: User | Org) -> Json:
        link = f"{self.base}/{repo.full_name}"
        return {
            "id": repo.id,
            "node_id": node("R", repo.id),
            "name": repo.name,
            "full_name": repo.full_name,
            "private": repo.private,
            "owner": self.owner(owner),
            "html_url": link,
            "url": f"{self.base}/repos/{repo.full_name}",
            "clone_url": f"{link}.git",
            "git_url": f"{link}.git",
            "ssh_url": f"git@sim:{repo.full_name}.git",
            "description": None,
            "fork": repo.parent is not None,
            "archived": repo.archived,
            "disabled": False,
            "default_branch": repo.default_branch,
            "created_at": stamp(repo.created_at),
            "updated_at": stamp(repo.created_at),
            "pushed_at": stamp(repo.created_at),
            "visibility": "private" if repo.private else "public",
        }

    def merge_settings(self, repo: Repo) -> Json:
        """What whoever may push sees beside the rest of a repository."""
        return {
            "allow_merge_commit": repo.allow_merge_commit,
            "allow_squash_merge": repo.allow_squash_merge,
            "allow_rebase_merge": repo.allow_rebase_merge,
            "allow_auto_merge": False,
            "delete_branch_on_merge": False,
        }

    def protection(self, repo: Repo, branch: str, rules: Protection) -> Json:
        url = f"{self.base}/repos/{repo.full_name}/branches/{branch}/protection"
        found: Json = {"url": url, "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": rules.enforce_admins}}
        if rules.contexts is not None:
            found["required_status_checks"] = {
                "url": f"{url}/required_status_checks",
                "strict": rules.strict,
                "contexts": list(rules.contexts),
                "checks": [{"context": context, "app_id": None} for context in rules.contexts],
            }
        if rules.reviews is not None:
            found["required_pull_request_reviews"] = {
                "url": f"{url}/required_pull_request_reviews",
                "dismiss_stale_reviews": rules.dismiss_stale,
                "require_code_owner_reviews": False,
                "required_approving_review_count": rules.reviews,
            }
        if rules.pushers is not None:
            users = [{"login": login} for login in sorted(rules.pushers)]
            found["restrictions"] = {"url": f"{url}/restrictions", "users": users, "teams": [], "apps": []}
        return found

    def team(self, slug: str) -> Json:
        return {"name": slug, "slug": slug, "node_id": f"T_sim{slug}"}

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

    def branch(self, repo: Repo | None, owner: User | Org | None, ref: str, sha: str) -> Json:
        return {
            "label": f"{owner.login}:{ref}" if owner else ref,
            "ref": ref,
            "sha": sha,
            "user": self.owner(owner) if repo and owner else None,
            "repo": self.repo(repo, owner) if repo and owner else None,
        }

    def review(self, issue: Issue, review: Review, *, webhook: bool = False) -> Json:
        return {
            "id": review.id,
            "node_id": node("PRR", review.id),
            "user": self.user(review.user),
            "body": review.body or None,
            "state": review.state.lower() if webhook else review.state,
            "html_url": f"{self.issue(issue)['html_url']}#pullrequestreview-{review.id}",
            "commit_id": review.commit_id,
            "submitted_at": stamp(review.submitted_at),
            "author_association": "NONE",
        }

    def review_comment(self, issue: Issue, comment: ReviewComment) -> Json:
        api = f"{self.base}/repos/{issue.repo.full_name}/pulls"
        found: Json = {
            "id": comment.id,
            "node_id": node("PRRC", comment.id),
            "url": f"{api}/comments/{comment.id}",
            "pull_request_url": f"{api}/{issue.number}",
            "html_url": f"{self.issue(issue)['html_url']}#discussion_r{comment.id}",
            "pull_request_review_id": comment.review_id,
            "user": self.user(comment.user),
            "body": comment.body,
            "path": comment.path,
            "line": comment.line,
            "side": "RIGHT",
            "commit_id": comment.commit_id,
            "original_commit_id": comment.commit_id,
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "author_association": "NONE",
        }
        if comment.in_reply_to is not None:
            found["in_reply_to_id"] = comment.in_reply_to
        return found

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

    def check_run(self, repo: Repo, run: CheckRun) -> Json:
        return {
            "id": run.id,
            "node_id": node("CR", run.id),
            "url": f"{self.base}/repos/{repo.full_name}/check-runs/{run.id}",
            "html_url": f"{self.base}/{repo.full_name}/runs/{run.id}",
            "name": run.name,
            "head_sha": run.head_sha,
            "status": run.status,
            "conclusion": run.conclusion,
            "details_url": run.details_url or None,
            "external_id": run.external_id,
            "started_at": stamp(run.started_at),
            "completed_at": stamp(run.completed_at) if run.completed_at else None,
            "output": {"title": None, "summary": None, "text": None} | run.output,
            "app": {"id": 1, "slug": "sim", "name": "sim"},
            "pull_requests": [],
        }

    def status(self, repo: Repo, sha: str, status: Status) -> Json:
        return {
            "id": status.id,
            "node_id": node("SC", status.id),
            "url": f"{self.base}/repos/{repo.full_name}/statuses/{sha}",
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url or None,
            "context": status.context,
            "created_at": stamp(status.created_at),
            "updated_at": stamp(status.created_at),
            "creator": self.user(status.creator),
        }

    def hook(self, where: str, hook: Hook) -> Json:
        return {
            "id": hook.id,
            "type": "Repository",
            "name": "web",
            "active": hook.active,
            "events": list(hook.events),
            "config": {"url": hook.url, "content_type": "json", "secret": "********", "insecure_ssl": "0"},
            "url": f"{self.base}/{where}/hooks/{hook.id}",
            "ping_url": f"{self.base}/{where}/hooks/{hook.id}/pings",
            "deliveries_url": f"{self.base}/{where}/hooks/{hook.id}/deliveries",
            "last_response": {"code": None, "status": "unused", "message": None},
        }

    def delivery(self, delivery: Delivery) -> Json:
        return {
            "id": delivery.id,
            "guid": delivery.guid,
            "delivered_at": stamp(delivery.delivered_at),
            "redelivery": delivery.redelivery,
            "duration": 0.01,
            "status": "OK" if 200 <= delivery.status < 300 else "Invalid HTTP Response",
            "status_code": delivery.status,
            "event": delivery.event,
            "action": delivery.action or None,
        }
