"""`prow checkconfig`: everything that is wrong with a configuration, and everything that is odd, where it stands."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click

import prow
from prow.checkconfig import remembered, report, shards
from prow.checkconfig.model import Check, Known, Shard
from prow.checkconfig.reading import Loaded, Paths, read_all
from prow.checkconfig.service import run
from prow.checkconfig.table import CLUSTER_FIELD, SHARD_HIERARCHY, choose
from prow.checkconfig.table import UNKNOWN_FIELDS_ALL as UNKNOWN_ALL
from prow.checkconfig.warnings_plugins import OWNERS_PRESENCE
from prow.checkconfig.warnings_settings import APP_INSTALLATION
from prow.cli import groups
from prow.cli.loading import check_format
from prow.config import cache, inrepo
from prow.lib import flags
from prow.lib.errors import UsageError

FAILED = 1
SILENCE = 10.0
"""Seconds after which a log gets a sign of life."""


class PluginFlags(groups.PluginFlags):
    plugin_config: str = flags.flag(
        "plugin-config", "", "Path to plugins.yaml; without it checks of plugins are left out."
    )


class GitHubFlags(groups.GitHubFlags):
    github_hourly_tokens: int = flags.flag("github-hourly-tokens", 3000, "Own limit of API calls an hour; 0: GitHub's.")
    github_allowed_burst: int = flags.flag(
        "github-allowed-burst", 100, "Calls that may be made at once under that limit."
    )


class CheckFlags(flags.FlagGroup):
    strict: bool = flags.flag("strict", False, "Warnings are errors.")
    warnings: tuple[str, ...] = flags.flag("warnings", (), "Run this check; may be repeated. Default: the default set.")
    exclude_warning: tuple[str, ...] = flags.flag("exclude-warning", (), "Do not run this check; may be repeated.")
    include_default_warnings: bool = flags.flag(
        "include-default-warnings", False, "Run the default set beside --warnings."
    )
    expensive_checks: bool = flags.flag(
        "expensive-checks", False, "Where the default set counts, run all checks, also those that ask GitHub."
    )
    required_job_annotations: tuple[str, ...] = flags.flag(
        "required-job-annotations", (), "Annotation that every job must have; may be repeated."
    )
    prow_yaml_repo_name: str = flags.flag(
        "prow-yaml-repo-name", "", "org/repo whose own jobs (.prow.yaml or .prow/) are checked too."
    )
    prow_yaml_path: str = flags.flag(
        "prow-yaml-path", "", "The .prow.yaml of its checkout. Default: in the current folder."
    )
    labels_config: str = flags.flag(
        "labels-config", "", "Path to labels.yaml of label_sync: check it too, and labels of other files against it."
    )
    autobumper_config: tuple[str, ...] = flags.flag(
        "autobumper-config", (), "Config of the generic autobumper, checked too; may be repeated."
    )
    format: str = flags.flag("format", "text", "text, json, github (annotations of GitHub Actions) or sarif.")


@click.command(cls=flags.GoCommand)
@flags.group(groups.ConfigFlags)
@flags.group(PluginFlags, name="plugin_flags")
@flags.group(GitHubFlags, name="github_flags")
@flags.group(groups.StorageFlags)
@flags.group(CheckFlags, name="given")
def command(
    config_flags: groups.ConfigFlags,
    plugin_flags: PluginFlags,
    github_flags: GitHubFlags,
    storage_flags: groups.StorageFlags,
    given: CheckFlags,
) -> int:
    """Check config, jobs and plugins: what keeps them from loading, and what will not do what people expect.

    \b
    Exit codes: 0 fine, or warnings without --strict; 1 the configuration cannot be used, or must not by --strict.
    """
    try:
        return _check(config_flags, plugin_flags, github_flags, storage_flags, given)
    except UsageError as error:
        raise Refused(str(error)) from None


class Refused(UsageError):
    """As upstream: whatever keeps it from checking is a failed check."""

    exit_code = FAILED


def _check(
    config_flags: groups.ConfigFlags,
    plugin_flags: PluginFlags,
    github_flags: GitHubFlags,
    storage_flags: groups.StorageFlags,
    given: CheckFlags,
) -> int:
    check_format(given.format, report.FORMATS)
    app = bool(github_flags.github_app_id and github_flags.github_app_private_key_path)
    if APP_INSTALLATION in given.warnings and not app:
        raise UsageError(f"--warnings={APP_INSTALLATION} asks GitHub as a GitHub App: give --github-app-id and its key")
    checks = choose(
        given.warnings,
        given.exclude_warning,
        defaults=given.include_default_warnings,
        expensive=given.expensive_checks,
        app=app,
    )
    _refuse(config_flags, plugin_flags, github_flags, given, checks)
    paths = Paths(
        config=config_flags.config_path,
        jobs=config_flags.job_config_path,
        plugins=plugin_flags.plugin_config,
        own_repo=given.prow_yaml_repo_name,
        own_folder=_own_folder(given),
        supplemental=config_flags.supplemental,
        supplemental_plugins=plugin_flags.supplemental,
        labels=given.labels_config,
        autobumpers=given.autobumper_config,
    )
    names = {check.name for check in checks}
    if APP_INSTALLATION in names and not app:
        names.remove(APP_INSTALLATION)
        print(f"checkconfig: {APP_INSTALLATION} is left out: there is no GitHub App to ask as", file=sys.stderr)
    progress = Progress(terminal=sys.stderr.isatty())
    kept = cache.usual(config_flags.config_cache_dir)
    key = (
        None
        if names & {OWNERS_PRESENCE, APP_INSTALLATION}
        else remembered.key_of(paths, names, given.exclude_warning, given.required_job_annotations, strict=given.strict)
    )
    result = remembered.recall(kept, key)
    if result is None:
        loaded = read_all(paths, strict_own=UNKNOWN_ALL in names, cache=kept, progress=progress)
        known = _known(loaded, given, names, config_flags, plugin_flags, github_flags, storage_flags, progress)
        result = run(
            loaded, known, paths, checks, excluded=given.exclude_warning, strict=given.strict, progress=progress
        )
        if known is not None and not known.config.plank.build_cluster_status_file:
            remembered.keep(kept, key, result)
    progress.done()
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print(report.rendered(result, given.format, version=prow.__version__, colours=colours))
    return FAILED if result.failed else 0


class Progress:
    """What is done now, on standard error: at a terminal one line, gone at the end; in a log a line from time to time."""

    def __init__(self, *, terminal: bool, now: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._now = now
        self._told = now()

    def __call__(self, what: str) -> None:
        if self._terminal:
            print(f"\r\x1b[K{what} …", end="", file=sys.stderr, flush=True)
        elif self._now() - self._told >= SILENCE:
            self._told = self._now()
            print(f"checkconfig: {what} …", file=sys.stderr, flush=True)

    def done(self) -> None:
        if self._terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _refuse(
    config_flags: groups.ConfigFlags,
    plugin_flags: PluginFlags,
    github_flags: GitHubFlags,
    given: CheckFlags,
    checks: Sequence[Check],
) -> None:
    """Flags that ask for what cannot be done, one line each."""
    alone = given.labels_config or given.autobumper_config
    if not config_flags.config_path and (not alone or config_flags.job_config_path or plugin_flags.plugin_config):
        raise UsageError("--config-path is required: give the path of config.yaml")
    names = {check.name for check in checks}
    groups.refuse_unsupported(config_flags, plugin_flags, github_flags)
    nobody = not (github_flags.github_token_path or github_flags.github_app_id)
    if plugin_flags.plugin_config and OWNERS_PRESENCE in names and nobody:
        raise UsageError(
            f"{OWNERS_PRESENCE} asks GitHub: give --github-token-path or --github-app-id, or leave it out by "
            f"--exclude-warning={OWNERS_PRESENCE}"
        )


def _own_folder(given: CheckFlags) -> str:
    """Where the checkout is. A path into `.prow/` means the folder around it."""
    if not given.prow_yaml_path:
        return "."
    if not given.prow_yaml_repo_name:
        raise UsageError("--prow-yaml-path needs --prow-yaml-repo-name: say whose file it is")
    folder = Path(given.prow_yaml_path).parent
    return str(folder.parent if folder.name == inrepo.DIRECTORY else folder)


def _known(
    loaded: Loaded,
    given: CheckFlags,
    names: set[str],
    config_flags: groups.ConfigFlags,
    plugin_flags: PluginFlags,
    github_flags: GitHubFlags,
    storage_flags: groups.StorageFlags,
    progress: Progress,
) -> Known | None:
    if loaded.config is None:
        return None
    found: list[Shard] = []
    if SHARD_HIERARCHY in names:
        own, plugins = config_flags.supplemental, plugin_flags.supplemental
        found += shards.config_shards(own.paths, own.suffix)
        found += shards.plugin_shards(plugins.paths, plugins.suffix)
    known = Known(
        config=loaded.config,
        plugins=loaded.plugins,
        required_annotations=given.required_job_annotations,
        unknown_keys=tuple(loaded.unknown_keys),
        unknown_in_jobs=tuple(loaded.unknown_in_jobs),
        shards=tuple(found),
        labels=loaded.labels,
    )
    of_github = APP_INSTALLATION in names or (OWNERS_PRESENCE in names and loaded.plugins is not None)
    of_clusters = CLUSTER_FIELD in names and loaded.config.plank.build_cluster_status_file
    if of_github or of_clusters:
        from prow.cli import checkconfig_asking as asking  # noqa: PLC0415 - most runs ask nobody

        if of_github:
            known = asyncio.run(asking.ask_github(known, github_flags, names, progress))
        if of_clusters:
            known = asyncio.run(asking.ask_for_clusters(known, storage_flags))
    return known
