"""Every call that Prow makes of GitHub's REST API, by noun (`spec/plugins-other` §13.8), as templates with `{}` for each value.

Left out: classic projects, which GitHub removed; `POST /app/installations/{}/access_tokens`, which `test_app` makes; `PATCH` of a
collaborator, which GitHub does not describe: its `PUT` changes a permission, too. References are read at `/git/ref/{}`:
`/git/refs/{}` is described for changes alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from prow.ghproxy.paths import template
from prow.github.client import GitHub

_VALUE = re.compile(r":[a-zA-Z]+")
REPO = "/repos/{}/{}"
ISSUE = f"{REPO}/issues/{{}}"
PULL = f"{REPO}/pulls/{{}}"
TEAM = "/orgs/{}/teams/{}"

CALLS: Mapping[str, tuple[str, ...]] = {
    "apps": (
        "GET /app",
        "GET /app/installations",
        f"GET {REPO}/installation",
        "GET /orgs/{}/installations",
    ),
    "members": (
        "GET /user",
        "GET /orgs/{}",
        "PATCH /orgs/{}",
        "GET /orgs/{}/members/{}",
        "GET /orgs/{}/members",
        "PUT /orgs/{}/memberships/{}",
        "DELETE /orgs/{}/memberships/{}",
        "GET /orgs/{}/invitations",
        "GET /orgs/{}/failed_invitations",
        "DELETE /orgs/{}/invitations/{}",
    ),
    "invitations": (
        "GET /user/repository_invitations",
        "PATCH /user/repository_invitations/{}",
        "GET /user/memberships/orgs",
        "PATCH /user/memberships/orgs/{}",
    ),
    "hooks": (
        "GET /orgs/{}/hooks",
        "POST /orgs/{}/hooks",
        "PATCH /orgs/{}/hooks/{}",
        "DELETE /orgs/{}/hooks/{}",
        f"GET {REPO}/hooks",
        f"POST {REPO}/hooks",
        f"PATCH {REPO}/hooks/{{}}",
        f"DELETE {REPO}/hooks/{{}}",
    ),
    "teams": (
        "GET /orgs/{}/teams",
        "POST /orgs/{}/teams",
        f"GET {TEAM}",
        f"PATCH {TEAM}",
        f"DELETE {TEAM}",
        f"GET {TEAM}/members",
        "GET /teams/{}/members",
        f"GET {TEAM}/memberships/{{}}",
        f"PUT {TEAM}/memberships/{{}}",
        f"DELETE {TEAM}/memberships/{{}}",
        f"GET {TEAM}/repos",
        f"PUT {TEAM}/repos/{{}}/{{}}",
        f"DELETE {TEAM}/repos/{{}}/{{}}",
        f"GET {TEAM}/invitations",
        f"GET {REPO}/teams",
    ),
    "repositories": (
        f"GET {REPO}",
        "GET /orgs/{}/repos",
        "GET /users/{}/repos",
        "POST /orgs/{}/repos",
        "POST /user/repos",
        f"PATCH {REPO}",
        f"POST {REPO}/forks",
    ),
    "refs": (
        f"GET {REPO}/git/ref/{{}}",
        f"POST {REPO}/git/refs",
        f"PATCH {REPO}/git/refs/{{}}",
        f"DELETE {REPO}/git/refs/{{}}",
        f"GET {REPO}/contents",
        f"GET {REPO}/contents/{{}}",
        f"GET {REPO}/commits/{{}}",
        f"GET {REPO}/commits",
        f"GET {REPO}/tags",
        f"GET {REPO}/compare/{{}}",
        f"GET {REPO}/git/commits/{{}}",
    ),
    "protection": (
        f"GET {REPO}/branches",
        f"GET {REPO}/branches/{{}}/protection",
        f"PUT {REPO}/branches/{{}}/protection",
        f"DELETE {REPO}/branches/{{}}/protection",
        f"POST {REPO}/branches/{{}}/protection/required_signatures",
        f"DELETE {REPO}/branches/{{}}/protection/required_signatures",
    ),
    "collaborators": (
        f"GET {REPO}/collaborators",
        f"GET {REPO}/collaborators/{{}}",
        f"GET {REPO}/collaborators/{{}}/permission",
        f"PUT {REPO}/collaborators/{{}}",
        f"DELETE {REPO}/collaborators/{{}}",
        f"GET {REPO}/invitations",
        f"PATCH {REPO}/invitations/{{}}",
        f"DELETE {REPO}/invitations/{{}}",
    ),
    "labels": (
        f"GET {REPO}/labels",
        f"POST {REPO}/labels",
        f"PATCH {REPO}/labels/{{}}",
        f"DELETE {REPO}/labels/{{}}",
        f"GET {REPO}/milestones",
    ),
    "issues": (
        f"GET {ISSUE}",
        f"PATCH {ISSUE}",
        f"POST {REPO}/issues",
        f"GET {REPO}/issues",
        f"GET {ISSUE}/comments",
        f"POST {ISSUE}/comments",
        f"PATCH {REPO}/issues/comments/{{}}",
        f"DELETE {REPO}/issues/comments/{{}}",
        f"POST {REPO}/issues/comments/{{}}/reactions",
        f"POST {ISSUE}/reactions",
        f"GET {ISSUE}/labels",
        f"POST {ISSUE}/labels",
        f"DELETE {ISSUE}/labels/{{}}",
        f"POST {ISSUE}/assignees",
        f"DELETE {ISSUE}/assignees",
        f"GET {ISSUE}/events",
        "GET /search/issues",
    ),
    "pulls": (
        f"GET {REPO}/pulls",
        f"GET {PULL}",
        f"POST {REPO}/pulls",
        f"PATCH {PULL}",
        f"GET {PULL}/files",
        f"GET {PULL}/commits",
        f"GET {PULL}/comments",
        f"POST {PULL}/comments",
        f"GET {PULL}/reviews",
        f"POST {PULL}/reviews",
        f"POST {PULL}/requested_reviewers",
        f"DELETE {PULL}/requested_reviewers",
        f"PUT {PULL}/merge",
        f"PUT {PULL}/update-branch",
    ),
    "checks": (
        f"POST {REPO}/statuses/{{}}",
        f"GET {REPO}/commits/{{}}/statuses",
        f"GET {REPO}/commits/{{}}/status",
        f"GET {REPO}/commits/{{}}/check-runs",
        f"POST {REPO}/check-runs",
        f"PATCH {REPO}/check-runs/{{}}",
    ),
    "actions": (
        f"GET {REPO}/actions/runs",
        f"POST {REPO}/actions/runs/{{}}/rerun",
        f"POST {REPO}/actions/runs/{{}}/rerun-failed-jobs",
        f"POST {REPO}/actions/runs/{{}}/approve",
    ),
}


def missing(noun: str, clients: Iterable[GitHub]) -> list[str]:
    """The calls of a noun that none of these clients made. All calls have the names in metrics that ghproxy gives them."""
    rows = [row for client in clients for row in client.spent().rows]
    assert {row.path for row in rows} == {template(_VALUE.sub("x1", row.path)) for row in rows}
    made = {f"{row.method} {_VALUE.sub('{}', row.path)}" for row in rows}
    return sorted(set(CALLS[noun]) - made)
