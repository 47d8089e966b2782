"""Pull requests and their reviews."""

from __future__ import annotations

from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.issues import Issues
from prow.sim.state import Issue, Org, Pull, Repo, Review, ReviewComment, User

_SHARED = (
    "number", "state", "locked", "title", "user", "body", "created_at", "updated_at", "closed_at", "assignee", "assignees", "labels",
    "milestone", "author_association", "active_lock_reason",
)  # fmt: skip


class Pulls(Issues):
    def branch(self, repo: Repo | None, owner: User | Org | None, ref: str, sha: str) -> Json:
        return {
            "label": f"{owner.login}:{ref}" if owner else ref,
            "ref": ref,
            "sha": sha,
            "user": self.owner(owner) if repo and owner else None,
            "repo": self.repo(repo, owner) if repo and owner else None,
        }

    def pull(
        self, issue: Issue, pull: Pull, owner: User | Org, head_owner: User | Org | None, *, webhook: bool = False
    ) -> Json:
        """A pull request as it stands in lists."""
        repo = f"{self.base}/repos/{issue.repo.full_name}"
        api, page, as_issue = f"{repo}/pulls/{issue.number}", self.issue_page(issue), f"{repo}/issues/{issue.number}"
        links = {
            "html": page,
            "issue": as_issue,
            "comments": f"{as_issue}/comments",
            "review_comments": f"{api}/comments",
            "review_comment": f"{repo}/pulls/comments{{/number}}",
            "commits": f"{api}/commits",
            "statuses": f"{repo}/statuses/{pull.head_sha}",
        }
        shared = self.issue(issue)
        base = self.branch(issue.repo, owner, pull.base_ref, pull.base_sha)
        base["repo"] |= self.merge_settings(issue.repo)
        if pull.head_repo is issue.repo:
            head = base | {"label": f"{owner.login}:{pull.head_ref}", "ref": pull.head_ref, "sha": pull.head_sha}
        else:
            head = self.branch(pull.head_repo, head_owner, pull.head_ref, pull.head_sha)
        return {
            "url": api,
            "id": issue.id,
            "node_id": node("PR", issue.id),
            "diff_url": f"{page}.diff",
            "patch_url": f"{page}.patch",
            "issue_url": as_issue,
            **{f"{name}_url": url for name, url in links.items()},
            **{name: shared[name] for name in _SHARED},
            "merged_at": stamp(pull.merged_at) if pull.merged_at else None,
            "merge_commit_sha": pull.merge_commit_sha,
            "requested_reviewers": [self.user(user) for user in pull.requested_reviewers],
            "requested_teams": [self.team(team, issue.repo.owner, webhook=webhook) for team in pull.requested_teams],
            "draft": pull.draft,
            "head": head,
            "base": base,
            "_links": {name: {"href": url} for name, url in ({"self": api} | links).items()},
            "auto_merge": self._auto_merge(pull),
        }

    def _auto_merge(self, pull: Pull) -> Json | None:
        wanted = pull.auto_merge
        if wanted is None or pull.merged:
            return None
        texts = {"commit_title": wanted.title, "commit_message": wanted.message or ""}
        return {"enabled_by": self.user(wanted.user), "merge_method": wanted.method, **texts}

    def review(self, issue: Issue, review: Review, *, webhook: bool = False) -> Json:
        api = f"{self.base}/repos/{issue.repo.full_name}/pulls/{issue.number}"
        html = f"{self.issue_page(issue)}#pullrequestreview-{review.id}"
        found = {
            "id": review.id,
            "node_id": node("PRR", review.id),
            "user": self.user(review.user),
            "body": review.body or (None if webhook else ""),
            "commit_id": review.commit_id,
            "state": review.state.lower() if webhook else review.state,
            "html_url": html,
            "pull_request_url": api,
            "author_association": self.association(issue.repo, review.user),
            "_links": {"html": {"href": html}, "pull_request": {"href": api}},
        }
        return found if review.state == "PENDING" else found | {"submitted_at": stamp(review.submitted_at)}

    def review_comment(self, issue: Issue, comment: ReviewComment) -> Json:
        api = f"{self.base}/repos/{issue.repo.full_name}/pulls"
        url, html = f"{api}/comments/{comment.id}", f"{self.issue_page(issue)}#discussion_r{comment.id}"
        links = {"self": url, "html": html, "pull_request": f"{api}/{issue.number}"}
        whole = comment.subject == "file"
        found: Json = {
            "url": url,
            "pull_request_review_id": comment.review_id,
            "id": comment.id,
            "node_id": node("PRRC", comment.id),
            "diff_hunk": comment.diff_hunk,
            "path": comment.path,
            "position": 1 if whole else comment.position,
            "original_position": 1 if whole else comment.original_position,
            "commit_id": comment.commit_id,
            "original_commit_id": comment.original_commit or comment.commit_id,
            "user": self.user(comment.user),
            "body": comment.body,
            "created_at": stamp(comment.created_at),
            "updated_at": stamp(comment.updated_at),
            "html_url": html,
            "pull_request_url": links["pull_request"],
            "author_association": self.association(issue.repo, comment.user),
            "_links": {name: {"href": link} for name, link in links.items()},
            "reactions": self.reactions(url, comment.reactions),
            "start_line": comment.start_line,
            "original_start_line": comment.original_start_line,
            "start_side": comment.side if comment.original_start_line is not None else None,
            "line": comment.line,
            "original_line": comment.original_line,
            "side": comment.side,
            "subject_type": comment.subject,
        }
        if comment.in_reply_to is not None:
            found["in_reply_to_id"] = comment.in_reply_to
        return found
