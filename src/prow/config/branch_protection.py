"""The `branch-protection` section of config.yaml, typed (`spec/config` §1.8)."""

from __future__ import annotations

from prow.model.base import Noun


class StatusChecks(Noun, frozen=True):
    contexts: tuple[str, ...] = ()
    """Contexts that must be good. Those of required jobs come by themselves."""
    strict: bool | None = None
    """Whether a pull request must be up to date with its branch."""


class Restrictions(Noun, frozen=True):
    """None and an empty list differ: empty means that nobody is allowed."""

    apps: tuple[str, ...] | None = None
    """GitHub Apps that may push, by slug."""
    users: tuple[str, ...] | None = None
    """Logins that may push."""
    teams: tuple[str, ...] | None = None
    """Teams that may push, by slug."""


class Dismissals(Noun, frozen=True):
    users: tuple[str, ...] | None = None
    """Logins."""
    teams: tuple[str, ...] | None = None
    """Teams, by slug."""


class ReviewPolicy(Noun, frozen=True):
    dismissal_restrictions: Dismissals | None = None
    """Who may dismiss reviews. Unset: everybody who may write."""
    dismiss_stale_reviews: bool | None = None
    """Whether new commits dismiss approvals."""
    require_code_owner_reviews: bool | None = None
    """Whether owners by CODEOWNERS must approve."""
    required_approving_review_count: int | None = None
    """How many approvals are needed, 1 to 6."""
    bypass_pull_request_allowances: Dismissals | None = None
    """Who may push without a pull request."""


class Policy(Noun, frozen=True):
    unmanaged: bool | None = None
    """Whether GitHub's settings are left as they are, here and below."""
    protect: bool | None = None
    """Whether branches are protected. A branch's own entry must say so, or `unmanaged: true`."""
    required_status_checks: StatusChecks | None = None
    """Checks that must be good before a merge."""
    enforce_admins: bool | None = None
    """Whether administrators are bound too."""
    restrictions: Restrictions | None = None
    """Who may push. Unset: everybody who may write; an empty list: nobody."""
    require_manually_triggered_jobs: bool | None = None
    """Whether jobs that only run when asked for are required too."""
    required_pull_request_reviews: ReviewPolicy | None = None
    """Reviews that are needed before a merge."""
    required_linear_history: bool | None = None
    """Whether merge commits are refused."""
    allow_force_pushes: bool | None = None
    """Whether history may be rewritten."""
    allow_deletions: bool | None = None
    """Whether the branch may be deleted."""
    require_signed_commits: bool | None = None
    """Whether commits must be signed."""
    exclude: tuple[str, ...] = ()
    """Regular expressions of branches that are left alone."""
    include: tuple[str, ...] = ()
    """Regular expressions of the only branches that are meant."""


class RepoProtection(Policy, frozen=True):
    branches: dict[str, Policy] = {}
    """Branch → what holds there besides."""


class OrgProtection(Policy, frozen=True):
    repos: dict[str, RepoProtection] = {}
    """Repository, without its org → what holds there besides."""


class BranchProtection(Policy, frozen=True, rename={"protect_tested_repos": "protect-tested-repos"}):
    orgs: dict[str, OrgProtection] = {}
    """Organisation → what holds there besides. Orgs that are not here are left alone."""
    protect_tested_repos: bool | None = None
    """Whether branches with required jobs are protected by that alone."""
    allow_disabled_policies: bool | None = None
    """Whether `protect: false` may stand beside other settings."""
    allow_disabled_job_policies: bool | None = None
    """Whether `protect: false` may stand although jobs are required."""
    protect_repos_with_optional_jobs: bool | None = None
    """Whether optional jobs count as jobs for `protect-tested-repos`."""
