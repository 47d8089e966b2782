"""All warnings by name, and which of them run (`spec/config` §7.1, §7.3)."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from prow.checkconfig import (
    shards,
    warnings_jobs,
    warnings_plugins,
    warnings_protection,
    warnings_settings,
    warnings_tide,
)
from prow.checkconfig.model import Check, When
from prow.checkconfig.warnings_plugins import OWNERS_PRESENCE
from prow.checkconfig.warnings_settings import APP_INSTALLATION
from prow.lib.errors import UsageError

MISMATCHED_TIDE, LENIENT = "mismatched-tide", "mismatched-tide-lenient"
UNKNOWN_FIELDS, UNKNOWN_FIELDS_ALL = "unknown-fields", "unknown-fields-all"
CLUSTER_FIELD = "validate-cluster-field"
SHARD_HIERARCHY = "validate-supplemental-prow-config-hierarchy"
RERUN_COMMAND = "rerun-command"
UNKNOWN_LABEL, UNKNOWN_CLUSTER, UNKNOWN_REPO = "unknown-label", "unknown-cluster", "unknown-repo"
MISSING_BUCKET = "missing-bucket"

_D, _E, _O = When.DEFAULT, When.EXPENSIVE, When.OPTIONAL

TABLE = (
    Check(MISMATCHED_TIDE, _D, warnings_tide.mismatched_tide, "tide asks for labels whose plugins are not on, or does not ask for those of plugins that are", plugins=True),
    Check("tide-strict-branch", _D, warnings_protection.tide_strict_branch, "branch protection is strict where tide merges"),
    Check("tide-context-policy", _D, warnings_tide.tide_context_policy, "a context is required and optional at once, on a branch that the config names"),
    Check(LENIENT, _D, warnings_tide.mismatched_approvals, "mismatched-tide for lgtm and approved alone; nothing beside mismatched-tide", plugins=True),
    Check("non-decorated-jobs", _D, warnings_jobs.non_decorated_jobs, "a job with a pod is not decorated"),
    Check("long-job-names", _D, warnings_jobs.long_job_names, "the name of a job with a pod has more than 63 characters"),
    Check("duplicate-job-refs", _D, warnings_jobs.duplicate_job_refs, "a presubmit clones a repository twice"),
    Check("needs-ok-to-test", _D, warnings_tide.needs_ok_to_test, "a tide query requires lgtm and forbids needs-ok-to-test"),
    Check("managed-webhooks", _D, warnings_settings.managed_webhooks, "an organisation and one of its repositories both have a managed webhook"),
    Check("validate-owners", _D, warnings_plugins.validate_owners, "plugins that use OWNERS are on without verify-owners", plugins=True),
    Check("missing-trigger", _D, warnings_plugins.missing_trigger, "a repository has jobs, but trigger is not on", plugins=True),
    Check("validate-urls", _D, warnings_settings.validate_urls, "status_error_link is no URL", plugins=True),
    Check(UNKNOWN_FIELDS, _D, warnings_settings.unknown_fields, "config.yaml or plugins.yaml has a key that nothing reads"),
    Check(CLUSTER_FIELD, _D, warnings_jobs.cluster_field, "a Jenkins job names a build cluster, or a job one that the status file does not know"),
    Check(SHARD_HIERARCHY, _D, shards.shard_hierarchy, "a supplemental file has settings that belong into another folder"),
    Check("validate-unmanaged-branchconfig-has-no-subconfig", _D, warnings_protection.unmanaged_subconfig, "unmanaged branch protection has settings, which nobody reads"),
    Check("validate-label", _D, warnings_plugins.validate_label, "a restricted label has no name, or anybody may set it", plugins=True),
    Check("required-job-annotations", _D, warnings_jobs.required_annotations, "a job lacks an annotation of --required-job-annotations"),
    Check("periodic-default-clone-config", _D, warnings_jobs.periodic_clone_config, "a periodic says how to clone a repository that it does not have"),
    Check("validate-config-updater-acls", _D, warnings_plugins.config_updater_acls, "an entry of allowed_repos or denied_repos is no org or org/repo", plugins=True),
    Check(OWNERS_PRESENCE, _E, warnings_plugins.owners_presence, "a repository with plugins that use OWNERS has none (asks GitHub)", plugins=True),
    Check("valid-decoration-config", _O, warnings_jobs.valid_decoration, "the decoration of a job is incomplete"),
    Check(UNKNOWN_FIELDS_ALL, _O, warnings_settings.unknown_fields_all, "unknown-fields, and the same in job files and in-repo config"),
    Check(APP_INSTALLATION, _O, warnings_settings.app_installation, "an organisation of the config does not have the GitHub App (asks GitHub)"),
)  # fmt: skip
ALWAYS = (
    Check(RERUN_COMMAND, _D, warnings_jobs.rerun_commands, "a rerun command is not allowed by Gerrit's rule for comments; always on"),
)  # fmt: skip


def choose(
    named: Sequence[str],
    excluded: Collection[str] = (),
    *,
    defaults: bool = False,
    expensive: bool = False,
    app: bool = False,
) -> tuple[Check, ...]:
    """The checks to run: those named, or the default set. Raises UsageError for a name that no check has.

    `defaults`: the default set too; `expensive`: where the default set counts, all; `app`: there is a GitHub App to look for.
    What is excluded need not exist, as upstream does not ask.
    """
    known = [check.name for check in TABLE]
    for name in named:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"say one of {', '.join(known)}"
            raise UsageError(f"--warnings={name}: there is no such warning; {hint}")
    on = set(named)
    if not named or defaults:
        on |= {check.name for check in TABLE if expensive or check.when is When.DEFAULT}
    if app:
        on.add(APP_INSTALLATION)
    on -= set(excluded)
    if MISMATCHED_TIDE in on:
        on.discard(LENIENT)
    if UNKNOWN_FIELDS_ALL in on:
        on.discard(UNKNOWN_FIELDS)
    return (*(check for check in TABLE if check.name in on), *ALWAYS)
