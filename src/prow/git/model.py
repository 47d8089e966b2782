"""Nouns of the git room."""

from __future__ import annotations

from datetime import datetime

import msgspec


class TreeEntry(msgspec.Struct, frozen=True):
    """`kind`: blob, tree or commit (a submodule). `mode`: as git prints it, e.g. 100644; 120000 is a symbolic link."""

    mode: str
    kind: str
    sha: str
    path: str


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    sha: str
    tree: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    authored_at: datetime
    message: str


class Merge(msgspec.Struct, frozen=True):
    """The outcome of a merge that was only tried. `tree`: of the merge, when it is clean. `conflicts`: paths."""

    clean: bool
    tree: str = ""
    conflicts: tuple[str, ...] = ()
