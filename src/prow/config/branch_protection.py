"""The `branch-protection` section of config.yaml, typed (`spec/config` §1.8)."""

from __future__ import annotations

from prow.model.base import Noun


class StatusChecks(Noun, frozen=True):
    contexts: tuple[str, ...] = ()
    strict: bool | None = None


class Restrictions(Noun, frozen=True):
    """None and an empty list differ: empty means that nobody is allowed."""

    apps: tuple[str, ...] | None = None
    users: tuple[str, ...] | None = None
    teams: tuple[str, ...] | None = None


class Dismissals(Noun, frozen=True):
    users: tuple[str, ...] | None = None
    teams: tuple[str, ...] | None = None


class ReviewPolicy(Noun, frozen=True):
    dismissal_restrictions: Dismissals | None = None
    dismiss_stale_reviews: bool | None = None
    require_code_owner_reviews: bool | None = None
    required_approving_review_count: int | None = None
    bypass_pull_request_allowances: Dismissals | None = None


class Policy(Noun, frozen=True):
    unmanaged: bool | None = None
    protect: bool | None = None
    required_status_checks: StatusChecks | None = None
    enforce_admins: bool | None = None
    restrictions: Restrictions | None = None
    require_manually_triggered_jobs: bool | None = None
    required_pull_request_reviews: ReviewPolicy | None = None
    required_linear_history: bool | None = None
    allow_force_pushes: bool | None = None
    allow_deletions: bool | None = None
    require_signed_commits: bool | None = None
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()


class RepoProtection(Policy, frozen=True):
    branches: dict[str, Policy] = {}


class OrgProtection(Policy, frozen=True):
    repos: dict[str, RepoProtection] = {}


class BranchProtection(Policy, frozen=True, rename={"protect_tested_repos": "protect-tested-repos"}):
    orgs: dict[str, OrgProtection] = {}
    protect_tested_repos: bool | None = None
    allow_disabled_policies: bool | None = None
    allow_disabled_job_policies: bool | None = None
    protect_repos_with_optional_jobs: bool | None = None
