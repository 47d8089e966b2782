"""Names that load, and that nobody seems to have: labels, build clusters, repositories. Notes, never refused, since somebody may have them after
all. Pure.

With labels.yaml a label that is not in it is told, unless a plugin sets (and makes) it and no other has almost that name; without
labels.yaml one that is almost the name of a label that plugins set, or that the configuration has elsewhere. A cluster is told when a single job names it and it is almost the name of one that others have.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from prow.checkconfig.model import At, Known, Problem, in_config, in_job, in_plugins, in_query
from prow.config.config import Config
from prow.config.defaults import DEFAULT_CLUSTER
from prow.config.labels import Label, LabelsFile
from prow.config.plugins import PluginsConfig
from prow.config.tide import TideQuery

_OF_PLUGINS = (
    "approved", "bugzilla/invalid-bug", "bugzilla/severity-high", "bugzilla/severity-low", "bugzilla/severity-medium",
    "bugzilla/severity-unspecified", "bugzilla/severity-urgent", "bugzilla/valid-bug", "cherry-pick-approved", "cncf-cla: no",
    "cncf-cla: yes", "dco-signoff: no", "dco-signoff: yes", "do-not-merge/blocked-paths",
    "do-not-merge/cherry-pick-not-approved", "do-not-merge/contains-merge-commits", "do-not-merge/hold",
    "do-not-merge/invalid-commit-message", "do-not-merge/invalid-owners-file", "do-not-merge/release-note-label-needed",
    "do-not-merge/work-in-progress", "good first issue", "help wanted", "kind/bug", "kind/deprecation", "lgtm",
    "lifecycle/active", "lifecycle/frozen", "lifecycle/rotten", "lifecycle/stale", "needs-ok-to-test", "needs-rebase",
    "ok-to-test", "release-note", "release-note-action-required", "release-note-none", "size/L", "size/M", "size/S", "size/XL",
    "size/XS", "size/XXL", "tide/merge-method-merge", "tide/merge-method-rebase", "tide/merge-method-squash",
    "triage/accepted",
)  # fmt: skip
_ALIKE = 0.88
_NEAR = 0.8
_OTHERS = 3
"""So many jobs have a cluster that is no mistake."""


class _Use(NamedTuple):
    """A label that something looks for. `about`: orgs and `org/repo`s; empty: any."""

    name: str
    about: tuple[str, ...]
    at: Callable[[str], At]


def unknown_labels(known: Known) -> Iterator[Problem]:
    """Labels that tide and plugins look for."""
    uses = [*_in_config(known.config), *(_in_plugins(known.plugins) if known.plugins is not None else ())]
    if known.labels is not None:
        yield from _not_listed(known.labels, uses, _set_by_plugins(known.plugins))
    else:
        yield from _almost(uses, known.plugins)


def _not_listed(labels: LabelsFile, uses: Iterable[_Use], made: Collection[str]) -> Iterator[Problem]:
    for use in uses:
        name = use.name.lower()
        lists = {about: _listed(labels, about) for about in use.about or ("",)}
        without = [about for about, listed in lists.items() if all(label.name.lower() != name for label in listed)]
        if not without:
            continue
        more = f" and {len(without) - 1} more" if len(without) > 1 else ""
        where = f" of {without[0]}{more}" if without[0] else ""
        here = lists[without[0]]
        now = next((label.name for label in here if _was(label, use.name)), "")
        names = {label.name.lower(): label.name for label in here}
        near = names.get(_near(name, names, _ALIKE if use.name in made else _NEAR), "")
        if use.name in made and not (now or near):
            continue
        text = f"labels.yaml has no label {use.name!r}{where}" + (f"; did you mean {near!r}?" if near else "")
        if now:
            text = f"{use.name!r} is a former name of the label {now!r}{where}"
        yield Problem(text, use.at(without[0]), hint=now or near)


def _listed(labels: LabelsFile, about: str) -> Sequence[Label]:
    org, slash, repo = about.partition("/")
    if slash:
        return labels.of_repo(org, repo)
    if org:
        return labels.of_org(org)
    orgs = dict.fromkeys([*labels.orgs, *(name.partition("/")[0] for name in labels.repos), ""])
    return [label for each in orgs for label in labels.of_org(each)]


def _was(label: Label, name: str) -> bool:
    return any(each.name.lower() == name.lower() or _was(each, name) for each in label.previously)


def _almost(uses: Sequence[_Use], plugins: PluginsConfig | None) -> Iterator[Problem]:
    known = {*_set_by_plugins(plugins), *(_settable(plugins) if plugins is not None else ())}
    times = Counter(use.name for use in uses)
    known |= {name for name, count in times.items() if count >= _OTHERS}
    for use in uses:
        near = "" if use.name in known else _near(use.name, known, _ALIKE)
        if near:
            yield Problem(
                f"nothing here sets the label {use.name!r}; did you mean {near!r}?",
                use.at("".join(use.about[:1])),
                hint=near,
            )


def _in_config(config: Config) -> Iterator[_Use]:
    tide = config.tide
    for query in tide.queries:
        about = (*query.orgs, *query.repos)
        for field, labels in (("labels", query.labels), ("missingLabels", query.missing_labels)):
            for item in labels:
                at = partial(_of_query, query, field, item)
                yield from (_Use(name.strip(), about, at) for name in item.split(","))
    for field in ("blocker_label", "squash_label", "rebase_label", "merge_label"):
        if name := getattr(tide, field):
            yield _Use(name, (), _always(in_config("tide", field)))
    for index, step in enumerate(tide.priority):
        for position, name in enumerate(step.labels):
            yield _Use(name, (), _always(in_config("tide", "priority", index, "labels", position)))


def _of_query(query: TideQuery, field: str, item: str, about: str) -> At:
    return in_query(query, field, item, about=about)


def _always(at: At) -> Callable[[str], At]:
    return lambda _: at


def _in_plugins(plugins: PluginsConfig) -> Iterator[_Use]:
    for index, entry in enumerate(plugins.require_matching_label):
        about = f"{entry.org}/{entry.repo}" if entry.repo else entry.org
        yield _Use(entry.missing_label, (about,), _always(in_plugins("require_matching_label", index, "missing_label")))
    for key, entries in plugins.label.restricted_labels.items():
        for index, each in enumerate(entries):
            if each.label:  # one without a name is told by validate-label
                place = in_plugins("label", "restricted_labels", key, index, "label")
                yield _Use(each.label, () if key == "*" else (key,), _always(place))


def _set_by_plugins(plugins: PluginsConfig | None) -> frozenset[str]:
    wanted = [each.missing_label for each in plugins.require_matching_label] if plugins is not None else []
    return frozenset((*_OF_PLUGINS, *wanted))


def _settable(plugins: PluginsConfig) -> Iterator[str]:
    """By people."""
    yield from plugins.label.additional_labels
    yield from (each.label for entries in plugins.label.restricted_labels.values() for each in entries)


def unknown_repos(known: Known) -> Iterator[Problem]:
    """Keys of jobs that cannot be a repository."""
    config = known.config
    for listed in (config.presubmits, config.postsubmits):
        for name, jobs in listed.items():
            if jobs and "/" not in name:
                text = f"{name!r} is not of the form org/repo, so these jobs never run"
                yield Problem(text, in_job(jobs[0]))


def unknown_clusters(known: Known) -> Iterator[Problem]:
    """Where the status file of build clusters is read, `validate-cluster-field` knows better."""
    if known.clusters is not None:
        return
    jobs = [job for _, job in known.config.all_jobs()]
    times = Counter(job.cluster for job in jobs)
    trusted = {*_clusters(known.config), *(name for name, count in times.items() if count >= _OTHERS)}
    for job in jobs:
        near = "" if job.cluster in trusted or times[job.cluster] > 1 else _near(job.cluster, trusted, _ALIKE)
        if near:
            yield Problem(
                f"the job {job.name} alone names the cluster {job.cluster!r}; did you mean {near!r}?",
                in_job(job, "cluster"),
                hint=near,
            )


def _clusters(config: Config) -> Iterator[str]:
    """Clusters that settings name."""
    yield DEFAULT_CLUSTER
    for entries in (config.plank.default_decoration_config_entries, config.prowjob_default_entries):
        yield from (entry.cluster for entry in entries)
    yield from (entry.cluster for entry in config.deck.default_rerun_auth_configs)
    yield from config.disabled_clusters
    yield from config.sinker.exclude_clusters
    yield from (name for names in config.in_repo_config.allowed_clusters.values() for name in names)
    if config.scheduler.failover is not None:
        for one, other in config.scheduler.failover.mappings.items():
            yield from (one, other)


def _near(name: str, known: Iterable[str], cutoff: float) -> str:
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=cutoff) if len(name) <= 100 else []
    return found[0] if found else ""
