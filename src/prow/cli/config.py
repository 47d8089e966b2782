"""`prow config`: the effective configuration, where its values come from, and what differs between two of them."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec

from prow.cli import groups
from prow.cli.loading import check_format, check_repo, loaded, yaml
from prow.config.config import Config
from prow.config.difference import ADDED, CHANGED, REMOVED, Difference, JobChange, Setting, difference
from prow.config.documents import Document, Findings, read, read_jobs
from prow.config.job import Brancher, JobBase
from prow.config.load_plugins import load_plugins
from prow.config.plugins import PluginsConfig
from prow.config.provenance import Origins, Part, PlainOrigins
from prow.config.serialize import tree
from prow.config.supplemental import Supplements, read_folders
from prow.config.value_paths import find, parse, spell
from prow.lib import flags
from prow.lib.errors import UsageError
from prow.lib.goyaml import Path
from prow.model.base import to_json

DIFFERENT = 1
_WIDEST = 60
_SIGNS = {ADDED: "+", REMOVED: "-", CHANGED: "~"}
_MANY, _SHOWN = 10, 3
"""So many jobs with the same change are told together, and so many of them by name."""


class PluginsPath(groups.PluginFlags):
    plugin_config: str = flags.flag("plugin-config", "", "Path to plugins.yaml; without --config-path it is shown.")


class ShowFlags(flags.FlagGroup):
    job: str = flags.flag("job", "", "Name of a job: show it as it takes effect.")
    repo: str = flags.flag("repo", "", "org/repo of the job, where the name alone does not tell.")
    branch: str = flags.flag("branch", "", "Branch that the job is for, where jobs of several have the name.")
    format: str = flags.flag("format", "yaml", "yaml, as upstream writes it, or json.")


class ExplainFlags(flags.FlagGroup):
    job: str = flags.flag("job", "", "Name of a job: the path is below it.")
    repo: str = flags.flag("repo", "", "org/repo of the job, where the name alone does not tell.")
    branch: str = flags.flag("branch", "", "Branch that the job is for, where jobs of several have the name.")
    format: str = flags.flag("format", "text", "text or json.")


class OldFlags(flags.FlagGroup):
    old_config_path: str = flags.flag("old-config-path", "", "Path to the other config.yaml (required).")
    old_job_config_path: str = flags.flag("old-job-config-path", "", "Path to the other job file or folder.")
    old_plugin_config: str = flags.flag("old-plugin-config", "", "Path to the other plugins.yaml.")
    old_supplemental_prow_config_dir: tuple[str, ...] = flags.flag(
        "old-supplemental-prow-config-dir", (), "Folder with further files of the other config; may be repeated."
    )
    old_supplemental_plugin_config_dir: tuple[str, ...] = flags.flag(
        "old-supplemental-plugin-config-dir", (), "Folder with further plugin files of the other; may be repeated."
    )
    format: str = flags.flag("format", "text", "text or json.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
def command() -> None:
    """Show the effective config, say where values come from, compare two configs."""


@command.command("show", cls=flags.GoCommand)
@click.argument("path", required=False, default="")
@flags.group(groups.ConfigFlags)
@flags.group(PluginsPath)
@flags.group(ShowFlags, name="given")
def show(path: str, config_flags: groups.ConfigFlags, plugins_path: PluginsPath, given: ShowFlags) -> None:
    """Print the effective config, or the value at PATH: defaults, presets and decoration are in it.

    \b
    A PATH is written as in  tide.queries[0].labels  or  presubmits["org/repo"][2].
    """
    check_format(given.format, ("yaml", "json"))
    root = _root(config_flags, plugins_path)
    _, start = _start(root, given)
    _, value = find(start, parse(path))
    data = tree(value)
    print(json.dumps(data, indent=2, ensure_ascii=False) if given.format == "json" else yaml(data).rstrip("\n"))


@command.command("explain", cls=flags.GoCommand)
@click.argument("path", required=False, default="")
@flags.group(groups.ConfigFlags)
@flags.group(PluginsPath)
@flags.group(ExplainFlags, name="given")
def explain(path: str, config_flags: groups.ConfigFlags, plugins_path: PluginsPath, given: ExplainFlags) -> None:
    """Print the effective value at PATH, each part with where it comes from: file:line:column, a preset, or a default."""
    check_format(given.format)
    if not path and not given.job:
        raise UsageError("give a PATH such as plank or tide.queries[0], or --job=NAME")
    root = _root(config_flags, plugins_path)
    base, start = _start(root, given)
    below, value = find(start, parse(path))
    parts = list(_origins(root, config_flags, plugins_path).parts((*base, *below), value))
    print("\n".join(_explained(parts, base)) if given.format == "text" else _parts_json(parts))


@command.command("diff", cls=flags.GoCommand)
@flags.group(groups.ConfigFlags)
@flags.group(PluginsPath)
@flags.group(OldFlags, name="old")
def diff(config_flags: groups.ConfigFlags, plugins_path: PluginsPath, old: OldFlags) -> int:
    """Print what changes from the old config to the new one: jobs and settings, as they take effect.

    \b
    Exit codes: 0 the same, 1 different, 2 one of them does not load.
    """
    check_format(old.format)
    if not old.old_config_path:
        raise UsageError("--old-config-path is required: give the path of the config to compare with")
    before = groups.ConfigFlags(
        config_path=old.old_config_path,
        job_config_path=old.old_job_config_path,
        supplemental_prow_config_dir=old.old_supplemental_prow_config_dir,
        supplemental_prow_configs_filename_suffix=config_flags.supplemental.suffix,
    )
    plugins_before = PluginsPath(
        plugin_config=old.old_plugin_config,
        supplemental_plugin_config_dir=old.old_supplemental_plugin_config_dir,
        supplemental_plugin_configs_filename_suffix=plugins_path.supplemental.suffix,
    )
    found = difference(loaded(before), loaded(config_flags), _plugins(plugins_before), _plugins(plugins_path))
    if old.format == "json":
        print(to_json(found).decode())
    else:
        print("\n".join(_difference_text(found)))
    return DIFFERENT if found else 0


def _root(config_flags: groups.ConfigFlags, plugins_path: PluginsPath) -> Config | PluginsConfig:
    if plugins_path.plugin_config and not config_flags.config_path:
        return load_plugins(plugins_path.plugin_config, supplemental=plugins_path.supplemental)
    return loaded(config_flags)


def _plugins(given: PluginsPath) -> PluginsConfig | None:
    return load_plugins(given.plugin_config, supplemental=given.supplemental) if given.plugin_config else None


def _origins(
    root: Config | PluginsConfig, config_flags: groups.ConfigFlags, plugins_path: PluginsPath
) -> Origins | PlainOrigins:
    if isinstance(root, PluginsConfig):
        main = read(plugins_path.plugin_config, what="--plugin-config", inflate=False)
        return PlainOrigins([main, *_shards(plugins_path.supplemental, inflate=False)])
    jobs = read_jobs(config_flags.job_config_path, Findings()) if config_flags.job_config_path else []
    main = read(config_flags.config_path, what="--config-path")
    return Origins(root, main, jobs, _shards(config_flags.supplemental, inflate=True))


def _shards(folders: Supplements, *, inflate: bool) -> list[Document]:
    what = "a supplemental config"
    return read_folders(folders, Findings(), what=what, read_one=lambda file: read(file, what=what, inflate=inflate))


def _start(root: Config | PluginsConfig, given: ShowFlags | ExplainFlags) -> tuple[Path, Any]:
    """Where paths begin: at the top, or at a job."""
    name, repo, branch = given.job, given.repo, given.branch
    if not name:
        if repo or branch:
            raise UsageError("--repo and --branch need --job: say which job is meant")
        return (), root
    if isinstance(root, PluginsConfig):
        raise UsageError("--job needs --config-path")
    if repo:
        check_repo(repo)
    found = [(path, job) for path, job in _placed(root) if job.name == name and _is_for(job, path, repo, branch)]
    if not found:
        near = difflib.get_close_matches(name, {job.name for _, job in root.all_jobs()}, n=1)
        where = (f" in {repo}" if repo else "") + (f" for {branch}" if branch else "")
        raise UsageError(f"there is no job {name}{where}" + (f"; did you mean {near[0]}?" if near else ""))
    if len(found) > 1:
        places = "\n".join(
            f"  {spell(path)}  {job.source.file}:{job.source.line}{_branches(job)}" for path, job in found
        )
        raise UsageError(f"{len(found)} jobs are named {name}; give --repo, --branch, or one of these paths:\n{places}")
    return found[0]


def _is_for(job: JobBase, path: Path, repo: str, branch: str) -> bool:
    of_branch = not branch or not isinstance(job, Brancher) or job.runs_on_branch(branch)
    return of_branch and (not repo or path[1] == repo)


def _branches(job: JobBase) -> str:
    if not isinstance(job, Brancher) or not (job.branches or job.skip_branches):
        return ""
    return f"  on {'|'.join(job.branches) or 'all'}" + (
        f" not {'|'.join(job.skip_branches)}" if job.skip_branches else ""
    )


def _placed(config: Config) -> Iterator[tuple[Path, JobBase]]:
    by_repo: tuple[tuple[str, Any], ...] = (("presubmits", config.presubmits), ("postsubmits", config.postsubmits))
    for kind, listed in by_repo:
        for repo, jobs in listed.items():
            yield from (((kind, repo, index), job) for index, job in enumerate(jobs))
    yield from ((("periodics", index), job) for index, job in enumerate(config.periodics))


def _explained(parts: Sequence[Part], base: Path) -> Iterator[str]:
    """Paths begin at the job, if there is one."""
    if base:
        yield f"{spell(base)}:"
    texts = [f"{spell(part.path[len(base) :])}: {_short(part.value)}" for part in parts]
    width = min(max(map(len, texts), default=0), _WIDEST)
    for text, part in zip(texts, parts, strict=True):
        yield f"{text:{width}}  # {part.origin}"


def _parts_json(parts: Sequence[Part]) -> str:
    told = [
        {"path": spell(part.path), "value": part.value, "origin": msgspec.to_builtins(part.origin)} for part in parts
    ]
    return json.dumps(told, ensure_ascii=False)


def _short(value: Any) -> str:
    return "-" if value is None else json.dumps(value, ensure_ascii=False)


def _difference_text(found: Difference) -> Iterator[str]:
    if not found:
        yield "The same."
        return
    alike: dict[bytes, list[JobChange]] = {}
    for job in found.jobs:
        alike.setdefault(to_json(job.settings), []).append(job)
    told: set[bytes] = set()
    for job in found.jobs:
        same = to_json(job.settings)
        if job.change == CHANGED and len(alike[same]) >= _MANY:
            yield from _together(alike[same]) if same not in told else ()
            told.add(same)
        else:
            yield f"{_SIGNS[job.change]} {_job_text(job)}"
            yield from _settings_text(job.settings, "    ")
    for title, settings in (("Settings:", found.settings), ("Plugins:", found.plugins)):
        if settings:
            yield title
            yield from _settings_text(settings, "    ")
    counts = {change: sum(job.change == change for job in found.jobs) for change in _SIGNS}
    numbers = ", ".join(f"{count} {change}" for change, count in counts.items())
    yield f"Jobs: {numbers}. Settings: {len(found.settings) + len(found.plugins)} changed."


def _together(jobs: Sequence[JobChange]) -> Iterator[str]:
    """Many jobs with one and the same change."""
    yield f"~ {len(jobs)} jobs"
    yield from _settings_text(jobs[0].settings, "    ")
    yield from (f"      {_job_text(job)}" for job in jobs[:_SHOWN])
    yield f"      and {len(jobs) - _SHOWN} more; --format=json names all"


def _job_text(job: JobChange) -> str:
    branches = f" on {'|'.join(job.branches)}" if job.branches else ""
    return f"{job.type} {job.repo + ' ' if job.repo else ''}{job.name}{branches}  # {job.source}"


def _settings_text(settings: Sequence[Setting], indent: str) -> Iterator[str]:
    for setting in settings:
        if setting.old is None:
            yield f"{indent}+ {setting.path}: {_short(setting.new)}"
        elif setting.new is None:
            yield f"{indent}- {setting.path}: {_short(setting.old)}"
        else:
            yield f"{indent}~ {setting.path}: {_short(setting.old)} -> {_short(setting.new)}"
