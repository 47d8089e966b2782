"""Supplemental files: what each has settings for, and whether it lies where those belong (`spec/config` §7.3)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from prow.checkconfig.model import Known, Problem, Shard, in_file
from prow.config.branch_protection import Policy
from prow.config.bugzilla_options import BugzillaOptions
from prow.config.config import Config
from prow.config.documents import Document, Findings, read
from prow.config.errors import ConfigError
from prow.config.plugin_options import LabelConfig
from prow.config.plugins import PluginsConfig

S = TypeVar("S", bound=msgspec.Struct)

_ORG, _REPO = 2, 3


def shard_hierarchy(known: Known) -> Iterator[Problem]:
    """`ORG/file` has settings of that org alone, `ORG/REPO/file` of that repository; at the top anything may lie. Pure."""
    for shard in known.shards:
        wrong = _misplaced(shard)
        if wrong:
            yield Problem(wrong, in_file(shard.file))


def _misplaced(shard: Shard) -> str:
    steps = len(shard.steps)
    if steps < _ORG:
        return ""
    if steps > _REPO:
        return f"too deep below {shard.root}: put it into ORG/ or ORG/REPO/"
    if shard.broken:
        return shard.broken
    name = "/".join(shard.steps[:-1])
    own = ({name}, set()) if steps == _ORG else (set(), {name})
    others = sorted({*(shard.orgs - own[0]), *(shard.repos - own[1])})
    if shard.whole:
        others.insert(0, "everything")
    if others:
        return f"a file in this folder may have settings for {name} alone; it has some for {', '.join(others)}"
    return "" if shard.orgs | shard.repos else f"a file in this folder must have settings for {name}; it has none"


def config_shards(folders: Iterable[str], suffix: str) -> Iterator[Shard]:
    for file, root, steps in _files(folders, suffix):
        try:
            document = read(file, what="a supplemental config")
            config = _decoded(document, Config, coerce=False)
        except ConfigError as error:
            yield Shard(file, root, steps, broken=error.message)
        else:
            yield Shard(file, root, steps, *config_scope(config))


def plugin_shards(folders: Iterable[str], suffix: str) -> Iterator[Shard]:
    for file, root, steps in _files(folders, suffix) if suffix else ():
        try:
            document = read(file, what="a supplemental plugin config", inflate=False)
            plugins = _decoded(document, PluginsConfig, coerce=True)
        except ConfigError as error:
            yield Shard(file, root, steps, broken=error.message)
        else:
            yield Shard(file, root, steps, *plugins_scope(plugins))


def _decoded(document: Document, kind: type[S], *, coerce: bool) -> S:
    findings = Findings()
    value = document.decode(kind, findings, coerce=coerce)
    findings.check()
    return value or kind()


def _files(folders: Iterable[str], suffix: str) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for root in folders:
        for folder, below, files in os.walk(root):
            below[:] = sorted(name for name in below if not name.startswith(".."))
            for name in sorted(files):
                path = Path(folder) / name
                if not name.startswith("..") and str(path).endswith(suffix):
                    yield str(path), root, path.relative_to(root).parts


def config_scope(config: Config) -> tuple[bool, frozenset[str], frozenset[str]]:
    """Whether it has settings for everything, for which orgs, for which repositories."""
    protection, tide = config.branch_protection, config.tide
    empty = Config()
    rest = replace(
        config,
        branch_protection=empty.branch_protection,
        slack_reporter_configs={},
        tide=replace(tide, merge_method={}, queries=()),
    )
    whole = (
        rest != empty or replace(protection, orgs={}) != empty.branch_protection or "*" in config.slack_reporter_configs
    )
    names = {*tide.merge_method, *config.slack_reporter_configs} - {"*"}
    names |= {name for query in tide.queries for name in (*query.orgs, *query.repos)}
    for org, of_org in protection.orgs.items():
        if any(getattr(of_org, field) != getattr(Policy(), field) for field in Policy.__struct_fields__):
            names.add(org)
        names |= {f"{org}/{repo}" for repo in of_org.repos}
    return whole, *_sorted_out(names)


def plugins_scope(config: PluginsConfig) -> tuple[bool, frozenset[str], frozenset[str]]:
    """The same of a plugin file."""
    rest = replace(
        config,
        approve=(),
        bugzilla=BugzillaOptions(),
        external_plugins={},
        label=replace(config.label, restricted_labels={}),
        lgtm=(),
        plugins={},
        triggers=(),
        welcome=(),
    )
    bugzilla: Mapping[str, object] = msgspec.to_builtins(config.bugzilla)
    whole = (
        rest != PluginsConfig()
        or config.label.additional_labels != LabelConfig().additional_labels
        or "*" in config.label.restricted_labels
        or bool(bugzilla.get("default"))
    )
    names = {*config.plugins, *config.external_plugins, *config.label.restricted_labels} - {"*"}
    for entry in (*config.approve, *config.lgtm, *config.triggers, *config.welcome):
        names.update(entry.repos)
    orgs = bugzilla.get("orgs")
    for org, of_org in orgs.items() if isinstance(orgs, dict) else ():
        if of_org.get("default"):
            names.add(org)
        names |= {f"{org}/{repo}" for repo in of_org.get("repos") or {}}
    return whole, *_sorted_out(names)


def _sorted_out(names: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Orgs, and repositories (also `org/repo@branch`)."""
    listed = set(names)
    repos = {name for name in listed if "/" in name}
    return frozenset(listed - repos), frozenset(repos)
