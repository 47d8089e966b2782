"""What a path is called in metrics: without its values, so that there is a bounded number of names; they are upstream's where it has any."""

from __future__ import annotations

import re
from functools import lru_cache

_AFTER_REPO = {
    "branches": ":branch", "check-runs": ":checkRunId", "check-suites": ":checkSuiteId", "collaborators": ":collaboratorId",
    "comments": ":commentId", "commits": ":sha", "contents": ":contentId", "deployments": ":deploymentId", "git": "", "hooks": ":hookId",
    "invitations": ":invitationId", "issues": ":issueId", "jobs": ":jobId", "keys": ":keyId", "labels": ":labelId",
    "milestones": ":milestone", "ref": ":refId", "pulls": ":pullId", "refs": ":ref", "releases": ":releaseId", "reviews": ":reviewId",
    "runs": ":runId", "statuses": ":statusId", "tags": ":tagId", "trees": ":sha", "blobs": ":sha", "compare": ":sha",
    "workflows": ":workflowId", "artifacts": ":artifactId", "assets": ":assetId",
}  # fmt: skip
_HEADS = {
    "repos": (":owner", ":repo"), "repositories": (":repoId",), "orgs": (":orgname",), "organizations": (":orgId",), "users": (":username",),
    "teams": (":id",), "projects": (":projectId",), "apps": (":slug",), "gists": (":gistId",),
}  # fmt: skip
_PLACES = {
    "teams": ":team", "memberships": ":login", "members": ":login", "installations": ":id", "repos": ":owner", ":owner": ":repo",
    "outside_collaborators": ":user", "columns": ":columnId", "cards": ":cardId", "invitations": ":invitationId", "hooks": ":hookId",
    "public_members": ":user", "threads": ":threadId", "repository_invitations": ":invitationId", "orgs": ":orgname",
}  # fmt: skip
_WORDS = frozenset({
    "access_tokens", "actions", "annotations", "app", "approve", "archive", "assignees", "cards", "columns", "dismissals", "events", "files",
    "forks", "installation", "installations", "issues", "languages", "lock", "logs", "marketplace_listing", "matching-refs", "members",
    "memberships", "merge", "merges", "merge-upstream", "meta", "moves", "notifications", "pending", "permission", "protection", "rate_limit",
    "reactions", "ref", "repos", "requested_reviewers", "required_status_checks", "rerequest", "rerun", "rerun-failed-jobs", "search", "status",
    "subscription", "suspended", "teams", "timeline", "transfer", "topics", "update-branch", "user", "zipball", "tarball", "code",
    "repositories", "repository_invitations", "requested", "replies", "restrictions", "enforce_admins", "outside_collaborators", "sub_issues",
    "public_members", "graphql", "dispatches", "attempts", "threads", "commit", "generate", "followers", "required_pull_request_reviews",
    "failed_invitations", "required_signatures",
}) | set(_AFTER_REPO) | set(_HEADS)  # fmt: skip
_OPEN_ENDED = frozenset({":contentId", ":ref", ":refId", ":branch"})
UNKNOWN = "/:unknown"
_ENTERPRISE = re.compile(r"^/api/(?:v3/|(?=graphql))", re.ASCII)


@lru_cache(maxsize=4096)
def template(path: str) -> str:
    """The path without its values, for metrics: `/repos/:owner/:repo/issues/:issueId/labels`. There is a bounded number of them."""
    segments = [part for part in _ENTERPRISE.sub("/", path).split("/") if part]
    if not segments:
        return "/"
    first = segments[0]
    if first not in _WORDS:
        return UNKNOWN
    found = [first, *_HEADS.get(first, ())[: len(segments) - 1]]
    names = _AFTER_REPO if first in {"repos", "repositories"} else _AFTER_REPO | _PLACES
    before = first if first not in _HEADS else ""
    for segment in segments[len(found) : 12]:
        place = names.get(before, "") if before else ""
        if segment in _WORDS and not (
            place and segment not in {"comments", "events", "requested", "columns", "cards", "orgs"}
        ):
            found.append(segment)
            before = segment
            continue
        found.append(place or ":var")
        before = place
        if place in _OPEN_ENDED and "protection" not in segments:
            break
    return "/" + "/".join(found)
