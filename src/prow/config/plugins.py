"""plugins.yaml as one immutable snapshot, and which of its entries hold for a repository (`spec/config` §4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec.structs import replace

from prow.config.plugin_options import (
    ApproveConfig,
    BlockadeConfig,
    BlunderbussConfig,
    BranchCleanerConfig,
    BugzillaOptions,
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
from prow.model.base import Noun

R = TypeVar("R", bound=ForRepos)

COMMAND_HELP_LINK = "https://go.k8s.io/bot-commands"
PR_PROCESS_LINK = "https://git.k8s.io/community/contributors/guide/owners.md#the-code-review-process"
BLOCKADE_EXPLANATION = "Files are protected"
DEFAULT_FILENAMES = OwnersFilenames(owners="OWNERS", owners_aliases="OWNERS_ALIASES")


class PluginsConfig(Noun, frozen=True, dict=True):
    """Field names are the YAML keys. `hash` and `warnings` as those of `Config`."""

    plugins: dict[str, RepoPlugins] = {}
    external_plugins: dict[str, tuple[ExternalPlugin, ...]] = {}
    owners: OwnersOptions = OwnersOptions()
    approve: tuple[ApproveConfig, ...] = ()
    blockades: tuple[BlockadeConfig, ...] = ()
    blunderbuss: BlunderbussConfig = BlunderbussConfig()
    rifle: BlunderbussConfig = BlunderbussConfig()
    bugzilla: BugzillaOptions = BugzillaOptions()
    branch_cleaner: BranchCleanerConfig = BranchCleanerConfig()
    cat: KeyPath = KeyPath()
    cherry_pick_approved: tuple[CherryPickApproved, ...] = ()
    cherry_pick_unapproved: CherryPickUnapproved = CherryPickUnapproved()
    config_updater: ConfigUpdater = ConfigUpdater()
    dco: dict[str, DcoConfig] = {}
    golint: GolintConfig = GolintConfig()
    goose: KeyPath = KeyPath()
    heart: HeartConfig = HeartConfig()
    help: HelpConfig = HelpConfig()
    invalid_commit_msg: tuple[InvalidCommitMsgConfig, ...] = ()
    jira: JiraConfig | None = None
    label: LabelConfig = LabelConfig()
    lgtm: tuple[LgtmConfig, ...] = ()
    milestone_applier: dict[str, dict[str, str]] = {}
    override: OverrideConfig = OverrideConfig()
    project_config: ProjectConfig = ProjectConfig()
    project_manager: ProjectManager = ProjectManager()
    release_note: ReleaseNoteConfig = ReleaseNoteConfig()
    repo_milestone: dict[str, RepoMilestone] = {}
    require_matching_label: tuple[RequireMatchingLabel, ...] = ()
    retitle: RetitleConfig = RetitleConfig()
    sigmention: SigMention = SigMention()
    size: SizeConfig = SizeConfig()
    slack: SlackConfig = SlackConfig()
    triggers: tuple[TriggerConfig, ...] = ()
    welcome: tuple[WelcomeConfig, ...] = ()

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

    def preserved_branches_for(self, org: str, repo: str) -> tuple[str, ...]:
        """Names or regexes of the branches that the branch cleaner leaves alone."""
        preserved = self.branch_cleaner.preserved_branches
        return (*preserved.get(org, ()), *preserved.get(f"{org}/{repo}", ()))


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
