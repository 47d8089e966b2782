"""What a job gets from around it: decoration defaults, ProwJob defaults, presets (`spec/config` §2.6, 2.7, 2.9).

Pure: jobs go in, new jobs come out. Merged decoration configs are shared between the jobs that have the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from prow.config.config import Config
from prow.config.documents import Document
from prow.config.job import Brancher, JobBase, Periodic, Preset, Presubmit
from prow.config.sections import DecorationEntry
from prow.lib.goyaml import Path
from prow.model.decoration import (
    CensoringOptions,
    DecorationConfig,
    GCSConfiguration,
    Resources,
    SchedulingOptions,
    UtilityImages,
)
from prow.model.prowjob import KUBERNETES_AGENT, ProwJobDefault, ResultStoreConfig

J = TypeVar("J", bound=JobBase)
S = TypeVar("S", bound=msgspec.Struct)

DEFAULT_CLUSTER = "default"
_MOST_ADDED = 10_000
DEFAULT_TENANT = "GlobalDefaultID"


class _Entry(Protocol):
    @property
    def repo(self) -> str: ...
    @property
    def cluster(self) -> str: ...


E = TypeVar("E", bound=_Entry)


class PresetConflict(ValueError):
    """A preset adds what is already there; the text names it."""


def trigger_pattern(name: str) -> str:
    """The default trigger; the name goes in without escaping, as upstream does."""
    return rf"(?m)^/test( | .* ){name},?($|\s.*)"


def as_entries(by_key: Mapping[str, DecorationConfig]) -> tuple[DecorationEntry, ...]:
    """The map form as a list, from general to special: `*`, orgs, repos."""
    ordered = sorted(by_key, key=lambda key: (key != "*", "/" in key, key))
    return tuple(DecorationEntry(repo=key, config=by_key[key]) for key in ordered)


def matching(entries: Iterable[E], repo: str, cluster: str) -> list[E]:
    """The entries for a job of `repo` (`org/repo` or empty) on `cluster`: plain comparison, in the order of the list."""
    repo = _without_scheme(repo)
    org = repo.partition("/")[0]
    return [
        entry
        for entry in entries
        if entry.cluster in {"", "*", cluster} and (entry.repo in {"", "*", repo} or (repo and entry.repo == org))
    ]


def _without_scheme(repo: str) -> str:
    if not repo.startswith(("http://", "https://")):
        return repo
    host, slash, rest = repo.split("://", 1)[1].partition("/")
    first, dot, domain = host.partition(".")
    return first.removesuffix("-review") + dot + domain + slash + rest


def merge_decoration(lower: DecorationConfig | None, higher: DecorationConfig | None) -> DecorationConfig | None:
    """Field by field; what `higher` sets wins, except that default media types win over a job's."""
    if lower is None or higher is None:
        return lower if higher is None else higher
    merged = _merge(lower, higher)
    low, high = lower.gcs_configuration, higher.gcs_configuration
    if low is not None and high is not None and (low.media_types or high.media_types):
        media = {**(high.media_types or {}), **(low.media_types or {})}
        storage: GCSConfiguration | None = merged.gcs_configuration
        if storage is not None:
            merged = msgspec.structs.replace(
                merged, gcs_configuration=msgspec.structs.replace(storage, media_types=media)
            )
    return merged


def _merge(lower: S, higher: S) -> S:
    changes: dict[str, Any] = {}
    for name, unset in zip(lower.__struct_fields__, lower.__struct_defaults__, strict=True):
        low, high = getattr(lower, name), getattr(higher, name)
        if high == unset:
            continue
        nested = isinstance(low, _MERGED) and isinstance(high, _MERGED)
        changes[name] = _merge(low, high) if nested else high
    return msgspec.structs.replace(lower, **changes)


def merge_prowjob_defaults(lower: ProwJobDefault | None, higher: ProwJobDefault | None) -> ProwJobDefault | None:
    if lower is None or higher is None:
        return lower if higher is None else higher
    return _merge(lower, higher)


class Defaults:
    """Everything jobs get from one config; keeps what many jobs share. `main`: config.yaml, to tell where it stands."""

    def __init__(self, config: Config, presets: Sequence[Preset], main: Document | None = None) -> None:
        self.main = main
        self._config = config
        self._presets = Presets(presets)
        plank = config.plank
        self._decoration = plank.default_decoration_config_entries or as_entries(plank.default_decoration_configs)
        self._merged: dict[tuple[str, str], DecorationConfig | None] = {}
        self._prowjob: dict[tuple[str, str], ProwJobDefault | None] = {}

    def apply(self, job: J, repo: str) -> J:
        """The effective job. `repo`: `org/repo` it is listed under, empty for periodics. Raises PresetConflict."""
        changes: dict[str, Any] = {
            "agent": job.agent or KUBERNETES_AGENT,
            "cluster": job.cluster or DEFAULT_CLUSTER,
            "namespace": job.namespace or self._config.pod_namespace,
        }
        if isinstance(job, Brancher) and not job.context:
            changes["context"] = job.name
        if isinstance(job, Presubmit) and not job.trigger and not job.rerun_command:
            changes["trigger"] = trigger_pattern(job.name)
            changes["rerun_command"] = f"/test {job.name}"
        repo = _repo_of(job, repo)
        decorate = self._config.decorate_all_jobs if job.decorate is None else job.decorate
        changes["decorate"] = decorate
        if decorate:
            changes["decoration_config"] = (
                merge_decoration(self.decoration(repo, changes["cluster"]), job.decoration_config) or DecorationConfig()
            )
        changes["prowjob_defaults"] = self._prowjob_defaults(repo, changes["cluster"], job.prowjob_defaults)
        if job.spec is not None:
            changes["spec"] = self._presets.apply(job.spec, job.labels)
        return msgspec.structs.replace(job, **changes)

    def decoration(self, repo: str, cluster: str) -> DecorationConfig | None:
        """The defaults for a repo on a cluster: every matching entry in order, later over earlier."""
        key = (repo, cluster)
        if key not in self._merged:
            merged: DecorationConfig | None = None
            for entry in matching(self._decoration, repo, cluster):
                merged = merge_decoration(merged, entry.config)
            self._merged[key] = merged
        return self._merged[key]

    def decoration_origin(self, job: JobBase, repo: str, path: Path) -> Path | None:
        """Where in config.yaml a part of a job's decoration comes from, or should come from; None: from the job. `job` as it was
        written, `path` below the job."""
        if path[:1] != ("decoration_config",):
            return None
        below = path[1:]
        own = job.decoration_config
        if own is not None and (not below or getattr(own, str(below[0])) is not None):
            return None
        entries = matching(self._decoration, _repo_of(job, repo), job.cluster or DEFAULT_CLUSTER)
        if not entries:
            return None
        says = [each for each in entries if each.config is not None and below and getattr(each.config, str(below[0]))]
        entry = (says or entries)[-1]
        if not self._config.plank.default_decoration_config_entries:
            return ("plank", "default_decoration_configs", entry.repo, *below)
        index = next(index for index, each in enumerate(self._decoration) if each is entry)
        return ("plank", "default_decoration_config_entries", index, "config", *below)

    def _prowjob_defaults(self, repo: str, cluster: str, own: ProwJobDefault | None) -> ProwJobDefault:
        key = (repo, cluster)
        if key not in self._prowjob:
            merged: ProwJobDefault | None = None
            for entry in matching(self._config.prowjob_default_entries, repo, cluster):
                merged = merge_prowjob_defaults(merged, entry.config)
            self._prowjob[key] = merged
        result = merge_prowjob_defaults(self._prowjob[key], own) or _PLAIN
        return result if result.tenant_id else msgspec.structs.replace(result, tenant_id=DEFAULT_TENANT)


def _repo_of(job: JobBase, repo: str) -> str:
    """Whose defaults a job gets: those of the repository it is listed under, or that a periodic clones first."""
    return job.extra_refs[0].full_name if isinstance(job, Periodic) and job.extra_refs else repo


class Presets:
    """The presets of a configuration, found by the labels of a job. What is chosen together is put together once."""

    def __init__(self, presets: Sequence[Preset]) -> None:
        self._presets = presets
        self._of_all = [index for index, preset in enumerate(presets) if not preset.labels]
        self._by_label: dict[tuple[str, str], list[int]] = {}
        for index, preset in enumerate(presets):
            if preset.labels:
                self._by_label.setdefault(next(iter(preset.labels.items())), []).append(index)
        self._made: dict[tuple[int, ...], _Together] = {}

    def apply(self, spec: dict[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
        """The pod spec with every preset whose labels the job has, in the order of the files. Raises PresetConflict."""
        chosen = self._chosen(labels)
        if not chosen:
            return spec
        made = self._made.get(chosen)
        if made is None:
            made = self._made[chosen] = _Together([self._presets[index] for index in chosen])
        return made.added_to(spec)

    def _chosen(self, labels: Mapping[str, str]) -> tuple[int, ...]:
        found = list(self._of_all)
        for pair in labels.items() if self._by_label else ():
            for index in self._by_label.get(pair, ()):
                if self._presets[index].labels.items() <= labels.items():
                    found.append(index)
        return tuple(sorted(found))


class _Together:
    """What some presets add."""

    def __init__(self, presets: Sequence[Preset]) -> None:
        self._env = _Items("env var", [each for preset in presets for each in preset.env])
        self._mounts = _Items("volume mount", [each for preset in presets for each in preset.volume_mounts])
        self._volumes = _Items("volume", [each for preset in presets for each in preset.volumes])
        self._tolerations = [each for preset in presets for each in preset.tolerations]

    def added_to(self, spec: dict[str, Any]) -> dict[str, Any]:
        result = {**spec, "containers": [dict(container) for container in spec.get("containers") or ()]}
        if (len(self._env) + len(self._mounts)) * len(result["containers"]) > _MOST_ADDED:
            raise PresetConflict(f"presets add more than {_MOST_ADDED} variables and mounts")
        for container in result["containers"]:
            self._env.add_to(container, "env")
            self._mounts.add_to(container, "volumeMounts")
        self._volumes.add_to(result, "volumes")
        if self._tolerations:
            present = result.get("tolerations") or ()
            seen = {_spelt(each) for each in present}
            for each in self._tolerations:
                if _spelt(each) in seen:
                    raise PresetConflict(_conflict("toleration", each))
                seen.add(_spelt(each))
            result["tolerations"] = [*present, *self._tolerations]
        return result


class _Items:
    """Things with unique names."""

    def __init__(self, what: str, items: Sequence[dict[str, Any]]) -> None:
        self._what = what
        self._items = items
        self._names = {each.get("name") for each in items}
        self._twice = len(self._names) < len(items)

    def __len__(self) -> int:
        return len(self._items)

    def add_to(self, target: dict[str, Any], key: str) -> None:
        if not self._items:
            return
        present = target.get(key) or ()
        if self._twice or not self._names.isdisjoint([other.get("name") for other in present]):
            seen = {other.get("name") for other in present}
            for each in self._items:
                if each.get("name") in seen:
                    raise PresetConflict(_conflict(self._what, each))
                seen.add(each.get("name"))
        target[key] = [*present, *self._items]


def _spelt(value: dict[str, Any]) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def _conflict(what: str, item: dict[str, Any]) -> str:
    return f"a preset adds the {what} {item.get('name', item)!r}, which is there already"


_MERGED = (
    DecorationConfig,
    GCSConfiguration,
    UtilityImages,
    Resources,
    CensoringOptions,
    SchedulingOptions,
    ProwJobDefault,
    ResultStoreConfig,
)
_PLAIN = ProwJobDefault()
