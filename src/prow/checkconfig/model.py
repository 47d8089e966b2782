"""What checkconfig looks at, and what it finds. Values only.

A check is a pure function from `Known` to problems; a problem names its place by what it is about (a job, a query, a path),
and `places` finds file, line and column when it is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Literal, NamedTuple

import msgspec

from prow.config.config import Config
from prow.config.errors import ConfigError
from prow.config.job import JobBase
from prow.config.labels import LabelsFile
from prow.config.plugins import PluginsConfig
from prow.config.tide import TideQuery
from prow.lib.goyaml import Path
from prow.model.base import Noun


class Level(StrEnum):
    """ERROR: this configuration cannot be used. WARNING: `--strict` refuses it. NOTE: good to know, never refused."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Finding(Noun, frozen=True):
    """One thing that was found. `line` and `column` count from 1, 0: not known; `path`: where in the document.

    `hint`: the name that may be meant, also in the message.
    """

    name: str
    message: str
    level: Level = Level.WARNING
    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    hint: str = ""


class At(NamedTuple):
    """Where something is written. `path`: in config.yaml or plugins.yaml; for a job or a query: below it."""

    kind: Literal["config", "plugins", "job", "query", "file"] = "config"
    path: Path = ()
    job: JobBase | None = None
    query: TideQuery | None = None
    name: str = ""
    """For a query: the org or repository that it is about; for a file: its name."""


def in_config(*path: str | int) -> At:
    return At("config", path)


def in_plugins(*path: str | int) -> At:
    return At("plugins", path)


def in_job(job: JobBase, *path: str | int) -> At:
    return At("job", path, job=job)


def in_query(query: TideQuery, *path: str | int, about: str = "") -> At:
    return At("query", path, query=query, name=about)


def in_file(name: str) -> At:
    return At("file", name=name)


class Problem(NamedTuple):
    """What a check says. `told`: the place, when the loader has found it already; `hint`: the name that may be meant."""

    message: str
    at: At
    told: ConfigError | None = None
    hint: str = ""


class Shard(NamedTuple):
    """A supplemental file: where it is below its folder, and whose settings it has (`spec/config` §7.3).

    `broken`: why it could not be read; empty: it was.
    """

    file: str
    root: str
    steps: tuple[str, ...]
    whole: bool = False
    orgs: frozenset[str] = frozenset()
    repos: frozenset[str] = frozenset()
    broken: str = ""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the checks may look at. What has to be fetched is None when nobody asked for it."""

    config: Config
    plugins: PluginsConfig | None = None
    required_annotations: tuple[str, ...] = ()
    unknown_keys: tuple[ConfigError, ...] = ()
    """Of config.yaml and plugins.yaml."""
    unknown_in_jobs: tuple[ConfigError, ...] = ()
    shards: tuple[Shard, ...] = ()
    clusters: dict[str, str] | None = None
    """What `plank.build_cluster_status_file` says: cluster → status."""
    clusters_unread: str = ""
    """Why that file could not be read, when it is there."""
    without_owners: tuple[str, ...] | None = None
    """Repositories with plugins that use OWNERS, and without OWNERS."""
    installed: frozenset[str] | None = None
    """Organisations that have the GitHub App, in lower case."""
    unanswered: dict[str, str] = {}
    """Check → why GitHub could not be asked for it."""
    labels: LabelsFile | None = None
    """labels.yaml, with `--labels-config`."""


class When(StrEnum):
    """When a check runs without being named."""

    DEFAULT = "default"
    EXPENSIVE = "expensive"
    OPTIONAL = "optional"


class Check(NamedTuple):
    """One warning: its name, as upstream spells it, and what finds it."""

    name: str
    when: When
    find: Callable[[Known], Iterator[Problem]]
    summary: str
    plugins: bool = False
    """Whether it has nothing to say without plugins.yaml."""
