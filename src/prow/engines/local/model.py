"""The nouns of a run on this machine: what a pod spec asks for, and what a command gets to see."""

from __future__ import annotations

from pathlib import Path

import msgspec


class KeyRef(msgspec.Struct, frozen=True, kw_only=True):
    """A key of a Secret or ConfigMap. `where`: the field that names it."""

    secret: bool
    name: str
    key: str
    optional: bool = False
    where: str = ""


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """`name` set to `value`, or to what `ref` holds."""

    name: str
    value: str = ""
    ref: KeyRef | None = None


class Mount(msgspec.Struct, frozen=True, kw_only=True):
    volume: str
    path: str
    sub_path: str = ""
    readonly: bool = False
    where: str = ""


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """One command. `args` are command and args together."""

    name: str
    image: str = ""
    pull: str = ""
    args: tuple[str, ...] = ()
    env: tuple[Variable, ...] = ()
    workdir: str = ""
    mounts: tuple[Mount, ...] = ()


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: emptyDir, secret, configMap or hostPath. `source`: a name, or the path on this machine.

    `items`: (key, path) pairs; empty: every key under its own name.
    """

    name: str
    kind: str
    source: str = ""
    items: tuple[tuple[str, str], ...] = ()
    optional: bool = False
    where: str = ""


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """A pod spec as far as this engine goes. `ignored`: fields that make no difference here."""

    containers: tuple[Container, ...]
    volumes: tuple[Volume, ...] = ()
    ignored: tuple[str, ...] = ()


class Bind(msgspec.Struct, frozen=True, kw_only=True):
    """`source` on this machine appears as `path` to the command."""

    source: Path
    path: str
    readonly: bool = False


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What one command sees. `name` is unique on this machine; `env_file`: KEY=VALUE, each ended by NUL."""

    name: str
    hostname: str
    image: str = ""
    pull: str = ""
    binds: tuple[Bind, ...]
    entrypoint: Path
    env_file: Path
    workdir: str
    args: tuple[str, ...]
