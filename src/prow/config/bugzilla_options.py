"""Options of the `bugzilla` plugin: global, by organisation, by repository, each by branch (`spec/config` §4.6)."""

from __future__ import annotations

from prow.model.base import Noun


class BugzillaState(Noun, frozen=True):
    status: str = ""
    """Status of a bug, e.g. VERIFIED. Empty: any."""
    resolution: str = ""
    """Resolution of a bug, e.g. ERRATA. Empty: any."""


class BugzillaBranchOptions(Noun, frozen=True):
    """What holds for a branch, or for `*`; what a narrower level sets wins."""

    exclude_defaults: bool | None = None
    """Whether nothing is taken over from wider levels."""
    enable_backporting: bool | None = None
    """Whether bugs may be copied for a backport. Not taken over by narrower levels."""
    validate_by_default: bool | None = None
    """Whether pull requests without a bug are asked for one."""
    is_open: bool | None = None
    """Whether a valid bug is open."""
    target_release: str | None = None
    """Target release that a valid bug has."""
    statuses: tuple[str, ...] | None = None
    """Old form of `valid_states`: statuses alone."""
    valid_states: tuple[BugzillaState, ...] | None = None
    """States that a valid bug may have."""
    dependent_bug_statuses: tuple[str, ...] | None = None
    """Old form of `dependent_bug_states`: statuses alone."""
    dependent_bug_states: tuple[BugzillaState, ...] | None = None
    """States that the bugs it depends on may have."""
    dependent_bug_target_releases: tuple[str, ...] | None = None
    """Target releases that those bugs may have."""
    dependent_bug_target_release: str | None = None
    """Old form of `dependent_bug_target_releases`: one."""
    status_after_validation: str | None = None
    """Old form of `state_after_validation`: the status alone."""
    state_after_validation: BugzillaState | None = None
    """State that a valid bug is moved to."""
    add_external_link: bool | None = None
    """Whether the bug gets a link to the pull request."""
    status_after_merge: str | None = None
    """Old form of `state_after_merge`: the status alone."""
    state_after_merge: BugzillaState | None = None
    """State that the bug is moved to when all its pull requests are merged."""
    state_after_close: BugzillaState | None = None
    """State that the bug is moved to when its pull requests are closed."""
    allowed_groups: tuple[str, ...] = ()
    """Groups of Bugzilla whose bugs may be shown; all levels add up."""


class BugzillaRepoOptions(Noun, frozen=True):
    branches: dict[str, BugzillaBranchOptions] = {}
    """Branch or `*` → what holds there."""


class BugzillaOrgOptions(Noun, frozen=True):
    default: dict[str, BugzillaBranchOptions] = {}
    """Branch or `*` → what holds in the organisation."""
    repos: dict[str, BugzillaRepoOptions] = {}
    """Repository, without its org → what holds there besides."""


class BugzillaOptions(Noun, frozen=True):
    default: dict[str, BugzillaBranchOptions] = {}
    """Branch or `*` → what holds everywhere."""
    orgs: dict[str, BugzillaOrgOptions] = {}
    """Organisation → what holds there besides."""
