"""`--seed`: a GitHub from one YAML file, and its format. docs/simulator.md shows it; a field that is unknown is an error with its place."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from prow.lib import goyaml
from prow.lib.errors import UsageError
from prow.lib.goyaml_positions import Positions

Files = dict[str, str | None]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Hook(_Part, frozen=True, kw_only=True):
    """`events`: names of events, or `*` for all."""

    url: str
    secret: str = ""
    events: tuple[str, ...] = ("*",)


class Account(_Part, frozen=True, kw_only=True):
    """Someone with a token of a given text; without `scopes` it may do everything."""

    login: str
    token: str = ""
    scopes: tuple[str, ...] | None = None


class Team(_Part, frozen=True, kw_only=True):
    """`parent`: a team before it in the list."""

    name: str
    members: tuple[str, ...] = ()
    parent: str = ""
    privacy: str = "closed"


class Org(_Part, frozen=True, kw_only=True):
    login: str
    owners: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    teams: tuple[Team, ...] = ()
    hooks: tuple[Hook, ...] = ()


class Label(_Part, frozen=True, kw_only=True):
    name: str
    color: str = "ededed"
    description: str = ""


class Branch(_Part, frozen=True, kw_only=True):
    """`start`: the branch that it begins at, the default branch unless told otherwise."""

    name: str
    start: str = ""
    files: Files = {}


class Protection(_Part, frozen=True, kw_only=True):
    """`contexts`: what has to succeed; `strict`: the head has to contain the base; `reviews`: how many approvals."""

    branch: str
    contexts: tuple[str, ...] | None = None
    strict: bool = False
    reviews: int | None = None
    dismiss_stale: bool = False
    enforce_admins: bool = False


class Comment(_Part, frozen=True, kw_only=True):
    author: str
    body: str


class Review(_Part, frozen=True, kw_only=True):
    """`state`: APPROVED, CHANGES_REQUESTED or COMMENTED."""

    author: str
    state: str
    body: str = ""


class Issue(_Part, frozen=True, kw_only=True):
    title: str
    author: str
    body: str = ""
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    closed: bool = False


class Pull(_Part, frozen=True, kw_only=True):
    """`files`: what its commit changes; null takes a file away. `fork`: whether the head branch is in a fork of the author's."""

    title: str
    author: str
    files: Files
    body: str = ""
    branch: str = ""
    base: str = ""
    fork: bool = True
    draft: bool = False
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    reviews: tuple[Review, ...] = ()
    closed: bool = False


class Repo(_Part, frozen=True, kw_only=True):
    """`files`: of its first commit. `clone`: a repository on this machine to copy instead, relative to the seed's folder.

    `collaborators`, `teams`: login or slug → read, triage, write, maintain or admin.
    """

    name: str
    private: bool = False
    default_branch: str = "main"
    files: Files = {}
    clone: str = ""
    branches: tuple[Branch, ...] = ()
    labels: tuple[Label, ...] = ()
    collaborators: dict[str, str] = {}
    teams: dict[str, str] = {}
    protection: tuple[Protection, ...] = ()
    hooks: tuple[Hook, ...] = ()
    issues: tuple[Issue, ...] = ()
    pulls: tuple[Pull, ...] = ()


class Seed(_Part, frozen=True, kw_only=True):
    users: tuple[Account, ...] = ()
    orgs: tuple[Org, ...] = ()
    repos: tuple[Repo, ...] = ()


class Wrong(UsageError):
    """`FILE:LINE:COLUMN: what is wrong`."""


class Source:
    """A seed's text with the places of its parts."""

    def __init__(self, name: str, data: bytes | str) -> None:
        self.name = name
        self._data = data

    def seed(self) -> Seed:
        try:
            value = goyaml.load(self._data)
        except goyaml.YamlError as error:
            raise Wrong(f"{self.name}:{error.line}:{error.column}: {error.message}") from error
        try:
            return msgspec.convert(value if value is not None else {}, Seed)
        except msgspec.ValidationError as error:
            text, _, path = str(error).partition(" - at ")
            raise self.wrong(_steps(path.strip("`")), text) from error

    def wrong(self, path: tuple[str | int, ...], text: str) -> Wrong:
        """What is wrong at that place."""
        unknown = re.search(r"unknown field `(.*)`", text)
        where, key = ((*path, unknown[1]), True) if unknown else (path, False)
        line, column = Positions(self._data).find(where, key=key)
        words = f"unknown field {unknown[1]!r}" if unknown else text[:1].lower() + text[1:]
        return Wrong(f"{self.name}:{line}:{column}: {words}")


def read(path: Path) -> tuple[Source, Seed]:
    try:
        source = Source(str(path), path.read_bytes())
    except OSError as error:
        raise UsageError(f"--seed {path}: {error.strerror}") from error
    return source, source.seed()


def _steps(path: str) -> tuple[str | int, ...]:
    """msgspec's path, as far as it says which item is meant."""
    found: list[str | int] = []
    for key, index in re.findall(r"\.([^.\[]+)|\[([^\]]*)\]", path):
        if index == "...":
            break
        found.append(int(index) if index else key)
    return tuple(found)
