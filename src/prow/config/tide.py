"""The `tide` section of config.yaml (`spec/config` §1.4): typed; queries, merge methods and context options."""

from __future__ import annotations

from typing import Any

from prow.config.sections import GerritOrgRepos, most_specific
from prow.lib import regex
from prow.lib.durations import MINUTE, Duration
from prow.model.base import Noun

MERGE, REBASE, SQUASH = "merge", "rebase", "squash"


class TideQuery(Noun, frozen=True, rename="camel"):
    """Which pull requests tide may merge. Several labels in one item, with commas: one of them."""

    author: str = ""
    """Login of the author. Empty: anybody."""
    labels: tuple[str, ...] = ()
    """Labels that a pull request must have. An item with commas: one of these."""
    missing_labels: tuple[str, ...] = ()
    """Labels that it must not have."""
    included_branches: tuple[str, ...] = ()
    """Target branches. Empty: every branch that is not excluded. Excludes the next key."""
    excluded_branches: tuple[str, ...] = ()
    """Target branches that are left out."""
    milestone: str = ""
    """Milestone that it must be in."""
    review_approved_required: bool = False
    """Whether GitHub's review decision must be approval."""
    orgs: tuple[str, ...] = ()
    """Organisations whose repositories are meant."""
    repos: tuple[str, ...] = ()
    """Repositories that are meant, as `org/repo`; not of an org that is listed."""
    excluded_repos: tuple[str, ...] = ()
    """Repositories of those orgs that are left out, as `org/repo`."""

    def applies_to(self, org: str, repo: str) -> bool:
        name = f"{org}/{repo}"
        return name in self.repos or (org in self.orgs and name not in self.excluded_repos)


class MergeCommitTemplate(Noun, frozen=True):
    title: str = ""
    """Go template of the commit's title."""
    body: str = ""
    """Go template of the rest of its message."""


class ContextPolicy(Noun, frozen=True, rename="kebab"):
    """Which contexts a merge needs; deeper levels override booleans and add to the lists."""

    skip_unknown_contexts: bool | None = None
    """Whether contexts that nothing names are optional. Unset: they are required."""
    from_branch_protection: bool | None = None
    """Whether contexts that `branch-protection` requires are required."""
    overwrite_pending_contexts: bool | None = None
    """Whether, when a batch is merged, a pending context whose job has passed in the batch becomes a success."""
    required_contexts: tuple[str, ...] = ()
    """Contexts that must be there and good."""
    required_if_present_contexts: tuple[str, ...] = ()
    """Contexts that must be good when they are there."""
    optional_contexts: tuple[str, ...] = ()
    """Contexts that do not matter."""
    optional_regex_contexts: tuple[str, ...] = ()
    """Regular expressions of contexts that do not matter."""


class RepoContextPolicy(ContextPolicy, frozen=True, rename="kebab"):
    branches: dict[str, ContextPolicy] = {}
    """Branch → what holds there besides."""


class OrgContextPolicy(ContextPolicy, frozen=True, rename="kebab"):
    repos: dict[str, RepoContextPolicy] = {}
    """Repository, without its org → what holds there besides."""


class ContextOptions(ContextPolicy, frozen=True, rename="kebab"):
    orgs: dict[str, OrgContextPolicy] = {}
    """Organisation → what holds there besides."""


class TidePriority(Noun, frozen=True):
    labels: tuple[str, ...] = ()
    """Labels that a pull request must have, all of them."""


class TideGerrit(Noun, frozen=True):
    queries: tuple[GerritOrgRepos, ...] = ()
    """Instances, projects and branches of Gerrit whose changes are merged."""
    ratelimit: int = 5
    """Calls to Gerrit a second."""


class Tide(Noun, frozen=True):
    """`merge_method`: org, `org/repo`, `org/repo@branch` → method, or org → repo or `*` → method or {branch regex: method}."""

    sync_period: Duration = Duration(MINUTE)
    """How often everything is looked through. With events most changes are seen at once."""
    status_update_period: Duration | None = None
    """How often the `tide` statuses are looked through. Unset: `sync_period`."""
    max_goroutines: int = 20
    """How many pools are worked on at the same time."""
    batch_size_limit: dict[str, int] = {}
    """`*`, org or `org/repo` → how many pull requests are tested together; 0: any number, -1: no batches."""
    prioritize_existing_batches: dict[str, bool] = {}
    """`*`, org or `org/repo` → whether a batch under way is waited for before single merges. Unset: yes."""
    github_merge_blocks_policy: dict[str, str] = {}
    """`*`, org or `org/repo` → what becomes of pull requests that GitHub calls blocked. block: they are not merged (also while
    a required job runs again); permit (also unset) and ignore: they may be."""
    queries: tuple[TideQuery, ...] = ()
    """Which pull requests may be merged: those that one of these matches. Queries that differ in orgs and repos alone
    are made one."""
    merge_method: dict[str, Any] = {}
    """org, `org/repo` or `org/repo@branch` → merge, squash or rebase; or org → repository or `*` → that, or regular
    expression of branches → that. Unset: merge."""
    merge_commit_template: dict[str, MergeCommitTemplate] = {}
    """org or `org/repo` → texts of the merge commit; the repository's entry replaces the org's."""
    target_url: str = ""
    """Old form of `target_urls`, for every repository."""
    target_urls: dict[str, str] = {}
    """`*`, org or `org/repo` → link of the `tide` status."""
    pr_status_base_url: str = ""
    """Old form of `pr_status_base_urls`, for every repository."""
    pr_status_base_urls: dict[str, str] = {}
    """`*`, org or `org/repo` → start of the link to a pull request's page. Needs `*`."""
    blocker_label: str = ""
    """Label of issues that stop all merges of their repository, or of the branches they name. Empty: none does."""
    squash_label: str = ""
    """Label of pull requests that are squashed, whatever `merge_method` says."""
    rebase_label: str = ""
    """Label of pull requests that are rebased."""
    merge_label: str = ""
    """Label of pull requests that get a merge commit."""
    context_options: ContextOptions = ContextOptions()
    """Which contexts matter: for all, and by organisation, repository and branch."""
    priority: tuple[TidePriority, ...] = ()
    """Labels in the order in which pull requests are merged; those without any come last."""
    display_all_tide_queries_in_status: bool = False
    """Whether the status tells what every query misses, instead of the nearest one."""
    gerrit: TideGerrit | None = None
    """Merging of changes at Gerrit."""

    def merge_method_for(self, org: str, repo: str, branch: str = "") -> str:
        """`merge`, `rebase` or `squash` (`spec/config` §1.4.1); labels of a pull request may override it."""
        methods, name = self.merge_method, f"{org}/{repo}"
        literal = methods.get(f"{name}@{branch}")
        if isinstance(literal, str) and literal:
            return literal
        nested = methods.get(org)
        repos = nested if isinstance(nested, dict) else {}
        below = repos.get(repo, repos.get("*"))
        if isinstance(below, dict):
            for pattern in sorted(below):
                if regex.compile(pattern).matches(branch):
                    return str(below[pattern])
        for method in (methods.get(name), below, nested):
            if isinstance(method, str) and method:
                return method
        return MERGE

    def batch_limit_for(self, org: str, repo: str) -> int:
        """How many pull requests may be tested together; 0: no limit, -1: no batches."""
        return most_specific(self.batch_size_limit, org, repo) or 0

    def target_url_for(self, org: str, repo: str) -> str:
        return most_specific(self.target_urls, org, repo) or ""

    def merge_blocks_policy_for(self, org: str, repo: str) -> str:
        return most_specific(self.github_merge_blocks_policy, org, repo) or "permit"
