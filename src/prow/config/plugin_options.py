"""Options of the plugins in plugins.yaml, one struct per key (`spec/config` §4.4-4.7). Field names are the YAML keys.

Entries with `repos` name orgs and `org/repo`s; how one is chosen is in `PluginsConfig`.
"""

from __future__ import annotations

from prow.model.base import Noun, always

RELEASE_BRANCHES = "^release-.*$"
SIG_MENTION = (
    r"(?m)@kubernetes/sig-([\w-]*)-(misc|test-failures|bugs|feature-requests|proposals|pr-reviews|api-reviews)"
)


class RepoPlugins(Noun, frozen=True):
    """Plugins of an org or a repo; `excluded_repos`: bare names, for orgs only."""

    plugins: tuple[str, ...] = ()
    """Names of plugins."""
    excluded_repos: tuple[str, ...] = ()
    """Repositories of the org, without the org, where these are off."""


class ExternalPlugin(Noun, frozen=True):
    """A plugin in another process: `events` empty means all."""

    name: str = always("")
    """Its name."""
    endpoint: str = ""
    """Where it gets webhooks. Unset: http://NAME."""
    events: tuple[str, ...] = ()
    """GitHub's names of the events that it gets. Empty: all."""


class OwnersFilenames(Noun, frozen=True):
    owners: str = ""
    """Name of OWNERS files there."""
    owners_aliases: str = ""
    """Name of the file with aliases there."""


class OwnersOptions(Noun, frozen=True):
    mdyamlrepos: tuple[str, ...] = ()
    """Orgs and `org/repo`s where Markdown files may begin with the content of an OWNERS file."""
    skip_collaborators: tuple[str, ...] = ()
    """Orgs and `org/repo`s where OWNERS alone say who may approve and lgtm; elsewhere collaborators may too."""
    labels_denylist: tuple[str, ...] | None = None
    """Labels that OWNERS files may not set. Unset: approved and lgtm."""
    filenames: dict[str, OwnersFilenames] = {}
    """org or `org/repo` → other names of the files. Unset: OWNERS and OWNERS_ALIASES."""


class ForRepos(Noun, frozen=True):
    """Options for the orgs and repos listed."""

    repos: tuple[str, ...] = ()
    """Orgs and `org/repo`s that the entry is for."""


class ApproveConfig(ForRepos, frozen=True, rename={"command_help_link": "commandHelpLink"}):
    issue_required: bool = False
    """Whether a pull request needs an issue, or `/approve no-issue`."""
    require_self_approval: bool | None = None
    """Whether approvers must approve their own pull requests too. Unset: it is taken for granted."""
    lgtm_acts_as_approve: bool = False
    """Whether `/lgtm` of an approver approves."""
    ignore_review_state: bool | None = None
    """Whether GitHub's approving reviews do not count as `/approve`. Unset: they count."""
    command_help_link: str = ""
    """Page about commands, linked in the comment. Unset: https://go.k8s.io/bot-commands."""
    pr_process_link: str = ""
    """Page about the process, linked in the comment. Unset: Kubernetes' own."""

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
    """Whether an approving review is `/lgtm`, and one that asks for changes takes it back."""
    store_tree_hash: bool = False
    """Whether lgtm stays when new commits leave the content as it was, as after a squash."""
    trusted_team_for_sticky_lgtm: str = ""
    """Team whose pull requests keep lgtm when commits are pushed."""


class ProminentInvite(Noun, frozen=True):
    disabled: bool = False
    """Whether the invitation stays small print."""
    merged_pr_threshold: int | None = None
    """Merged pull requests after which it is prominent. Unset: 3."""
    message: str = ""
    """Its text; `{join_org_url}` in it is replaced."""


class OrgInvite(Noun, frozen=True):
    prominent: ProminentInvite = ProminentInvite()
    """The invitation for those who have contributed before."""


class TriggerConfig(ForRepos, frozen=True):
    """Who is trusted, and what a comment may start; other plugins ask it too."""

    trusted_apps: tuple[str, ...] = ()
    """GitHub Apps whose pull requests are tested at once, without `[bot]`."""
    trusted_org: str = ""
    """Old way to name an org whose members are trusted, besides that of the repository."""
    join_org_url: str = ""
    """Page on how to become a member, linked for people who are not. Unset: the people page of `trusted_org`."""
    only_org_members: bool = False
    """Whether collaborators who are no members are not trusted."""
    ignore_ok_to_test: bool = False
    """Whether `/ok-to-test` starts nothing."""
    trigger_github_workflows: bool = False
    """Whether `/test` and `/retest` restart failed GitHub workflows too."""
    org_invite: OrgInvite | None = None
    """How people are invited to become members."""

    @property
    def merged_pr_threshold(self) -> int:
        """After how many merged pull requests the invitation to the org becomes prominent."""
        threshold = self.org_invite.prominent.merged_pr_threshold if self.org_invite else None
        return 3 if threshold is None else threshold


class WelcomeConfig(ForRepos, frozen=True):
    """`message_template`: html template; empty: the built-in text."""

    message_template: str = ""
    """Go html template of the greeting; its data is `{Org, Repo, AuthorLogin, AuthorName}`. Unset: a text of the
    plugin."""
    always_post: bool = False
    """Whether people who have contributed before are greeted too."""


class CommitMessageCheck(Noun, frozen=True):
    name: str = ""
    """fixupPrefix: commits that are to be squashed; issueClosingKeywords: words that would close an issue."""
    disabled: bool = False
    """Whether the check is off."""


class InvalidCommitMsgConfig(ForRepos, frozen=True):
    checks: tuple[CommitMessageCheck, ...] = ()
    """Checks that are switched; all others are on."""


class MergeWarning(ForRepos, frozen=True):
    channels: tuple[str, ...] = ()
    """Slack channels that are told of merges by hand."""
    exempt_users: tuple[str, ...] = ()
    """Logins whose merges are fine."""
    exempt_branches: dict[str, tuple[str, ...]] = {}
    """Branch → logins whose merges into it are fine."""


class SlackConfig(Noun, frozen=True):
    mentionchannels: tuple[str, ...] = ()
    """Slack channels that are told when a SIG is mentioned."""
    mergewarnings: tuple[MergeWarning, ...] = ()
    """Which merges by hand are told where."""


class BlockadeConfig(ForRepos, frozen=True):
    """`branchregexp` None: every branch."""

    branchregexp: str | None = None
    """Regular expression of target branches. Unset: every branch."""
    blockregexps: tuple[str, ...] = ()
    """Regular expressions of changed paths that hold up a merge."""
    exceptionregexps: tuple[str, ...] = ()
    """Regular expressions of paths that do not, although they match."""
    explanation: str = ""
    """What people are told. Unset: Files are protected."""


class RequireMatchingLabel(Noun, frozen=True):
    """`repo`: bare name, empty: the whole org. `grace_period`: Go duration text."""

    org: str = ""
    """Organisation."""
    repo: str = ""
    """Repository, without its org. Empty: all of the org."""
    branch: str = ""
    """Target branch; for pull requests alone. Empty: every branch."""
    prs: bool = False
    """Whether pull requests are meant."""
    issues: bool = False
    """Whether issues are meant."""
    regexp: str = ""
    """Regular expression that one of the labels must match."""
    missing_label: str = ""
    """Label that is set as long as none does. The regular expression must not match it."""
    missing_comment: str = ""
    """Comment that is written then. Empty: none."""
    grace_period: str = ""
    """How long it is waited for labels of other bots first. Unset: 5s."""


class CherryPickApproved(Noun, frozen=True):
    org: str = ""
    """Organisation."""
    repo: str = ""
    """Repository, without its org."""
    branchregexp: str = ""
    """Regular expression of release branches. Unset: ^release-.*$."""
    approvers: tuple[str, ...] = ()
    """Logins that may approve cherry-picks."""
    allow_missing_approved_label: bool = False
    """Whether the label `approved` is not needed."""
    allow_missing_lgtm_label: bool = False
    """Whether the label `lgtm` is not needed."""


class CherryPickUnapproved(Noun, frozen=True):
    """`comment` empty: the plugin's own text."""

    branchregexp: str = ""
    """Regular expression of release branches. Unset: ^release-.*$."""
    comment: str = ""
    """What people are told. Unset: a text of the plugin."""


class WaitForStatus(Noun, frozen=True):
    context: str = ""
    """Context to wait for. Unset: tide."""
    state: str = ""
    """State that it must have. Unset: pending."""
    description: str = ""
    """Regular expression of its description. Unset: tide's text when only reviews and labels are missing."""


class BlunderbussConfig(Noun, frozen=True):
    """Reviewer assignment; `rifle` has the same options."""

    request_count: int | None = None
    """How many reviewers are asked for; 1 at least. Unset: 2."""
    max_request_count: int = 0
    """How many may be asked in all, with those that people asked; 0: any number."""
    exclude_approvers: bool = False
    """Whether approvers who are no reviewers are not asked."""
    use_status_availability: bool = False
    """Whether people whose GitHub status says that they are busy are passed over."""
    ignore_drafts: bool = False
    """Whether drafts get no reviewers until they are ready."""
    ignore_authors: tuple[str, ...] = ()
    """Logins whose pull requests get no reviewers."""
    wait_for_status: WaitForStatus | None = None
    """Ask only after a context has this state. Unset: at once."""


class BranchCleanerConfig(Noun, frozen=True):
    preserved_branches: dict[str, tuple[str, ...]] = {}
    """org or `org/repo` → names or regular expressions of branches that stay; both add up."""


class KeyPath(Noun, frozen=True):
    key_path: str = ""
    """File with the key of the picture service."""


class PartitionedMap(Noun, frozen=True):
    """A ConfigMap filled from the files of one glob."""

    name: str = always("")
    """ConfigMap that is filled. Excludes the next key."""
    partitioned_names: tuple[str, ...] = ()
    """ConfigMaps over which the files are spread, 256 at most."""
    key: str = ""
    """Key in the ConfigMap. Unset: the base name of the file."""
    gzip: bool | None = None
    """Whether contents are compressed. Unset: as `gzip` of the plugin says."""
    clusters: dict[str, tuple[str, ...]] = {}
    """Cluster → namespaces of the ConfigMap. Unset: the default cluster and Prow's namespace."""
    cluster_groups: tuple[str, ...] = ()
    """Groups of clusters, by name, instead of `clusters`. With them the keys below are lost, as upstream."""
    use_full_path_as_key: bool = False
    """Whether the key is the whole path, with `-` for `/`."""
    allowed_repos: tuple[str, ...] = ()
    """Orgs and `org/repo`s that may fill it. Empty: all."""
    denied_repos: tuple[str, ...] = ()
    """Orgs and `org/repo`s that may not."""


class ClusterGroup(Noun, frozen=True):
    clusters: tuple[str, ...] = ()
    """Clusters of the group."""
    namespaces: tuple[str, ...] = ()
    """Namespaces in each of them."""


class ConfigUpdater(Noun, frozen=True):
    maps: dict[str, PartitionedMap] = {}
    """Path or glob of files → ConfigMap. Unset: Prow's own config files at their usual paths."""
    cluster_groups: dict[str, ClusterGroup] = {}
    """Name → clusters and namespaces."""
    gzip: bool = always(False)
    """Whether contents are compressed where an entry does not say."""


class DcoConfig(Noun, frozen=True):
    skip_dco_check_for_members: bool = False
    """Whether members need no sign-off."""
    trusted_apps: tuple[str, ...] = ()
    """GitHub Apps that need no sign-off."""
    trusted_org: str = ""
    """Organisation whose members are meant. Unset: that of the pull request."""
    skip_dco_check_for_collaborators: bool = False
    """Whether collaborators need no sign-off."""
    contributing_repo: str = ""
    """`org/repo` of the guide that the comment links to."""
    contributing_branch: str = ""
    """Its branch."""
    contributing_path: str = ""
    """Its path."""


class GolintConfig(Noun, frozen=True):
    minimum_confidence: float | None = None
    """How sure golint must be, 0 to 1. Unset: 0.8."""


class HeartConfig(Noun, frozen=True):
    adorees: tuple[str, ...] = ()
    """Logins whose pull requests and comments get hearts."""
    commentregexp: str = ""
    """Regular expression of comments that get one."""


class HelpConfig(Noun, frozen=True):
    help_guidelines_url: str = ""
    """Page about good issues for newcomers. Unset: Kubernetes' own."""
    help_guidelines_summary: str = ""
    """What it says, in short."""


class JiraConfig(Noun, frozen=True):
    disabled_jira_projects: tuple[str, ...] = ()
    """Projects whose issues are not linked."""


class AssignOn(Noun, frozen=True):
    label: str = ""
    """Label at which it is done."""


class RestrictedLabel(Noun, frozen=True):
    label: str = always("")
    """Label that only some may set."""
    allowed_teams: tuple[str, ...] = ()
    """Teams whose members may, by slug."""
    allowed_users: tuple[str, ...] = ()
    """Logins that may."""
    assign_on: tuple[AssignOn, ...] = ()
    """Labels at which these people are assigned."""


class LabelConfig(Noun, frozen=True):
    additional_labels: tuple[str, ...] = ()
    """Labels that anybody may set by `/label`."""
    restricted_labels: dict[str, tuple[RestrictedLabel, ...]] = {}
    """`*`, org or `org/repo` → labels that only some may set; all that match add up."""


class RepoMilestone(Noun, frozen=True):
    maintainers_id: int = 0
    """Old way to name the team, by its number."""
    maintainers_team: str = ""
    """Team whose members may, by slug."""
    maintainers_friendly_name: str = ""
    """What people call it."""


class OverrideConfig(Noun, frozen=True):
    allow_top_level_owners: bool = False
    """Whether approvers of the root's OWNERS may override."""
    allowed_github_teams: dict[str, tuple[str, ...]] = {}
    """org or `org/repo` → teams whose members may, by slug."""


class ProjectRepoConfig(Noun, frozen=True):
    repo_maintainers_team_id: int = 0
    """Number of the team whose members may."""
    repo_default_column_map: dict[str, str] = {}
    """Project → its column for new cards."""


class ProjectOrgConfig(Noun, frozen=True):
    org_maintainers_team_id: int = 0
    """Number of the team whose members may."""
    org_default_column_map: dict[str, str] = {}
    """Project → its column for new cards."""
    project_repo_configs: dict[str, ProjectRepoConfig] = {}
    """Repository, without its org → its own settings."""


class ProjectConfig(Noun, frozen=True):
    project_org_configs: dict[str, ProjectOrgConfig] = {}
    """Organisation → its settings."""


class ManagedColumn(Noun, frozen=True):
    id: int | None = None
    """Number of the column; or give its name."""
    name: str = ""
    """Name of the column."""
    state: str = ""
    """State that an issue must have: open, closed or all."""
    labels: tuple[str, ...] = ()
    """Labels that it must have, all of them."""
    org: str = ""
    """Organisation that its repository must be of."""


class ManagedProject(Noun, frozen=True):
    columns: tuple[ManagedColumn, ...] = ()
    """Which issues and pull requests go into which column."""


class ManagedOrgRepo(Noun, frozen=True):
    projects: dict[str, ManagedProject] = {}
    """Name of the project → its columns."""


class ProjectManager(Noun, frozen=True, rename={"orgs_repos": "orgsRepos"}):
    orgs_repos: dict[str, ManagedOrgRepo] = {}
    """org or `org/repo` → its projects."""


class ReleaseNoteConfig(Noun, frozen=True):
    guidelines_url: str = ""
    """Page about release notes. Unset: Kubernetes' own."""


class RetitleConfig(Noun, frozen=True):
    allow_closed_issues: bool = False
    """Whether closed ones may be retitled too."""


class SigMention(Noun, frozen=True):
    regexp: str = ""
    """Regular expression of mentions; its groups are the SIG and the kind. Unset: Kubernetes' teams."""


class SizeConfig(Noun, frozen=True):
    """Changed lines from which a size begins; 0: the plugin's default."""

    s: int = always(0)
    """Lines from which it is S; below it is XS. 0: 10."""
    m: int = always(0)
    """Lines from which it is M. 0: 30."""
    l: int = always(0)  # noqa: E741 - upstream's key
    """Lines from which it is L. 0: 100."""
    xl: int = always(0)
    """Lines from which it is XL. 0: 500."""
    xxl: int = always(0)
    """Lines from which it is XXL. 0: 1000."""
