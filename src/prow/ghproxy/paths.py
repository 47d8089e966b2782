"""What a path is called in metrics: without its values, so that there is a bounded number of names."""

from __future__ import annotations

import re
from functools import lru_cache

_AFTER_REPO = {
    "branches": ":branch", "check-runs": ":checkRunId", "check-suites": ":checkSuiteId", "collaborators": ":collaborator",
    "comments": ":commentId", "commits": ":sha", "contents": ":path", "deployments": ":deploymentId", "git": "", "hooks": ":hookId",
    "invitations": ":invitationId", "issues": ":issueId", "jobs": ":jobId", "keys": ":keyId", "labels": ":labelId",
    "milestones": ":milestone", "pulls": ":pullId", "refs": ":ref", "releases": ":releaseId", "reviews": ":reviewId",
    "runs": ":runId", "statuses": ":statusId", "tags": ":tag", "trees": ":sha", "blobs": ":sha", "compare": ":range",
    "workflows": ":workflowId", "artifacts": ":artifactId", "assets": ":assetId",
}  # fmt: skip
_HEADS = {
    "repos": (":owner", ":repo"), "repositories": (":repoId",), "orgs": (":org",), "organizations": (":orgId",), "users": (":user",),
    "teams": (":teamId",), "projects": (":projectId",), "apps": (":slug",), "gists": (":gistId",),
}  # fmt: skip
_PLACES = {
    "teams": ":team", "memberships": ":user", "members": ":user", "installations": ":installationId", "repos": ":owner",
    "outside_collaborators": ":user", "columns": ":columnId", "cards": ":cardId", "invitations": ":invitationId", "hooks": ":hookId",
    "public_members": ":user", "threads": ":threadId",
}  # fmt: skip
_WORDS = frozenset({
    "access_tokens", "actions", "annotations", "app", "approve", "archive", "assignees", "cards", "columns", "dismissals", "events", "files",
    "forks", "installation", "installations", "issues", "languages", "lock", "logs", "marketplace_listing", "matching-refs", "members",
    "memberships", "merge", "merges", "merge-upstream", "meta", "moves", "notifications", "pending", "permission", "protection", "rate_limit",
    "reactions", "ref", "repos", "requested_reviewers", "required_status_checks", "rerequest", "rerun", "rerun-failed-jobs", "search", "status",
    "subscription", "suspended", "teams", "timeline", "transfer", "topics", "update-branch", "user", "zipball", "tarball", "code",
    "repositories", "repository_invitations", "requested", "replies", "restrictions", "enforce_admins", "outside_collaborators", "sub_issues",
    "public_members", "graphql", "dispatches", "attempts", "threads", "commit", "generate", "followers", "required_pull_request_reviews",
}) | set(_AFTER_REPO) | set(_HEADS)  # fmt: skip
_OPEN_ENDED = frozenset({":path", ":ref", ":branch", ":range"})
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
        if segment in _WORDS and not (place and segment not in {"comments", "events", "requested", "columns", "cards"}):
            found.append(segment)
            before = segment
            continue
        found.append(place or ":var")
        before = ""
        if place in _OPEN_ENDED and "protection" not in segments:
            break
    return "/" + "/".join(found)
