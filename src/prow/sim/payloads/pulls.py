"""Pull requests and their reviews."""

from __future__ import annotations

from prow.sim.payloads.base import Json, node, stamp
from prow.sim.payloads.issues import Issues
from prow.sim.state import Issue, Org, Repo, Review, ReviewComment, User


class Pulls(Issues):
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
