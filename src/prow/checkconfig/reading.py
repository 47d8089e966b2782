"""Reads what is to be checked: config, jobs, plugins, a repository's own jobs. All that keeps them from loading, at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from prow.checkconfig.model import Finding, Level
from prow.checkconfig.places import told
from prow.checkconfig.warnings_jobs import rerun_problem
from prow.config import inrepo
from prow.config.cache import Cache
from prow.config.config import Config, JobConfig
from prow.config.decode import nearest
from prow.config.documents import Document, Findings, read, read_jobs
from prow.config.errors import ConfigError, ConfigErrors, Kind
from prow.config.file_kinds import PLUGINS
from prow.config.labels import LabelsFile
from prow.config.load import NO_SUPPLEMENTS as NO_CONFIG_SUPPLEMENTS
from prow.config.load import Loader
from prow.config.load_autobumper import assemble_autobumper
from prow.config.load_labels import assemble_labels, shared_names
from prow.config.load_plugins import NO_SUPPLEMENTS as NO_PLUGIN_SUPPLEMENTS
from prow.config.load_plugins import assemble_plugins, read_plugin_shards
from prow.config.plugins import PluginsConfig
from prow.config.supplemental import Supplements, read_folders
from prow.lib import regex
from prow.lib.goyaml import Path as Steps

CONFIG, PLUGIN_CONFIG, IN_REPO = "config", "plugin-config", "in-repo-config"
LABELS_CONFIG, AUTOBUMPER_CONFIG = "labels-config", "autobumper-config"
UNKNOWN_PLUGIN, UNKNOWN_FIELDS = "unknown-plugin", "unknown-fields"
# What the original does not tell at all.
_NOTES = {Kind.DUPLICATE: "duplicate-keys", Kind.RULE: "pitfalls"}
_LOOSE = ("plugins", "config_updater")
"""Sections where upstream's strict reading does not look, so that `--strict` must not fail there."""

Progress = Callable[[str], None]


class Paths(msgspec.Struct, frozen=True, kw_only=True):
    """What to read. `own_repo`: check the jobs that this `org/repo` keeps itself, in the folder `own_folder`. `config` empty:
    labels and autobumpers alone."""

    config: str
    jobs: str = ""
    plugins: str = ""
    own_repo: str = ""
    own_folder: str = "."
    supplemental: Supplements = NO_CONFIG_SUPPLEMENTS
    supplemental_plugins: Supplements = NO_PLUGIN_SUPPLEMENTS
    labels: str = ""
    autobumpers: tuple[str, ...] = ()


class Loaded(msgspec.Struct, kw_only=True):
    """`config` None: it does not load, `findings` says why; or nobody asked for it."""

    config: Config | None = None
    plugins: PluginsConfig | None = None
    labels: LabelsFile | None = None
    findings: list[Finding] = []
    unknown_keys: list[ConfigError] = []
    unknown_in_jobs: list[ConfigError] = []


def read_all(paths: Paths, *, strict_own: bool = False, cache: Cache | None = None, progress: Progress) -> Loaded:
    """`strict_own`: unknown keys in a repository's own jobs are errors."""
    loaded = Loaded()
    for file in (paths.labels, *paths.autobumpers):
        if file:
            progress(f"reading {file}")
            _read_beside(file, loaded, labels=file == paths.labels)
    if paths.config:
        _read_config(paths, loaded, strict_own=strict_own, cache=cache, progress=progress)
    return loaded


def _read_beside(file: str, loaded: Loaded, *, labels: bool) -> None:
    """A file that no component of Prow reads; what is odd about it are warnings, since somebody has asked."""
    name = LABELS_CONFIG if labels else AUTOBUMPER_CONFIG
    findings = Findings()
    try:
        document = read(file, what=f"--{name}", inflate=False)
        if labels:
            loaded.labels = assemble_labels(document, findings)
            loaded.findings += [
                told(name, document.error(path, text), Level.NOTE) for path, text in shared_names(loaded.labels)
            ]
        else:
            assemble_autobumper(document, findings, skip_pull_request=None, app=None)
    except ConfigError as error:
        loaded.findings += _errors(name, error)
    loaded.findings += [
        _noted(odd) if odd.kind is Kind.DUPLICATE else told(name, odd, Level.WARNING) for odd in findings.warnings
    ]


def _read_config(paths: Paths, loaded: Loaded, *, strict_own: bool, cache: Cache | None, progress: Progress) -> None:
    progress(f"reading {paths.config}" + (f" and the jobs in {paths.jobs}" if paths.jobs else ""))
    loader = Loader(paths.config, paths.jobs, supplemental=paths.supplemental, cache=cache)
    try:
        loaded.config = loader.load()
    except ConfigError as error:
        loaded.findings += _errors(CONFIG, error)
        loaded.findings += map(_noted, _unread(paths))
    shards = tuple(f"{folder.rstrip('/')}/" for folder in paths.supplemental.paths)
    for warning in loader.warnings if loaded.config is not None else ():
        if warning.kind in _NOTES or warning.file.startswith(shards):
            loaded.findings.append(_noted(warning))
        else:
            (loaded.unknown_keys if warning.file == paths.config else loaded.unknown_in_jobs).append(warning)
    if paths.plugins:
        progress(f"reading {paths.plugins}")
        _read_plugins(paths.plugins, paths.supplemental_plugins, loaded)
    if paths.own_repo and loaded.config is not None:
        progress(f"reading the jobs of {paths.own_repo}")
        loaded.findings += own_jobs(loaded.config, paths.own_repo, paths.own_folder, strict=strict_own)


def _noted(odd: ConfigError) -> Finding:
    """A key that counts for nothing, where the original does not mind."""
    return told(_NOTES.get(odd.kind, UNKNOWN_FIELDS), odd, Level.NOTE)


def _errors(name: str, error: ConfigError) -> list[Finding]:
    found = error.errors if isinstance(error, ConfigErrors) else (error,)
    return [told(name, each, Level.ERROR) for each in found]


def _unread(paths: Paths) -> list[ConfigError]:
    """Unknown keys of a configuration that does not load: often they are why."""
    findings = Findings()
    try:
        read(paths.config, what="--config-path").decode(Config, findings, coerce=False)
        for document in read_jobs(paths.jobs, findings) if paths.jobs else ():
            document.decode(JobConfig, findings, coerce=True)
    except ConfigError:
        pass  # said already
    return findings.warnings


def _read_plugins(file: str, folders: Supplements, loaded: Loaded) -> None:
    findings = Findings()
    try:
        document = read(file, what="--plugin-config", inflate=False)
        shards = read_plugin_shards(folders, findings)
        loaded.plugins = assemble_plugins(document, findings, shards=shards)
    except ConfigError as error:
        loaded.findings += _errors(PLUGIN_CONFIG, error)
        return
    for warning in findings.warnings:
        if warning.kind in _NOTES or warning.file != file or warning.path.partition(".")[0] in _LOOSE:
            loaded.findings.append(_noted(warning))
        else:
            loaded.unknown_keys.append(warning)
    for each in (document, *shards):
        loaded.findings += unknown_plugins(each)


def unknown_plugins(document: Document) -> Iterator[Finding]:
    """Names that upstream has no plugin for either. What is not built here is known all the same."""
    listed = document.tree.get("plugins") if isinstance(document.tree, dict) else None
    for key, entry in listed.items() if isinstance(listed, dict) else ():
        names = entry.get("plugins") if isinstance(entry, dict) else entry
        for index, name in enumerate(names or ()):
            if name in PLUGINS:
                continue
            near = nearest(name, PLUGINS)
            path: Steps = ("plugins", key, *(("plugins",) if isinstance(entry, dict) else ()), index)
            message = f"unknown plugin {name!r}" + (f"; did you mean {near!r}?" if near else "")
            yield replace(told(UNKNOWN_PLUGIN, document.error(path, message), Level.ERROR), hint=near)


def names(folders: Supplements) -> list[str]:
    """The supplemental files of these folders, which the loader has read already."""
    documents = read_folders(
        folders, Findings(), what="a supplemental config", read_one=lambda file: Document(file, b"")
    )
    return [document.name for document in documents]


def own_jobs(config: Config, name: str, folder: str, *, strict: bool) -> list[Finding]:
    """What is wrong with the jobs that a repository keeps itself, in a checkout of it."""
    org, _, repo = name.partition("/")
    try:
        jobs = inrepo.read_in_repo(own_files(folder), config, org=org, repo=repo, strict=strict)
    except ConfigError as error:
        return [_below(folder, finding) for finding in _errors(IN_REPO, error)]
    found = [_below(folder, _noted(odd)) for odd in jobs.warnings]
    rule = config.gerrit.allowed_presubmit_trigger_re
    allowed = regex.compile(rule) if rule else None
    for job in jobs.presubmits:
        if allowed is not None and not allowed.matches(job.rerun_command):
            place = ConfigError(rerun_problem(job, rule), file=job.source.file, line=job.source.line)
            found.append(_below(folder, told(IN_REPO, place, Level.ERROR)))
    return found


def own_files(folder: str) -> dict[str, bytes]:
    """In-repo config as it lies in a checkout: path → content. Links are not followed out of it."""
    top = Path(folder)
    names = [inrepo.FILE, inrepo.IGNORE_FILE, inrepo.DIRECTORY]
    for below, _, files in os.walk(top / inrepo.DIRECTORY):
        names += [str((Path(below) / file).relative_to(top)) for file in files]
    root = top.resolve()
    found = {}
    for name in sorted(names):
        file = (top / name).resolve()
        if file.is_file() and file.is_relative_to(root):
            if file.stat().st_size > inrepo.MAX_FILE:
                raise ConfigError(f"larger than {inrepo.MAX_FILE} bytes", file=name)
            found[name] = file.read_bytes()
    return found


def _below(folder: str, finding: Finding) -> Finding:
    return replace(finding, file=os.path.normpath(Path(folder) / finding.file))
