"""Nouns of the git room."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

NOTHING = "0" * 40
"""git's word for a ref that is not there."""


class TreeEntry(msgspec.Struct, frozen=True):
    """`kind`: blob, tree or commit (a submodule). `mode`: as git prints it, e.g. 100644; 120000 is a symbolic link."""

    mode: str
    kind: str
    sha: str
    path: str

    @property
    def is_link(self) -> bool:
        return self.mode == "120000"


class Commit(msgspec.Struct, frozen=True, kw_only=True):
    sha: str
    tree: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    authored_at: datetime
    message: str


class Identity(msgspec.Struct, frozen=True):
    """Who writes a commit."""

    name: str
    email: str


PROW = Identity("prow", "prow@localhost")


class Strategy(StrEnum):
    """How heads come onto a base; `ifNecessary`: as `merge`, but a fast forward stays one."""

    MERGE = "merge"
    IF_NECESSARY = "ifNecessary"
    SQUASH = "squash"
    REBASE = "rebase"


class Merge(msgspec.Struct, frozen=True):
    """The outcome of a merge that was only tried. `tree`: of the merge, when it is clean. `conflicts`: paths."""

    clean: bool
    tree: str = ""
    conflicts: tuple[str, ...] = ()


class Made(msgspec.Struct, frozen=True):
    """What came of it: a commit and its tree."""

    commit: str
    tree: str


class Conflict(msgspec.Struct, frozen=True):
    """What did not go onto the base. `head`: as the caller named it. `commit`: the one of its commits that failed. `files`: where;
    none when the histories have nothing in common."""

    head: str
    commit: str
    files: tuple[str, ...] = ()


class Heads(msgspec.Struct, frozen=True):
    """What a remote has: commits by branch. `default`: the branch that it shows first; it may not exist."""

    branches: dict[str, str]
    default: str = ""
