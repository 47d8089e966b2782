"""plugins.yaml as one immutable snapshot, and which of its entries hold for a repository (`spec/config` §4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace

from prow.config.bugzilla_options import BugzillaOptions
from prow.config.plugin_options import (
    ApproveConfig,
    BlockadeConfig,
    BlunderbussConfig,
    BranchCleanerConfig,
    CherryPickApproved,
    CherryPickUnapproved,
    ConfigUpdater,
    DcoConfig,
    ExternalPlugin,
    ForRepos,
    GolintConfig,
    HeartConfig,
    HelpConfig,
    InvalidCommitMsgConfig,
    JiraConfig,
    KeyPath,
    LabelConfig,
    LgtmConfig,
    OverrideConfig,
    OwnersFilenames,
    OwnersOptions,
    ProjectConfig,
    ProjectManager,
    ReleaseNoteConfig,
    RepoMilestone,
    RepoPlugins,
    RequireMatchingLabel,
    RestrictedLabel,
    RetitleConfig,
    SigMention,
    SizeConfig,
    SlackConfig,
    TriggerConfig,
    WelcomeConfig,
)
from prow.lib import regex
from prow.model.base import Noun

R = TypeVar("R", bound=ForRepos)

COMMAND_HELP_LINK = "https://go.k8s.io/bot-commands"
PR_PROCESS_LINK = "https://git.k8s.io/community/contributors/guide/owners.md#the-code-review-process"
BLOCKADE_EXPLANATION = "Files are protected"
DEFAULT_FILENAMES = OwnersFilenames(owners="OWNERS", owners_aliases="OWNERS_ALIASES")


class PluginsConfig(Noun, frozen=True, dict=True):
    """Field names are the YAML keys. `hash` and `warnings` as those of `Config`."""

    plugins: dict[str, RepoPlugins] = {}
    """org or `org/repo` → plugins that are on; those of the org are on in its repositories too. A list of names for
    each, or a mapping for each."""
    external_plugins: dict[str, tuple[ExternalPlugin, ...]] = {}
    """org or `org/repo` → plugins in processes of their own."""
    owners: OwnersOptions = OwnersOptions()
    """How OWNERS files are read."""
    approve: tuple[ApproveConfig, ...] = ()
    """Options of `approve`: the first entry that names the repository, else the first that names its org."""
    blockades: tuple[BlockadeConfig, ...] = ()
    """Options of `blockade`: files that hold up a merge. Every entry that matches applies."""
    blunderbuss: BlunderbussConfig = BlunderbussConfig()
    """Options of `blunderbuss`: who is asked to review."""
    rifle: BlunderbussConfig = BlunderbussConfig()
    """Options of `rifle`, which excludes `blunderbuss`."""
    bugzilla: BugzillaOptions = BugzillaOptions()
    """Options of `bugzilla`."""
    branch_cleaner: BranchCleanerConfig = BranchCleanerConfig()
    """Options of `branchcleaner`."""
    cat: KeyPath = KeyPath()
    """Options of `cat`."""
    cherry_pick_approved: tuple[CherryPickApproved, ...] = ()
    """Options of `cherry-pick-approved`: the last entry for the repository."""
    cherry_pick_unapproved: CherryPickUnapproved = CherryPickUnapproved()
    """Options of `cherry-pick-unapproved`."""
    config_updater: ConfigUpdater = ConfigUpdater()
    """Options of `config-updater`: which files fill which ConfigMaps."""
    dco: dict[str, DcoConfig] = {}
    """`*`, org or `org/repo` → options of `dco`; the most specific holds."""
    golint: GolintConfig = GolintConfig()
    """Options of `golint`."""
    goose: KeyPath = KeyPath()
    """Options of `goose`."""
    heart: HeartConfig = HeartConfig()
    """Options of `heart`."""
    help: HelpConfig = HelpConfig()
    """Options of `help`: texts of its comment."""
    invalid_commit_msg: tuple[InvalidCommitMsgConfig, ...] = ()
    """Options of `invalidcommitmsg`: the first entry that names the repository, else the first that names its org."""
    jira: JiraConfig | None = None
    """Options of `jira`."""
    label: LabelConfig = LabelConfig()
    """Options of `label`: labels that people may set."""
    lgtm: tuple[LgtmConfig, ...] = ()
    """Options of `lgtm`: the first entry that names the repository, else the first that names its org."""
    milestone_applier: dict[str, dict[str, str]] = {}
    """`org/repo` → branch → milestone of the pull requests that are merged into it."""
    override: OverrideConfig = OverrideConfig()
    """Options of `override`: who may."""
    project_config: ProjectConfig = ProjectConfig()
    """Options of `project`."""
    project_manager: ProjectManager = ProjectManager()
    """Options of `project-manager`."""
    release_note: ReleaseNoteConfig = ReleaseNoteConfig()
    """Options of `release-note`."""
    repo_milestone: dict[str, RepoMilestone] = {}
    """`org/repo`, or the empty text for all others → who may set milestones and statuses."""
    require_matching_label: tuple[RequireMatchingLabel, ...] = ()
    """Options of `require-matching-label`. Every entry that matches applies."""
    retitle: RetitleConfig = RetitleConfig()
    """Options of `retitle`."""
    sigmention: SigMention = SigMention()
    """Options of `sigmention`."""
    size: SizeConfig = SizeConfig()
    """Options of `size`: changed lines from which each size begins."""
    slack: SlackConfig = SlackConfig()
    """Options of `slackevents`."""
    triggers: tuple[TriggerConfig, ...] = ()
    """Options of `trigger`, and whom every plugin trusts: the first entry that names the repository, else the first
    that names its org."""
    welcome: tuple[WelcomeConfig, ...] = ()
    """Options of `welcome`: the first entry that names the repository, else the first that names its org."""

    @property
    def hash(self) -> str:
        return str(self.__dict__.get("hash", ""))

    @property
    def warnings(self) -> tuple[str, ...]:
        warnings: tuple[str, ...] = self.__dict__.get("warnings", ())
        return warnings

    def plugins_for(self, org: str, repo: str) -> tuple[str, ...]:
        """Names of the plugins enabled: the org's, unless it excludes the repo, then the repo's own; each once."""
        of_org = self.plugins.get(org, RepoPlugins())
        names = () if repo in of_org.excluded_repos else of_org.plugins
        own = self.plugins.get(f"{org}/{repo}", RepoPlugins()).plugins
        return tuple(dict.fromkeys((*names, *own)))

    def external_plugins_for(self, org: str, repo: str) -> tuple[ExternalPlugin, ...]:
        """External plugins of the repo and of its org; a name may appear twice."""
        return (*self.external_plugins.get(f"{org}/{repo}", ()), *self.external_plugins.get(org, ()))

    def enabled_plugins(self) -> frozenset[str]:
        """Every name that some org or repo enables."""
        return frozenset(name for entry in self.plugins.values() for name in entry.plugins)

    def repos_with(self, plugin: str) -> tuple[str, ...]:
        """The keys (orgs and `org/repo`s) under which a plugin is enabled, sorted."""
        return tuple(sorted(key for key, entry in self.plugins.items() if plugin in entry.plugins))

    def trigger_for(self, org: str, repo: str) -> TriggerConfig:
        return _first_for(self.triggers, org, repo) or TriggerConfig()

    def lgtm_for(self, org: str, repo: str) -> LgtmConfig:
        return _first_for(self.lgtm, org, repo) or LgtmConfig()

    def approve_for(self, org: str, repo: str) -> ApproveConfig:
        chosen = _first_for(self.approve, org, repo) or ApproveConfig()
        return replace(
            chosen,
            command_help_link=chosen.command_help_link or COMMAND_HELP_LINK,
            pr_process_link=chosen.pr_process_link or PR_PROCESS_LINK,
        )

    def welcome_for(self, org: str, repo: str) -> WelcomeConfig:
        return _first_for(self.welcome, org, repo) or WelcomeConfig()

    def blockades_for(self, org: str, repo: str) -> tuple[BlockadeConfig, ...]:
        keys = {org, f"{org}/{repo}"}
        return tuple(
            replace(each, explanation=each.explanation or BLOCKADE_EXPLANATION)
            for each in self.blockades
            if not keys.isdisjoint(each.repos)
        )

    def dco_for(self, org: str, repo: str) -> DcoConfig:
        for key in (f"{org}/{repo}", org, "*"):
            if key in self.dco:
                return self.dco[key]
        return DcoConfig()

    def skips_collaborators(self, org: str, repo: str) -> bool:
        """Whether OWNERS files alone say who may approve."""
        return not {org, f"{org}/{repo}"}.isdisjoint(self.owners.skip_collaborators)

    def reads_front_matter(self, org: str, repo: str) -> bool:
        """Whether Markdown files may carry OWNERS data."""
        return not {org, f"{org}/{repo}"}.isdisjoint(self.owners.mdyamlrepos)

    def owners_filenames_for(self, org: str, repo: str) -> OwnersFilenames:
        filenames = self.owners.filenames
        return filenames.get(f"{org}/{repo}", filenames.get(org, DEFAULT_FILENAMES))

    def restricted_labels_for(self, org: str, repo: str) -> dict[str, RestrictedLabel]:
        """By lower-cased label; entries of `*`, org and repo for one label are united."""
        united: dict[str, RestrictedLabel] = {}
        for key in ("*", org, f"{org}/{repo}"):
            for entry in self.label.restricted_labels.get(key, ()):
                name = entry.label.lower()
                before = united.get(name, entry)
                united[name] = RestrictedLabel(
                    label=before.label,
                    allowed_teams=tuple(sorted({*before.allowed_teams, *entry.allowed_teams})),
                    allowed_users=tuple(sorted({*before.allowed_users, *entry.allowed_users})),
                    assign_on=(*before.assign_on, *(on for on in entry.assign_on if on not in before.assign_on)),
                )
        return united

    def preserves_branch(self, org: str, repo: str, branch: str) -> bool:
        """Whether the branch cleaner leaves a branch alone: by its name, or by a regex; one that does not compile is a name."""
        preserved = self.branch_cleaner.preserved_branches
        names = (*preserved.get(org, ()), *preserved.get(f"{org}/{repo}", ()))
        return branch in names or any(
            regex.compile(name).matches(branch) for name in names if regex.check(name) is None
        )


def _first_for(entries: Sequence[R], org: str, repo: str) -> R | None:
    """The first entry that names the repo, else the first that names its org; entries are never merged."""
    for key in (f"{org}/{repo}", org):
        for entry in entries:
            if key in entry.repos:
                return entry
    return None


def set_origin(config: PluginsConfig, *, hash: str, warnings: tuple[str, ...]) -> None:  # noqa: A002
    """For loaders: what is known about the files is no part of the value."""
    config.__dict__["hash"] = hash
    config.__dict__["warnings"] = warnings
