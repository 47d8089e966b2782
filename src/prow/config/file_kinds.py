"""The kinds of files that people write, and what their schemas need beyond the types."""

from __future__ import annotations

import msgspec

from prow.config.autobumper import AutobumperFile
from prow.config.config import Config, JobConfig
from prow.config.inrepo import ProwYAML
from prow.config.job import JobBase, Periodic, Postsubmit, Preset, Presubmit
from prow.config.labels import Label, LabelsFile
from prow.config.plugin_options import (
    CommitMessageCheck,
    ConfigUpdater,
    ExternalPlugin,
    ManagedColumn,
    RepoPlugins,
    RequireMatchingLabel,
    RestrictedLabel,
)
from prow.config.plugins import PluginsConfig
from prow.config.schema import Override, Rules, Schema, Writer, duration, scalar
from prow.config.sections import GitHubReporter, InRepoConfig, LensSpec, SlackReporter
from prow.config.tide import Tide
from prow.model.decoration import DecorationConfig, GCSConfiguration, Resources, SchedulingOptions
from prow.model.prowjob import JobState, JobType, SlackReporterConfig

METHODS = ("merge", "rebase", "squash")
LEVELS = ("panic", "fatal", "error", "warn", "warning", "info", "debug", "trace")
PLUGINS = tuple(
    """approve assign blockade blunderbuss branchcleaner bugzilla buildifier cat cherry-pick-approved
    cherry-pick-unapproved cla config-updater dco dog golint goose heart help hold invalidcommitmsg issue-management jira
    label lgtm lifecycle merge-method-comment mergecommitblocker milestone milestoneapplier milestonestatus override
    owners-label pony project project-manager release-note require-matching-label retitle rifle shrug sigmention size skip
    slackevents stage testfreeze transfer-issue trick-or-treat trigger verify-owners welcome wip yuks""".split()  # noqa: SIM905 - it reads better so
)
EVENTS = (
    "check_run", "create", "delete", "issue_comment", "issues", "label", "membership", "ping", "pull_request",
    "pull_request_review", "pull_request_review_comment", "push", "repository", "status",
)  # fmt: skip


class FileKind(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of file. `files`: names that an editor may take for one."""

    name: str
    root: type[msgspec.Struct]
    title: str
    description: str
    files: tuple[str, ...]
    coerce: bool
    """Whether numbers become text in it."""


KINDS = (
    FileKind(
        name="config",
        root=Config,
        title="Prow's config.yaml",
        description="Settings of all components, and presets and jobs if there is one file only.",
        files=("config.yaml",),
        coerce=False,
    ),
    FileKind(
        name="jobs",
        root=JobConfig,
        title="Prow job file",
        description="Jobs and presets: any .yaml below the folder given by --job-config-path.",
        files=("jobs/**/*.yaml",),
        coerce=True,
    ),
    FileKind(
        name="plugins",
        root=PluginsConfig,
        title="Prow's plugins.yaml",
        description="Which plugins are on for which repositories, and their options.",
        files=("plugins.yaml",),
        coerce=True,
    ),
    FileKind(
        name="prow-yaml",
        root=ProwYAML,
        title="Jobs that a repository keeps itself",
        description="`.prow.yaml`, or the files below `.prow/`, where `in_repo_config` allows them.",
        files=(".prow.yaml", ".prow/**/*.yaml"),
        coerce=True,
    ),
    FileKind(
        name="labels",
        root=LabelsFile,
        title="labels.yaml",
        description="Which labels repositories have, for label_sync.",
        files=("labels.yaml",),
        coerce=True,
    ),
    FileKind(
        name="autobumper",
        root=AutobumperFile,
        title="Config of the generic autobumper",
        description="Which image tags are raised by pull requests.",
        files=("*autobump*.yaml",),
        coerce=True,
    ),
)


def _pod(kind: str) -> Override:
    return lambda writer, coerce: writer.pod(kind, coerce=coerce)


def _merge_method(_writer: Writer, _coerce: bool) -> Schema:  # noqa: FBT001
    method = {"enum": [*METHODS, "", None]}
    by_branch = {"anyOf": [method, {"type": "object", "additionalProperties": method}]}
    by_repo = {"anyOf": [method, {"type": "object", "additionalProperties": by_branch}]}
    return {"type": ["object", "null"], "additionalProperties": by_repo}


def _log_level(_writer: Writer, _coerce: bool) -> Schema:  # noqa: FBT001
    return {"anyOf": [{"enum": list(LEVELS)}, {"type": ["string", "null"]}]}


def _names(*, coerce: bool) -> Schema:
    name = scalar(["string"], coerce=coerce)
    return {"type": ["array", "null"], "items": {"anyOf": [{"enum": list(PLUGINS)}, name]}}


def _plugins(writer: Writer, coerce: bool) -> Schema:  # noqa: FBT001
    """One form for all entries: lists of names, or mappings."""
    forms = [{"anyOf": [_names(coerce=False), {"type": "null"}]}, writer.struct(RepoPlugins, coerce=coerce)]
    return {"anyOf": [{"type": ["object", "null"], "additionalProperties": form} for form in forms]}


def _lens_config(_writer: Writer, _coerce: bool) -> Schema:  # noqa: FBT001
    return {"type": ["object", "null"]}


_OVERRIDES: dict[tuple[type, str], Override] = {
    (DecorationConfig, "timeout"): lambda _writer, _coerce: duration(nanoseconds=True),
    (DecorationConfig, "grace_period"): lambda _writer, _coerce: duration(nanoseconds=True),
    **{
        (DecorationConfig, f"pod_{phase}_timeout"): lambda _writer, _coerce: duration()
        for phase in ("pending", "running", "unscheduled")
    },
    (DecorationConfig, "default_memory_request"): _pod("q"),
    **{
        (Resources, name): _pod("Resources") for name in ("clonerefs", "initupload", "place_entrypoint", "sidecar")
    },
    (SchedulingOptions, "affinity"): _pod("Affinity"),
    (SchedulingOptions, "tolerations"): _pod("[]Toleration"),
    (JobBase, "spec"): _pod("PodSpec"),
    (Preset, "env"): _pod("[]EnvVar"),
    (Preset, "volumes"): _pod("[]Volume"),
    (Preset, "volume_mounts"): _pod("[]VolumeMount"),
    (Preset, "tolerations"): _pod("[]Toleration"),
    (InRepoConfig, "enabled"): lambda writer, _coerce: writer.of(dict[str, bool], coerce=False),
    (InRepoConfig, "allowed_clusters"): lambda writer, _coerce: writer.of(dict[str, tuple[str, ...]], coerce=False),
    (LensSpec, "config"): _lens_config,
    (Tide, "merge_method"): _merge_method,
    (Config, "log_level"): _log_level,
    (PluginsConfig, "plugins"): _plugins,
    (PluginsConfig, "config_updater"): lambda writer, _coerce: writer.struct(ConfigUpdater, coerce=False),
    (RepoPlugins, "plugins"): lambda _writer, coerce: _names(coerce=coerce),
}  # fmt: skip

_STATES = tuple(JobState)
_TYPES = tuple(JobType)

RULES = Rules(
    overrides=_OVERRIDES,
    values={
        (GCSConfiguration, "path_strategy"): ("legacy", "single", "explicit"),
        (Tide, "github_merge_blocks_policy"): ("ignore", "permit", "block"),
        (GitHubReporter, "job_types_to_report"): ("presubmit", "postsubmit"),
        (CommitMessageCheck, "name"): ("fixupPrefix", "issueClosingKeywords"),
        (Label, "target"): ("prs", "issues", "both"),
        (AutobumperFile, "pr_source_mode"): ("fork", "branch", ""),
        (AutobumperFile, "image_registry_auth"): ("google", ""),
    },
    offers={
        (AutobumperFile, "target_version"): ("latest", "upstream", "upstream-staging"),
        (JobBase, "agent"): ("kubernetes", "jenkins", "tekton-pipeline"),
        (SlackReporterConfig, "job_states_to_report"): _STATES,
        (SlackReporter, "job_types_to_report"): _TYPES,
        (ExternalPlugin, "events"): EVENTS,
    },
    required={
        Presubmit: ("name",),
        Postsubmit: ("name",),
        Periodic: ("name",),
        ExternalPlugin: ("name",),
        RequireMatchingLabel: ("org", "regexp", "missing_label"),
        RestrictedLabel: ("label",),
        ManagedColumn: ("labels", "org"),
        Label: ("name",),
        AutobumperFile: ("includedConfigPaths", "prefixes"),
    },
)
