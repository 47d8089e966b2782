"""Where each part of an effective config comes from: a place in a file, a default, or a preset.

The loader keeps no such record, since it is asked for seldom: what is effective is looked up again in the texts, along the
rules by which it was made (`finish`, `defaults`). Only the files that matter are parsed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from prow.config.config import Config
from prow.config.defaults import as_entries, matching
from prow.config.documents import Document, Findings
from prow.config.job import JobBase, Preset
from prow.config.sections import DecorationEntry, ProwJobDefaultEntry
from prow.config.serialize import tree
from prow.config.tide import TideQuery
from prow.lib import goyaml
from prow.lib.goyaml import Path

_JOB_KINDS = ("presubmits", "postsubmits", "periodics")
_MADE = {"context": "the job's name", "trigger": "made of the name", "rerun_command": "made of the name"}
# Settings that take the value of another one when they are not set, or that an old key stands for.
_STANDS_FOR: dict[Path, Path] = {
    ("sinker", "terminated_pod_ttl"): ("sinker", "max_pod_age"),
    ("tide", "status_update_period"): ("tide", "sync_period"),
    ("tide", "target_urls", "*"): ("tide", "target_url"),
    ("tide", "pr_status_base_urls", "*"): ("tide", "pr_status_base_url"),
    ("plank", "report_templates", "*"): ("plank", "report_template"),
    ("deck", "spyglass", "gcs_browser_prefixes", "*"): ("deck", "spyglass", "gcs_browser_prefix"),
    ("deck", "spyglass", "gcs_browser_prefixes_by_bucket", "*"): ("deck", "spyglass", "gcs_browser_prefix"),
}
_PRESET_LISTS = {"env": "env", "volumeMounts": "volume_mounts", "volumes": "volumes", "tolerations": "tolerations"}


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """`places`: `file:line:column`, several where the loader made one value of several. None: a default. `note`: how it got here."""

    places: tuple[str, ...] = ()
    note: str = ""

    def __str__(self) -> str:
        where = ", ".join(self.places) or "default"
        return f"{where} ({self.note})" if self.note else where


class Part(msgspec.Struct, frozen=True):
    """One value of the effective config: a text, number, boolean, or a list of such."""

    path: Path
    value: Any
    origin: Origin


class Text:
    """One file and what stands where in it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._lines: dict[int, int] = {}
        self.tree = goyaml.load(document.data, lines=self._lines)

    def place(self, path: Path) -> str:
        """`file:line:column` of what is written at `path`; empty when nothing is."""
        exact = _exact(self.tree, path)
        if exact is None:
            return ""
        line, column = self._document.positions.find(exact)
        return f"{self._document.name}:{line}:{column}"

    def job_at(self, kind: str, repo: str, line: int) -> Path | None:
        """The path of the job that is written at a line."""
        listed: Any = (self.tree or {}).get(kind)
        base: Path = (kind,) if kind == "periodics" else (kind, repo)
        if kind != "periodics":
            listed = (listed or {}).get(repo)
        for index, job in enumerate(listed or ()):
            if self._lines.get(id(job), 0) == line:
                return (*base, index)
        return None


class Settings:
    """Files that hold one set of settings together: the main one and its supplements, whose lists go on where its lists end."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self._texts = texts

    def place(self, path: Path) -> str:
        """Where the value at `path` is written; empty when it is nowhere."""
        for text in self._texts:
            if place := text.place(path):
                return place
            number = next((at for at, step in enumerate(path) if isinstance(step, int)), None)
            listed = _value(text.tree, path[:number]) if number is not None else None
            if number is None or not isinstance(listed, list):
                continue
            left = int(path[number]) - len(listed)
            if left < 0:
                return ""
            path = (*path[:number], left, *path[number + 1 :])
        return ""


class Origins:
    """Finds origins in one config. `main`: config.yaml, `jobs`: the job files, `shards`: supplemental configs."""

    def __init__(
        self, config: Config, main: Document, jobs: Sequence[Document], shards: Sequence[Document] = ()
    ) -> None:
        self._config = config
        self._documents = {document.name: document for document in (main, *jobs)}
        self._texts: dict[str, Text] = {}
        self._parts = (main, *shards)
        self._main = Settings([self._text(main.name), *(Text(shard) for shard in shards)])
        self._queries: tuple[TideQuery, ...] | None = None

    def parts(self, path: Path, value: Any) -> Iterator[Part]:
        """All that the value at `path` is made of."""
        for below, leaf in leaves(tree(value)):
            whole = (*path, *below)
            yield Part(whole, leaf, self._origin(whole))

    def _origin(self, path: Path) -> Origin:
        if path and path[0] in _JOB_KINDS:
            size = 2 if path[0] == "periodics" else 3
            return self._of_job(path[:size], path[size:]) if len(path) > size else Origin()
        if path[:2] == ("tide", "queries") and len(path) > 2:
            return self._of_query(path)
        if path and path[0] == "presets" and len(path) > 1:
            text, index = self._preset(int(path[1]))
            return _origin(text.place(("presets", index, *path[2:])))
        if place := self._main.place(path):
            return Origin((place,))
        if other := _STANDS_FOR.get(path):
            return _origin(self._main.place(other), f"as {'.'.join(map(str, other))}")
        return Origin()

    def _of_query(self, path: Path) -> Origin:
        """Queries with the same criteria were made one."""
        index = int(path[2])
        places = [self._main.place(("tide", "queries", each, *path[3:])) for each in self._query_sources(index)]
        found = tuple(dict.fromkeys(place for place in places if place))
        return Origin(found, "several queries made one" if len(found) > 1 else "")

    def _query_sources(self, index: int) -> list[int]:
        if self._queries is None:
            read = [Document(each.name, each.data).decode(Config, Findings(), coerce=False) for each in self._parts]
            self._queries = tuple(query for part in read if part is not None for query in part.tide.queries)
        wanted = self._config.tide.queries[index]
        return [
            number
            for number, query in enumerate(self._queries)
            if _criteria(query) == _criteria(wanted)
            and set(query.orgs) <= set(wanted.orgs)
            and set(query.repos) <= set(wanted.repos)
        ]

    def _of_job(self, at: Path, below: Path) -> Origin:
        kind, repo = str(at[0]), "" if at[0] == "periodics" else str(at[1])
        listed: Any = getattr(self._config, kind)
        job: JobBase = (listed[repo] if repo else listed)[at[-1]]
        text = self._text(job.source.file) if job.source.file in self._documents else None
        written = text.job_at(kind, repo, job.source.line) if text is not None else None
        if text is None or written is None:
            return Origin((f"{job.source.file}:{job.source.line}",))
        own = text.place((*written, *below))
        wins = below[:3] == ("decoration_config", "gcs_configuration", "mediaTypes")
        if own and not wins:
            return Origin((own,))
        inherited = self._inherited(job, repo, below)
        if inherited.places or not own:
            return inherited if inherited.places or inherited.note else self._from_preset(job, text, written, below)
        return Origin((own,))

    def _inherited(self, job: JobBase, repo: str, below: Path) -> Origin:
        if below[0] == "decoration_config":
            return self._decoration(job, repo, below[1:])
        if below[0] == "prowjob_defaults":
            return self._prowjob_default(job, repo, below[1:])
        if below[0] == "namespace":
            return _origin(self._main.place(("pod_namespace",)), "as pod_namespace")
        if below[0] == "decorate":
            return _origin(self._main.place(("decorate_all_jobs",)), "as decorate_all_jobs")
        return Origin((), _MADE.get(str(below[0]), ""))

    def _decoration(self, job: JobBase, repo: str, below: Path) -> Origin:
        plank = self._config.plank
        if plank.default_decoration_config_entries:
            entries = plank.default_decoration_config_entries
            bases: dict[int, Path] = {
                id(entry): ("plank", "default_decoration_config_entries", index, "config")
                for index, entry in enumerate(entries)
            }
        else:
            entries = as_entries(plank.default_decoration_configs)
            bases = {id(entry): ("plank", "default_decoration_configs", entry.repo) for entry in entries}
        return self._last_of(entries, bases, job, repo, below)

    def _prowjob_default(self, job: JobBase, repo: str, below: Path) -> Origin:
        entries = self._config.prowjob_default_entries
        bases: dict[int, Path] = {
            id(entry): ("prowjob_default_entries", index, "config") for index, entry in enumerate(entries)
        }
        return self._last_of(entries, bases, job, repo, below)

    def _last_of(
        self,
        entries: Sequence[DecorationEntry] | Sequence[ProwJobDefaultEntry],
        bases: Mapping[int, Path],
        job: JobBase,
        repo: str,
        below: Path,
    ) -> Origin:
        """The last entry for the job that says something."""
        if not repo and job.extra_refs:
            repo = f"{job.extra_refs[0].org}/{job.extra_refs[0].repo}"
        for entry in reversed(matching(entries, repo, job.cluster)):
            if place := self._main.place((*bases[id(entry)], *below)):
                return Origin((place,), "default of jobs")
        return Origin()

    def _from_preset(self, job: JobBase, text: Text, written: Path, below: Path) -> Origin:
        """Presets add to the end of lists of a pod spec, in their order."""
        at = next((number for number, step in enumerate(below) if step in _PRESET_LISTS), None)
        if below[0] != "spec" or at is None or len(below) <= at + 1:
            return Origin()
        name, index = str(below[at]), int(below[at + 1])
        index -= len(_value(text.tree, (*written, *below[: at + 1])) or ())
        for number, preset in enumerate(self._config.presets):
            if not preset.labels.items() <= job.labels.items():
                continue
            size = len(getattr(preset, _PRESET_LISTS[name]))
            if index < size:
                where, position = self._preset(number)
                place = where.place(("presets", position, name, index, *below[at + 2 :]))
                return Origin((place,) if place else (), f"preset {_labels(preset)}")
            index -= size
        return Origin()

    def _preset(self, number: int) -> tuple[Text, int]:
        """The file of a preset, and its index there."""
        name, index = self._preset_places[number]
        return self._text(name), index

    @cached_property
    def _preset_places(self) -> list[tuple[str, int]]:
        """File and index of every preset, in the order of the config."""
        found: list[tuple[str, int]] = []
        for name, document in self._documents.items():
            if b"presets" in document.data:
                listed = _value(self._text(name).tree, ("presets",)) or ()
                found += [(name, index) for index in range(len(listed))]
        return found

    def _text(self, name: str) -> Text:
        if name not in self._texts:
            self._texts[name] = Text(self._documents[name])
        return self._texts[name]


class PlainOrigins:
    """Of files whose values nothing but defaults are added to: plugins.yaml and its supplements."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._settings = Settings([Text(document) for document in documents])

    def parts(self, path: Path, value: Any) -> Iterator[Part]:
        for below, leaf in leaves(tree(value)):
            whole = (*path, *below)
            place = self._settings.place(whole)
            if not place and len(whole) == 3 and (whole[0], whole[2]) == ("plugins", "plugins"):
                place = self._settings.place(whole[:2])  # the old form: a list where the mapping would be
            yield Part(whole, leaf, _origin(place))


def leaves(value: Any) -> Iterator[tuple[Path, Any]]:
    """Path and value of all texts, numbers and booleans, and of lists that hold nothing but such."""
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from (((key, *path), leaf) for path, leaf in leaves(part))
    elif isinstance(value, list) and any(isinstance(part, (dict, list)) for part in value):
        for index, part in enumerate(value):
            yield from (((index, *path), leaf) for path, leaf in leaves(part))
    else:
        yield (), value


def _origin(place: str, note: str = "") -> Origin:
    return Origin((place,) if place else (), note)


def _labels(preset: Preset) -> str:
    return ", ".join(f"{key}={value}" for key, value in preset.labels.items()) or "of every job"


def _criteria(query: TideQuery) -> Any:
    lists = {
        name: tuple(sorted(getattr(query, name)))
        for name in ("labels", "missing_labels", "included_branches", "excluded_branches")
    }
    return msgspec.structs.replace(query, **lists, orgs=(), repos=(), excluded_repos=())


def _exact(value: Any, path: Path) -> Path | None:
    """The path with its keys as they are written (their case does not matter); None: nothing is written there."""
    exact: list[str | int] = []
    for step in path:
        key: str | int | None = step
        if isinstance(value, dict):
            key = (
                step
                if step in value
                else next((each for each in value if each.casefold() == str(step).casefold()), None)
            )
        elif not isinstance(value, list) or not isinstance(step, int) or step >= len(value):
            return None
        if key is None or value[key] is None:
            return None
        value = value[key]
        exact.append(key)
    return tuple(exact)


def _value(value: Any, path: Path) -> Any:
    exact = _exact(value, path)
    for step in exact or ():
        value = value[step]
    return value if exact is not None else None
