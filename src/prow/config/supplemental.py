"""Supplemental configs: further files that add to config.yaml and to plugins.yaml (`spec/config` §1.9, §4.3).

A file may hold only what has a rule for merging. It is read leniently always: unknown keys are warnings. What it says by
itself is checked before it is merged, so every error stands where it was written.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from prow.config.branch_protection import BranchProtection, OrgProtection, Policy, RepoProtection
from prow.config.bugzilla_options import BugzillaOptions, BugzillaOrgOptions
from prow.config.config import Config, JobConfig
from prow.config.documents import MAX_TOTAL, Document, Findings
from prow.config.errors import ConfigError, Kind
from prow.config.plugins import PluginsConfig
from prow.config.tide import Tide
from prow.lib.goyaml import Path
from prow.model.base import Noun

S = TypeVar("S", bound=msgspec.Struct)
P = TypeVar("P", bound=Policy)
V = TypeVar("V")

CONFIG_SUFFIX = "_prowconfig.yaml"
PLUGINS_SUFFIX = "_pluginconfig.yaml"

_JOB_KEYS = tuple(JobConfig.__struct_fields__)
_CONFIG_PARTS = "branch-protection, slack_reporter_configs, tide.merge_method and tide.queries"
_PLUGIN_PARTS = "plugins, external_plugins, approve, lgtm, triggers, welcome, bugzilla and label.restricted_labels"
_SET_ONCE = ("protect_tested_repos", "allow_disabled_policies", "allow_disabled_job_policies",
             "protect_repos_with_optional_jobs")  # fmt: skip
_ADDED = ("approve", "lgtm", "triggers", "welcome")


class Supplements(Noun, frozen=True):
    """Where supplemental files are, in the order of the flags, and how their paths end."""

    paths: tuple[str, ...] = ()
    suffix: str = CONFIG_SUFFIX


def read_folders(
    folders: Supplements, findings: Findings, *, what: str, read_one: Callable[[str], Document]
) -> list[Document]:
    """The supplemental files. Unreadable ones go to `findings`. Raises ConfigError for a folder that cannot be read."""
    documents: list[Document] = []
    total = 0
    for root in folders.paths if folders.suffix else ():
        for file in _files(root, folders.suffix, what):
            try:
                documents.append(read_one(file))
            except ConfigError as error:
                findings.errors.append(error)
                continue
            total += documents[-1].size
            if total > MAX_TOTAL:
                raise ConfigError(f"larger than {MAX_TOTAL} bytes together", file=root, kind=Kind.FILE)
    return documents


def _files(folder: str, suffix: str, what: str) -> Iterator[str]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise ConfigError(f"{what} cannot be read: {error.strerror or error}", file=folder, kind=Kind.FILE) from None
    for entry in entries:
        if entry.name.startswith(".."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path, suffix, what)
        elif entry.path.endswith(suffix) and not entry.is_dir():
            yield entry.path


def decode_addition(document: Document, kind: type[S], findings: Findings) -> S | None:
    """What a supplemental file says; None when it cannot be used. Jobs in one are ignored, as upstream ignores them; and
    numbers become text where text is wanted, other than in config.yaml itself (`spec/config` §8)."""
    own = Findings()
    value = document.decode(kind, own, coerce=True, without=_JOB_KEYS if kind is Config else ())
    findings.errors += own.errors
    findings.warnings += own.warnings
    return None if own.errors else value


# What may not be in a supplemental file.


def _not_merged(tree: Any, allowed: Mapping[str, Sequence[str]], known: Iterable[str]) -> Iterator[Path]:
    """Known keys that say something and that have no rule for merging. `allowed`: key → keys below it; none: all of it."""
    names = {name.casefold() for name in known}
    for key, value in tree.items() if isinstance(tree, dict) else ():
        folded = str(key).casefold()
        if folded not in names or not _says_something(value):
            continue
        if folded not in allowed:
            yield (key,)
        elif allowed[folded] and isinstance(value, dict):
            yield from ((key, below) for below, part in value.items()
                        if str(below).casefold() not in allowed[folded] and _says_something(part))  # fmt: skip


def _says_something(value: Any) -> bool:
    """Whether a value is more than Go's zero value."""
    if isinstance(value, dict):
        return any(_says_something(part) for part in value.values())
    return bool(value)


def _names(struct: type[msgspec.Struct]) -> list[str]:
    return [field.encode_name for field in msgspec.structs.fields(struct)]


# config.yaml


def add_to_config(base: Config, document: Document, addition: Config, findings: Findings) -> Config:
    """The config with a supplemental file merged in; what excludes each other goes to `findings`."""
    allowed = {"branch-protection": (), "slack_reporter_configs": (), "tide": ("merge_method", "queries")}
    known = [name for name in _names(Config) if name not in _JOB_KEYS]
    for path in _not_merged(document.tree, allowed, known):
        findings.errors.append(
            document.error(path, f"a supplemental config may have {_CONFIG_PARTS} alone", at_key=True)
        )
    clash = _Clashes(document, findings)
    tide: Tide = replace(
        base.tide,
        queries=(*base.tide.queries, *addition.tide.queries),
        merge_method=clash.union(("tide", "merge_method"), base.tide.merge_method, addition.tide.merge_method),
    )
    slack = clash.union(("slack_reporter_configs",), base.slack_reporter_configs, addition.slack_reporter_configs)
    protection = _protection(clash, base.branch_protection, addition.branch_protection)
    return replace(base, tide=tide, slack_reporter_configs=slack, branch_protection=protection)


class _Clashes:
    """Notes what is set a second time."""

    def __init__(self, document: Document, findings: Findings) -> None:
        self._document = document
        self._findings = findings

    def twice(self, path: Path, what: str) -> None:
        error = self._document.error(path, f"another file {what} already", at_key=True)
        self._findings.errors.append(error)

    def union(self, path: Path, first: Mapping[str, V], second: Mapping[str, V]) -> dict[str, V]:
        for key in second:
            if key in first:
                self.twice((*path, key), f"has {key}")
        return {**first, **second}


def _protection(clash: _Clashes, base: BranchProtection, addition: BranchProtection) -> BranchProtection:
    top: Path = ("branch-protection",)
    merged = _policy(clash, top, "everything", base, addition)
    for name in _SET_ONCE:
        given = getattr(addition, name)
        if given is None:
            continue
        if getattr(base, name) is not None:
            key = "protect-tested-repos" if name == "protect_tested_repos" else name
            clash.twice((*top, key), f"sets {key}")
        merged = replace(merged, **{name: given})
    orgs = dict(base.orgs)
    for org, of_org in addition.orgs.items():
        orgs[org] = _org(clash, (*top, "orgs", org), org, orgs[org], of_org) if org in orgs else of_org
    return replace(merged, orgs=orgs)


def _org(clash: _Clashes, path: Path, org: str, base: OrgProtection, addition: OrgProtection) -> OrgProtection:
    repos = dict(base.repos)
    for repo, of_repo in addition.repos.items():
        below = (*path, "repos", repo)
        repos[repo] = _repo(clash, below, f"{org}/{repo}", repos[repo], of_repo) if repo in repos else of_repo
    return replace(_policy(clash, path, org, base, addition), repos=repos)


def _repo(clash: _Clashes, path: Path, repo: str, base: RepoProtection, addition: RepoProtection) -> RepoProtection:
    branches = dict(base.branches)
    for branch, policy in addition.branches.items():
        if branch in branches:
            clash.twice((*path, "branches", branch), f"has a policy for the branch {branch} of {repo}")
        branches[branch] = policy
    return replace(_policy(clash, path, repo, base, addition), branches=branches)


def _policy(clash: _Clashes, path: Path, name: str, base: P, addition: P) -> P:
    """One policy, without what is below it: set in one file alone."""
    given = {field: getattr(addition, field) for field in Policy.__struct_fields__}
    if all(value == getattr(_NO_POLICY, field) for field, value in given.items()):
        return base
    if any(getattr(base, field) != getattr(_NO_POLICY, field) for field in Policy.__struct_fields__):
        clash.twice(path, f"has a policy for {name}")
        return base
    return replace(base, **given)


_NO_POLICY = Policy()


# plugins.yaml


def add_to_plugins(
    base: PluginsConfig, document: Document, addition: PluginsConfig, findings: Findings
) -> PluginsConfig:
    """plugins.yaml with a supplemental file merged in."""
    allowed: dict[str, Sequence[str]] = dict.fromkeys(("plugins", "external_plugins", "bugzilla", *_ADDED), ())
    allowed["label"] = ("restricted_labels",)
    for path in _not_merged(document.tree, allowed, _names(PluginsConfig)):
        findings.errors.append(
            document.error(path, f"a supplemental plugin config may have {_PLUGIN_PARTS} alone", at_key=True)
        )
    clash = _Clashes(document, findings)
    lists: dict[str, Any] = {name: (*getattr(base, name), *getattr(addition, name)) for name in _ADDED}
    labels = dict(base.label.restricted_labels)
    for key, restricted in addition.label.restricted_labels.items():
        before = {each.label.lower() for each in labels.get(key, ())}
        for index, each in enumerate(restricted):
            if each.label.lower() in before:
                clash.twice(("label", "restricted_labels", key, index), f"restricts the label {each.label} there")
        labels[key] = (*labels.get(key, ()), *restricted)
    return replace(
        base,
        plugins=clash.union(("plugins",), base.plugins, addition.plugins),
        external_plugins=clash.union(("external_plugins",), base.external_plugins, addition.external_plugins),
        label=replace(base.label, restricted_labels=labels),
        bugzilla=_bugzilla(clash, base.bugzilla, addition.bugzilla),
        **lists,
    )


def _bugzilla(clash: _Clashes, base: BugzillaOptions, addition: BugzillaOptions) -> BugzillaOptions:
    if base.default and addition.default:
        clash.twice(("bugzilla", "default"), "has the defaults of bugzilla")
    orgs = dict(base.orgs)
    for org, options in addition.orgs.items():
        path: Path = ("bugzilla", "orgs", org)
        before = orgs.get(org, BugzillaOrgOptions())
        if before.default and options.default:
            clash.twice((*path, "default"), f"has the defaults of bugzilla for {org}")
        repos = clash.union((*path, "repos"), before.repos, options.repos)
        orgs[org] = BugzillaOrgOptions(default=options.default or before.default, repos=repos)
    return replace(base, default=addition.default or base.default, orgs=orgs)
