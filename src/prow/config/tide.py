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
    labels: tuple[str, ...] = ()
    missing_labels: tuple[str, ...] = ()
    included_branches: tuple[str, ...] = ()
    excluded_branches: tuple[str, ...] = ()
    milestone: str = ""
    review_approved_required: bool = False
    orgs: tuple[str, ...] = ()
    repos: tuple[str, ...] = ()
    excluded_repos: tuple[str, ...] = ()

    def applies_to(self, org: str, repo: str) -> bool:
        name = f"{org}/{repo}"
        return name in self.repos or (org in self.orgs and name not in self.excluded_repos)


class MergeCommitTemplate(Noun, frozen=True):
    title: str = ""
    body: str = ""


class ContextPolicy(Noun, frozen=True, rename="kebab"):
    """Which contexts a merge needs; deeper levels override booleans and add to the lists."""

    skip_unknown_contexts: bool | None = None
    from_branch_protection: bool | None = None
    overwrite_pending_contexts: bool | None = None
    required_contexts: tuple[str, ...] = ()
    required_if_present_contexts: tuple[str, ...] = ()
    optional_contexts: tuple[str, ...] = ()
    optional_regex_contexts: tuple[str, ...] = ()


class RepoContextPolicy(ContextPolicy, frozen=True, rename="kebab"):
    branches: dict[str, ContextPolicy] = {}


class OrgContextPolicy(ContextPolicy, frozen=True, rename="kebab"):
    repos: dict[str, RepoContextPolicy] = {}


class ContextOptions(ContextPolicy, frozen=True, rename="kebab"):
    orgs: dict[str, OrgContextPolicy] = {}


class TidePriority(Noun, frozen=True):
    labels: tuple[str, ...] = ()


class TideGerrit(Noun, frozen=True):
    queries: tuple[GerritOrgRepos, ...] = ()
    ratelimit: int = 5


class Tide(Noun, frozen=True):
    """`merge_method`: org, `org/repo`, `org/repo@branch` → method, or org → repo or `*` → method or {branch regex: method}."""

    sync_period: Duration = Duration(MINUTE)
    status_update_period: Duration | None = None
    max_goroutines: int = 20
    batch_size_limit: dict[str, int] = {}
    prioritize_existing_batches: dict[str, bool] = {}
    github_merge_blocks_policy: dict[str, str] = {}
    queries: tuple[TideQuery, ...] = ()
    merge_method: dict[str, Any] = {}
    merge_commit_template: dict[str, MergeCommitTemplate] = {}
    target_url: str = ""
    target_urls: dict[str, str] = {}
    pr_status_base_url: str = ""
    pr_status_base_urls: dict[str, str] = {}
    blocker_label: str = ""
    squash_label: str = ""
    rebase_label: str = ""
    merge_label: str = ""
    context_options: ContextOptions = ContextOptions()
    priority: tuple[TidePriority, ...] = ()
    display_all_tide_queries_in_status: bool = False
    gerrit: TideGerrit | None = None

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
