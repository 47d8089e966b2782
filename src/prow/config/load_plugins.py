"""From plugins.yaml to a valid `PluginsConfig` (`spec/config` §4.2). Synchronous; for the event loop there is `agent`.

A plugin that is enabled but not built is one warning; that upstream knows the name or not makes no difference here.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from prow.config.documents import Document, Findings, content_hash, read
from prow.config.plugin_options import (
    RELEASE_BRANCHES,
    SIG_MENTION,
    BlunderbussConfig,
    ConfigUpdater,
    ForRepos,
    PartitionedMap,
    TriggerConfig,
)
from prow.config.plugins import PluginsConfig, set_origin
from prow.config.supplemental import PLUGINS_SUFFIX, Supplements, add_to_plugins, decode_addition, read_folders
from prow.config.validate_job import Finding
from prow.lib import durations, regex
from prow.lib.durations import DurationError
from prow.lib.goyaml import Path

S = TypeVar("S", bound=msgspec.Struct)

HELP_GUIDELINES = "https://git.k8s.io/community/contributors/guide/help-wanted.md"
RELEASE_NOTE_GUIDELINES = "https://git.k8s.io/community/contributors/guide/release-notes.md"
WAIT_DESCRIPTION = (
    r"Not mergeable. (PullRequest is missing sufficient approving GitHub review\(s\)"
    r"|Needs (lgtm|approved|approved, lgtm) labels?)\.?"
)
_CHECK_NAMES = frozenset({"fixupPrefix", "issueClosingKeywords"})
_MAX_PARTITIONS = 256
NO_SUPPLEMENTS = Supplements(suffix=PLUGINS_SUFFIX)


def load_plugins(
    path: str | os.PathLike[str],
    *,
    supplemental: Supplements = NO_SUPPLEMENTS,
    built: Collection[str] | None = None,
    strict: bool = False,
) -> PluginsConfig:
    """plugins.yaml with its supplemental files. `built`: names of the plugins of this build, None: do not ask. Raises
    ConfigError."""
    findings = Findings(strict=strict)
    main = read(path, what="--plugin-config", inflate=False)
    return assemble_plugins(main, findings, shards=read_plugin_shards(supplemental, findings), built=built)


def read_plugin_shards(folders: Supplements, findings: Findings) -> list[Document]:
    """The supplemental files. Raises ConfigError when there is no such folder."""

    def read_one(file: str) -> Document:
        return read(file, what="a supplemental plugin config", inflate=False)

    return read_folders(folders, findings, what="--supplemental-plugin-config-dir", read_one=read_one)


def assemble_plugins(
    document: Document,
    findings: Findings,
    *,
    shards: Sequence[Document] = (),
    built: Collection[str] | None = None,
) -> PluginsConfig:
    """Of texts that are read already. Raises ConfigError."""
    config = document.decode(PluginsConfig, findings, coerce=True) or PluginsConfig()
    blamed = [(document, config)]
    for shard in shards:
        addition = decode_addition(shard, PluginsConfig, findings)
        if addition is not None:
            config = add_to_plugins(config, shard, addition, findings)
            blamed.append((shard, addition))
    findings.check()
    seen = set()
    for owner, part in blamed:
        for where, wrong in plugin_problems(part):
            findings.wrong(owner, where, wrong)
            seen.add(wrong)
    for where, wrong in plugin_problems(config) if len(blamed) > 1 else ():
        if wrong not in seen:
            findings.wrong(document, where[:2], f"together with the supplemental files: {wrong}")
    findings.check()
    if built is not None:
        _note_missing(document, findings, config, built)
    config = finish_plugins(config)
    set_origin(config, hash=content_hash([document, *shards]), warnings=findings.texts())
    return config


def _note_missing(document: Document, findings: Findings, config: PluginsConfig, built: Collection[str]) -> None:
    missing = sorted(config.enabled_plugins() - set(built))
    if not missing:
        return
    first = next(key for key, entry in config.plugins.items() if missing[0] in entry.plugins)
    names = ", ".join(missing)
    findings.warn(document, ("plugins", first), f"enabled, but not part of this build, so they do nothing: {names}")


def finish_plugins(config: PluginsConfig) -> PluginsConfig:
    """Every default filled in."""
    external = {
        key: tuple(replace(each, endpoint=each.endpoint or f"http://{each.name}") for each in plugins)
        for key, plugins in config.external_plugins.items()
    }
    labels = config.owners.labels_denylist
    return replace(
        config,
        external_plugins=external,
        owners=replace(config.owners, labels_denylist=("approved", "lgtm") if labels is None else labels),
        blunderbuss=_blunderbuss(config.blunderbuss),
        rifle=_blunderbuss(config.rifle),
        cherry_pick_approved=tuple(_branches(each) for each in config.cherry_pick_approved),
        cherry_pick_unapproved=_branches(config.cherry_pick_unapproved),
        config_updater=_updater(config.config_updater),
        help=replace(config.help, help_guidelines_url=config.help.help_guidelines_url or HELP_GUIDELINES),
        release_note=replace(
            config.release_note, guidelines_url=config.release_note.guidelines_url or RELEASE_NOTE_GUIDELINES
        ),
        require_matching_label=tuple(
            replace(each, grace_period=each.grace_period or "5s") for each in config.require_matching_label
        ),
        sigmention=replace(config.sigmention, regexp=config.sigmention.regexp or SIG_MENTION),
        triggers=tuple(_trigger(each) for each in config.triggers),
    )


def _branches(config: S) -> S:
    return config if getattr(config, "branchregexp", "") else replace(config, branchregexp=RELEASE_BRANCHES)


def _blunderbuss(config: BlunderbussConfig) -> BlunderbussConfig:
    wait = config.wait_for_status
    if wait is not None:
        wait = replace(
            wait,
            context=wait.context or "tide",
            state=wait.state or "pending",
            description=wait.description or WAIT_DESCRIPTION,
        )
    count = 2 if config.request_count is None else config.request_count
    return replace(config, request_count=count, wait_for_status=wait)


def _trigger(config: TriggerConfig) -> TriggerConfig:
    if config.trusted_org and not config.join_org_url:
        return replace(config, join_org_url=f"https://github.com/orgs/{config.trusted_org}/people")
    return config


def _updater(config: ConfigUpdater) -> ConfigUpdater:
    maps = config.maps or {
        "config/prow/config.yaml": PartitionedMap(name="config"),
        "config/prow/plugins.yaml": PartitionedMap(name="plugins"),
    }
    resolved = {}
    for key, entry in maps.items():
        if entry.cluster_groups:
            clusters: dict[str, tuple[str, ...]] = {}
            for name in entry.cluster_groups:
                group = config.cluster_groups[name]
                for cluster in group.clusters:
                    clusters[cluster] = (*clusters.get(cluster, ()), *group.namespaces)
            # Upstream rebuilds such an entry from these fields alone.
            resolved[key] = PartitionedMap(
                name=entry.name,
                partitioned_names=entry.partitioned_names,
                key=entry.key,
                gzip=entry.gzip,
                clusters=clusters,
            )
        else:
            resolved[key] = entry if entry.clusters else replace(entry, clusters={"default": ("",)})
    return replace(config, maps=resolved, cluster_groups={})


def plugin_problems(config: PluginsConfig) -> Iterator[Finding]:
    """What is wrong with plugins.yaml. Pure."""
    yield from _pattern_problems(config)
    yield from _duplicates(
        "plugins",
        {key: entry.plugins for key, entry in config.plugins.items()},
        {key: entry.excluded_repos for key, entry in config.plugins.items()},
    )
    external = {key: tuple(each.name for each in plugins) for key, plugins in config.external_plugins.items()}
    yield from _duplicates("external_plugins", external, {})
    for name in ("blunderbuss", "rifle"):
        count = getattr(config, name).request_count
        if count is not None and count < 1:
            yield (name, "request_count"), f"request_count {count} must be at least 1"
    yield from _exclusive_reviewers(config)
    yield from _updater_problems(config.config_updater)
    size = config.size
    if not size.s <= size.m <= size.l <= size.xl <= size.xxl:
        yield ("size",), "the sizes s, m, l, xl, xxl must not get smaller"
    yield from _label_problems(config)
    yield from _project_problems(config)
    for key, entries in (("approve", config.approve), ("welcome", config.welcome)):
        yield from _listed_twice(key, entries)
    yield from _listed_twice("invalid_commit_msg", config.invalid_commit_msg)
    for index, entry in enumerate(config.invalid_commit_msg):
        for position, check in enumerate(entry.checks):
            if check.name not in _CHECK_NAMES:
                yield (
                    ("invalid_commit_msg", index, "checks", position),
                    f"the check {check.name!r} must be {' or '.join(sorted(_CHECK_NAMES))}",
                )
        for position, repo in enumerate(entry.repos):
            if not repo.strip():
                yield ("invalid_commit_msg", index, "repos", position), "an org or org/repo is missing"


def _pattern_problems(config: PluginsConfig) -> Iterator[Finding]:
    patterns: list[tuple[Path, str]] = [
        (("sigmention", "regexp"), config.sigmention.regexp),
        (("heart", "commentregexp"), config.heart.commentregexp),
        (("cherry_pick_unapproved", "branchregexp"), config.cherry_pick_unapproved.branchregexp),
    ]
    for index, cherry in enumerate(config.cherry_pick_approved):
        patterns.append((("cherry_pick_approved", index, "branchregexp"), cherry.branchregexp))
    for index, blockade in enumerate(config.blockades):
        patterns.append((("blockades", index, "branchregexp"), blockade.branchregexp or ""))
    for index, label in enumerate(config.require_matching_label):
        patterns.append((("require_matching_label", index, "regexp"), label.regexp))
    for name in ("blunderbuss", "rifle"):
        wait = getattr(config, name).wait_for_status
        patterns.append(((name, "wait_for_status", "description"), wait.description if wait else ""))
    for path, pattern in patterns:
        if wrong := regex.check(pattern):
            yield path, f"not a regular expression (RE2): {wrong}"


def _duplicates(
    section: str, by_key: Mapping[str, Sequence[str]], excluded: Mapping[str, Sequence[str]]
) -> Iterator[Finding]:
    for key, names in by_key.items():
        org, slash, repo = key.partition("/")
        if not slash or repo in excluded.get(org, ()):
            continue
        both = sorted(set(names) & set(by_key.get(org, ())))
        if both:
            yield (section, key), f"{', '.join(both)}: enabled for {org} already"


def _exclusive_reviewers(config: PluginsConfig) -> Iterator[Finding]:
    for key, entry in config.plugins.items():
        org = key.partition("/")[0]
        names = {*entry.plugins, *(config.plugins[org].plugins if org != key and org in config.plugins else ())}
        if {"blunderbuss", "rifle"} <= names:
            yield ("plugins", key), "blunderbuss and rifle exclude each other"


def _updater_problems(config: ConfigUpdater) -> Iterator[Finding]:
    seen: set[tuple[str, str, str, str]] = set()
    for pattern, entry in config.maps.items():
        path: Path = ("config_updater", "maps", pattern)
        if entry.name and entry.partitioned_names:
            yield path, "name and partitioned_names exclude each other"
        if len(entry.partitioned_names) > _MAX_PARTITIONS:
            yield path, f"more than {_MAX_PARTITIONS} partitioned_names"
        if entry.clusters and entry.cluster_groups:
            yield path, "clusters and cluster_groups exclude each other"
        unknown = [group for group in entry.cluster_groups if group not in config.cluster_groups]
        for group in unknown:
            yield (*path, "cluster_groups"), f"the cluster group {group!r} is not defined"
        places = dict(entry.clusters)
        for group in entry.cluster_groups:
            if group not in unknown:
                places |= dict.fromkeys(config.cluster_groups[group].clusters, config.cluster_groups[group].namespaces)
        key = entry.key or pattern.rpartition("/")[2]
        for name in entry.partitioned_names or (entry.name,):
            for cluster, namespaces in (places or {"default": ("",)}).items():
                for namespace in namespaces:
                    target = (cluster, namespace, name, key)
                    if target in seen:
                        yield path, f"the key {key!r} of the ConfigMap {name!r} is written by another entry too"
                    seen.add(target)


def _label_problems(config: PluginsConfig) -> Iterator[Finding]:
    for index, entry in enumerate(config.require_matching_label):
        path: Path = ("require_matching_label", index)
        if not entry.org:
            yield path, "org is missing"
        if not entry.regexp:
            yield path, "regexp is missing"
        if not entry.missing_label:
            yield path, "missing_label is missing"
        if not (entry.prs or entry.issues):
            yield path, "prs or issues must be true"
        if entry.branch and not entry.prs:
            yield (*path, "branch"), "branch needs prs: true"
        if entry.regexp and not regex.check(entry.regexp) and regex.compile(entry.regexp).matches(entry.missing_label):
            yield (*path, "missing_label"), "the regexp must not match the missing_label"
        try:
            durations.parse(entry.grace_period or "5s")
        except DurationError as error:
            yield (*path, "grace_period"), str(error)


def _project_problems(config: PluginsConfig) -> Iterator[Finding]:
    for key, entry in config.project_manager.orgs_repos.items():
        for name, project in entry.projects.items():
            seen: set[frozenset[str]] = set()
            for index, column in enumerate(project.columns):
                path: Path = ("project_manager", "orgsRepos", key, "projects", name, "columns", index)
                if column.id is None and not column.name:
                    yield path, "a column needs an id or a name"
                if not column.labels:
                    yield path, "a column needs labels"
                if not column.org:
                    yield path, "a column needs an org"
                if frozenset(column.labels) in seen:
                    yield path, "another column has the same labels"
                seen.add(frozenset(column.labels))


def _listed_twice(key: str, entries: Sequence[ForRepos]) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, entry in enumerate(entries):
        for position, repo in enumerate(entry.repos):
            if repo in seen:
                yield (key, index, "repos", position), f"{repo} is listed twice in {key}"
            seen.add(repo)
