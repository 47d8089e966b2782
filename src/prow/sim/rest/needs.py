"""What a call needs: the permission of a GitHub App, the scope of a classic token. By method and path, as GitHub's reference lists them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from prow.sim.accounts import Identity


@dataclass(frozen=True)
class Need:
    """`permissions`: names of which one is enough; empty: apps cannot make this call. `scopes`: of which one is enough, for anybody's
    organisation or a private repository; `public`: the same for a public repository."""

    permissions: tuple[str, ...]
    level: str
    scopes: tuple[str, ...] = ()
    public: tuple[str, ...] = ()


_REPO = "/repos/{owner}/{repo}"
_TALK = ("issues", "pull_requests")
_READ = frozenset({"GET", "HEAD"})

_PERMISSIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"/(user|teams|app|issues)(/.*)?", ()),
    (r"/repos/\{owner\}/\{repo\}/installation", ()),
    (r"/orgs/\{org\}/(members|memberships|public_members|teams|invitations|failed_invitations|outside_collaborators).*", ("members",)),
    (r"/orgs/\{org\}/hooks.*", ("organization_hooks",)),
    (r"/orgs/\{org\}/(installations|rulesets)", ("organization_administration",)),
    (r"/orgs/\{org\}/repos", ("administration",)),
    (r"/orgs/.*", ("organization_administration",)),
    (r"R/issues/comments.*", _TALK),
    (r"R/issues(/\{number\})?/(labels|comments|assignees|events|timeline|lock|reactions).*", _TALK),
    (r"R/issues/events.*", _TALK),
    (r"R/issues/\{number\}", _TALK),
    (r"R/issues.*", ("issues",)),
    (r"R/(labels|milestones).*", _TALK),
    (r"R/assignees.*", ("metadata", "issues")),
    (r"R/pulls/\{number\}/(merge|update-branch)", ("contents",)),
    (r"R/pulls.*", ("pull_requests",)),
    (r"R/(statuses|commits/\{ref[^}]*\}/status).*", ("statuses",)),
    (r"R/(check-runs|check-suites|commits/\{ref[^}]*\}/check).*", ("checks",)),
    (r"R/actions.*", ("actions",)),
    (r"R/hooks.*", ("repository_hooks",)),
    (r"R/deployments.*", ("deployments",)),
    (r"R/branches/\{branch:path\}/protection.*", ("administration",)),
    (r"R/branches/\{branch:path\}/rename", ("contents",)),
    (r"R/(contents|git|commits|compare|branches|merges|merge-upstream|readme|releases|comments|dispatches|zipball|tarball).*", ("contents",)),
    (r"R/(collaborators|tags|topics|languages|contributors).*", ("metadata",)),
    (r"R/(teams|invitations|transfer|rulesets|rules).*", ("administration",)),
    (r"R/forks", ("administration",)),
    (r"R", ("metadata",)),
)  # fmt: skip
_PATTERNS = tuple((re.compile(text.replace("R/", r"/repos/\{owner\}/\{repo\}/") if text != "R" else re.escape(_REPO)), names) for text, names in _PERMISSIONS)  # fmt: skip
_ADMINISTRATION = frozenset({f"{_REPO}/collaborators/{{login}}", _REPO})
_GRANTED_TO_ALL = frozenset({"/rate_limit", "/search/issues", "/search/users", "/search/repositories", "/search/commits", "/search/code", "/search/labels", "/users/{login}", "/installation/repositories"})  # fmt: skip


@cache
def need(method: str, template: str) -> Need:
    """What this call needs."""
    level = "read" if method in _READ else "write"
    return Need(_permissions(method, template), level, *_scopes(method, template))


def _permissions(method: str, template: str) -> tuple[str, ...]:
    if template in _GRANTED_TO_ALL or (template in {"/orgs/{org}", "/orgs/{org}/repos"} and method in _READ):
        return ("metadata",)
    if template in _ADMINISTRATION and method not in _READ:
        return ("administration",)
    return next((names for pattern, names in _PATTERNS if pattern.fullmatch(template)), ("metadata",))


def _scopes(method: str, template: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(for what is private or an organisation's, for a public repository)."""
    reads = method in _READ
    if template.startswith(f"{_REPO}/hooks"):
        names = ("admin:repo_hook", "write:repo_hook", *(("read:repo_hook",) if reads else ()))
        return names, names
    if template.startswith("/orgs/{org}/hooks"):
        return ("admin:org_hook",), ()
    if template.startswith(("/orgs/{org}/teams", "/orgs/{org}/members", "/teams/")):
        return (("admin:org", "read:org", "repo", "write:org") if reads else ("admin:org", "write:org")), ()
    if template.startswith("/orgs/{org}/") and template.endswith("invitations"):
        return ("admin:org",), ()
    if template == "/orgs/{org}/repos":
        return (("repo",) if reads else ("public_repo", "repo")), ()
    if template.startswith("/orgs/"):
        return (() if reads else ("admin:org", "repo")), ()
    if template.startswith("/user/repository_invitations"):
        return ("repo", "repo:invite"), ()
    if template.startswith("/user/memberships"):
        return (("admin:org", "read:org", "repo", "user", "write:org") if reads else ("admin:org", "write:org")), ()
    if template == "/user/repos" and not reads:
        return ("public_repo", "repo"), ()
    if template == _REPO and method == "DELETE":
        return ("delete_repo",), ("delete_repo",)
    if "/status" in template and template.startswith(_REPO):
        return ("repo", "repo:status"), (() if reads else ("repo", "repo:status", "public_repo"))
    if template.startswith(_REPO):
        return ("repo",), (() if reads else ("public_repo", "repo"))
    return (), ()


def scope_headers(who: Identity, method: str, template: str) -> dict[str, str]:
    """GitHub tells a classic token what it is good for, and what this call takes; others the permission of an app."""
    found = _scope_headers(who.scopes, who.login is None, method, template)
    if who.expires is None:
        return found
    return found | {"github-authentication-token-expiration": who.expires.strftime("%Y-%m-%d %H:%M:%S UTC")}


@lru_cache(maxsize=4096)
def _scope_headers(scopes: frozenset[str] | None, nobody: bool, method: str, template: str) -> dict[str, str]:  # noqa: FBT001
    if scopes is not None:
        accepted = _scopes(method, template)[0]
        return {"x-oauth-scopes": ", ".join(sorted(scopes)), "x-accepted-oauth-scopes": ", ".join(accepted)}
    wanted = need(method, template)
    if nobody or not wanted.permissions:
        return {}
    return {"x-accepted-github-permissions": "; ".join(f"{name}={wanted.level}" for name in wanted.permissions)}
