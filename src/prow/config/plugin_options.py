"""Options of the plugins in plugins.yaml, one struct per key (`spec/config` §4.4-4.7). Field names are the YAML keys.

Entries with `repos` name orgs and `org/repo`s; how one is chosen is in `PluginsConfig`.
"""

from __future__ import annotations

from typing import Any

from prow.model.base import Noun, always

RELEASE_BRANCHES = "^release-.*$"
SIG_MENTION = (
    r"(?m)@kubernetes/sig-([\w-]*)-(misc|test-failures|bugs|feature-requests|proposals|pr-reviews|api-reviews)"
)


class RepoPlugins(Noun, frozen=True):
    """Plugins of an org or a repo; `excluded_repos`: bare names, for orgs only."""

    plugins: tuple[str, ...] = ()
    excluded_repos: tuple[str, ...] = ()


class ExternalPlugin(Noun, frozen=True):
    """A plugin in another process: `events` empty means all."""

    name: str = always("")
    endpoint: str = ""
    events: tuple[str, ...] = ()


class OwnersFilenames(Noun, frozen=True):
    owners: str = ""
    owners_aliases: str = ""


class OwnersOptions(Noun, frozen=True):
    mdyamlrepos: tuple[str, ...] = ()
    skip_collaborators: tuple[str, ...] = ()
    labels_denylist: tuple[str, ...] | None = None
    filenames: dict[str, OwnersFilenames] = {}


class ForRepos(Noun, frozen=True):
    """Options for the orgs and repos listed."""

    repos: tuple[str, ...] = ()


class ApproveConfig(ForRepos, frozen=True, rename={"command_help_link": "commandHelpLink"}):
    issue_required: bool = False
    require_self_approval: bool | None = None
    lgtm_acts_as_approve: bool = False
    ignore_review_state: bool | None = None
    command_help_link: str = ""
    pr_process_link: str = ""

    @property
    def self_approval(self) -> bool:
        """Whether the author's approval is implied."""
        return not self.require_self_approval

    @property
    def considers_reviews(self) -> bool:
        """Whether an approving GitHub review counts as `/approve`."""
        return not self.ignore_review_state


class LgtmConfig(ForRepos, frozen=True):
    review_acts_as_lgtm: bool = False
    store_tree_hash: bool = False
    trusted_team_for_sticky_lgtm: str = ""


class ProminentInvite(Noun, frozen=True):
    disabled: bool = False
    merged_pr_threshold: int | None = None
    message: str = ""


class OrgInvite(Noun, frozen=True):
    prominent: ProminentInvite = ProminentInvite()


class TriggerConfig(ForRepos, frozen=True):
    """Who is trusted, and what a comment may start; other plugins ask it too."""

    trusted_apps: tuple[str, ...] = ()
    trusted_org: str = ""
    join_org_url: str = ""
    only_org_members: bool = False
    ignore_ok_to_test: bool = False
    trigger_github_workflows: bool = False
    org_invite: OrgInvite | None = None

    @property
    def merged_pr_threshold(self) -> int:
        """After how many merged pull requests the invitation to the org becomes prominent."""
        threshold = self.org_invite.prominent.merged_pr_threshold if self.org_invite else None
        return 3 if threshold is None else threshold


class WelcomeConfig(ForRepos, frozen=True):
    """`message_template`: html template; empty: the built-in text."""

    message_template: str = ""
    always_post: bool = False


class CommitMessageCheck(Noun, frozen=True):
    name: str = ""
    disabled: bool = False


class InvalidCommitMsgConfig(ForRepos, frozen=True):
    checks: tuple[CommitMessageCheck, ...] = ()


class MergeWarning(ForRepos, frozen=True):
    channels: tuple[str, ...] = ()
    exempt_users: tuple[str, ...] = ()
    exempt_branches: dict[str, tuple[str, ...]] = {}


class SlackConfig(Noun, frozen=True):
    mentionchannels: tuple[str, ...] = ()
    mergewarnings: tuple[MergeWarning, ...] = ()


class BlockadeConfig(ForRepos, frozen=True):
    """`branchregexp` None: every branch."""

    branchregexp: str | None = None
    blockregexps: tuple[str, ...] = ()
    exceptionregexps: tuple[str, ...] = ()
    explanation: str = ""


class RequireMatchingLabel(Noun, frozen=True):
    """`repo`: bare name, empty: the whole org. `grace_period`: Go duration text."""

    org: str = ""
    repo: str = ""
    branch: str = ""
    prs: bool = False
    issues: bool = False
    regexp: str = ""
    missing_label: str = ""
    missing_comment: str = ""
    grace_period: str = ""


class CherryPickApproved(Noun, frozen=True):
    org: str = ""
    repo: str = ""
    branchregexp: str = ""
    approvers: tuple[str, ...] = ()
    allow_missing_approved_label: bool = False
    allow_missing_lgtm_label: bool = False


class CherryPickUnapproved(Noun, frozen=True):
    """`comment` empty: the plugin's own text."""

    branchregexp: str = ""
    comment: str = ""


class WaitForStatus(Noun, frozen=True):
    context: str = ""
    state: str = ""
    description: str = ""


class BlunderbussConfig(Noun, frozen=True):
    """Reviewer assignment; `rifle` has the same options."""

    request_count: int | None = None
    max_request_count: int = 0
    exclude_approvers: bool = False
    use_status_availability: bool = False
    ignore_drafts: bool = False
    ignore_authors: tuple[str, ...] = ()
    wait_for_status: WaitForStatus | None = None


class BranchCleanerConfig(Noun, frozen=True):
    preserved_branches: dict[str, tuple[str, ...]] = {}


class KeyPath(Noun, frozen=True):
    key_path: str = ""


class PartitionedMap(Noun, frozen=True):
    """A ConfigMap filled from the files of one glob."""

    name: str = always("")
    partitioned_names: tuple[str, ...] = ()
    key: str = ""
    gzip: bool | None = None
    clusters: dict[str, tuple[str, ...]] = {}
    cluster_groups: tuple[str, ...] = ()
    use_full_path_as_key: bool = False
    allowed_repos: tuple[str, ...] = ()
    denied_repos: tuple[str, ...] = ()


class ClusterGroup(Noun, frozen=True):
    clusters: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()


class ConfigUpdater(Noun, frozen=True):
    maps: dict[str, PartitionedMap] = {}
    cluster_groups: dict[str, ClusterGroup] = {}
    gzip: bool = always(False)


class DcoConfig(Noun, frozen=True):
    skip_dco_check_for_members: bool = False
    trusted_apps: tuple[str, ...] = ()
    trusted_org: str = ""
    skip_dco_check_for_collaborators: bool = False
    contributing_repo: str = ""
    contributing_branch: str = ""
    contributing_path: str = ""


class GolintConfig(Noun, frozen=True):
    minimum_confidence: float | None = None


class HeartConfig(Noun, frozen=True):
    adorees: tuple[str, ...] = ()
    commentregexp: str = ""


class HelpConfig(Noun, frozen=True):
    help_guidelines_url: str = ""
    help_guidelines_summary: str = ""


class JiraConfig(Noun, frozen=True):
    disabled_jira_projects: tuple[str, ...] = ()


class AssignOn(Noun, frozen=True):
    label: str = ""


class RestrictedLabel(Noun, frozen=True):
    label: str = always("")
    allowed_teams: tuple[str, ...] = ()
    allowed_users: tuple[str, ...] = ()
    assign_on: tuple[AssignOn, ...] = ()


class LabelConfig(Noun, frozen=True):
    additional_labels: tuple[str, ...] = ()
    restricted_labels: dict[str, tuple[RestrictedLabel, ...]] = {}


class RepoMilestone(Noun, frozen=True):
    maintainers_id: int = 0
    maintainers_team: str = ""
    maintainers_friendly_name: str = ""


class OverrideConfig(Noun, frozen=True):
    allow_top_level_owners: bool = False
    allowed_github_teams: dict[str, tuple[str, ...]] = {}


class ProjectRepoConfig(Noun, frozen=True):
    repo_maintainers_team_id: int = 0
    repo_default_column_map: dict[str, str] = {}


class ProjectOrgConfig(Noun, frozen=True):
    org_maintainers_team_id: int = 0
    org_default_column_map: dict[str, str] = {}
    project_repo_configs: dict[str, ProjectRepoConfig] = {}


class ProjectConfig(Noun, frozen=True):
    project_org_configs: dict[str, ProjectOrgConfig] = {}


class ManagedColumn(Noun, frozen=True):
    id: int | None = None
    name: str = ""
    state: str = ""
    labels: tuple[str, ...] = ()
    org: str = ""


class ManagedProject(Noun, frozen=True):
    columns: tuple[ManagedColumn, ...] = ()


class ManagedOrgRepo(Noun, frozen=True):
    projects: dict[str, ManagedProject] = {}


class ProjectManager(Noun, frozen=True, rename={"orgs_repos": "orgsRepos"}):
    orgs_repos: dict[str, ManagedOrgRepo] = {}


class ReleaseNoteConfig(Noun, frozen=True):
    guidelines_url: str = ""


class RetitleConfig(Noun, frozen=True):
    allow_closed_issues: bool = False


class SigMention(Noun, frozen=True):
    regexp: str = ""


class SizeConfig(Noun, frozen=True):
    """Changed lines from which a size begins; 0: the plugin's default."""

    s: int = always(0)
    m: int = always(0)
    l: int = always(0)  # noqa: E741 - upstream's key
    xl: int = always(0)
    xxl: int = always(0)


class BugzillaOptions(Noun, frozen=True):
    """Bugzilla's cascade of options stays as it was read until its plugin is built."""

    default: dict[str, dict[str, Any]] = {}
    orgs: dict[str, dict[str, Any]] = {}
