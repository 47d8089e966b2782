"""`--seed`: a GitHub from one YAML file, and its format. docs/simulator.md shows it; a field that is unknown is an error with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from prow.lib import goyaml
from prow.lib.errors import UsageError
from prow.lib.goyaml_positions import Positions
from prow.sim.errors import Refused
from prow.sim.gitrepo import GitFailed

Files = dict[str, str | None]
T = TypeVar("T")


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Hook(_Part, frozen=True, kw_only=True):
    """`events`: names of events, or `*` for all."""

    url: str
    secret: str = ""
    events: tuple[str, ...] = ("*",)


class Account(_Part, frozen=True, kw_only=True):
    """Someone with a token of a given text; without `scopes` it may do everything.

    With `permissions` the token is a fine-grained one, for what `owner` has (himself unless told), or for these `repos` of it.
    """

    login: str
    token: str = ""
    scopes: tuple[str, ...] | None = None
    permissions: dict[str, str] | None = None
    owner: str = ""
    repos: tuple[str, ...] | None = None


class Installation(_Part, frozen=True, kw_only=True):
    """`repos`: the app has these of the account, all unless told. `id`: else the next number."""

    account: str
    repos: tuple[str, ...] | None = None
    suspended: bool = False
    id: int = 0


class App(_Part, frozen=True, kw_only=True):
    """A GitHub App. `key`: PEM file, relative to the seed's folder, with its private or public key; made when it is not there.

    `id`: else the next number. `hook`: where it is told of `events` (the hook's own are not asked).
    """

    slug: str
    id: int = 0
    owner: str = "github"
    permissions: dict[str, str] = {}
    events: tuple[str, ...] = ()
    key: str = ""
    hook: Hook | None = None
    installations: tuple[Installation, ...] = ()


class Team(_Part, frozen=True, kw_only=True):
    """`parent`: a team before it in the list."""

    name: str
    members: tuple[str, ...] = ()
    maintainers: tuple[str, ...] = ()
    parent: str = ""
    privacy: str = "closed"


class Org(_Part, frozen=True, kw_only=True):
    """`default_permission`: what every member may do in its repositories."""

    login: str
    default_permission: Literal["none", "read", "write", "admin"] = "read"
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
    """`contexts`: what has to succeed; `apps`: which of them one app alone may report (context: slug); `strict`: the head has to contain
    the base; `reviews`: how many approvals. `pushers`, `push_teams`, `push_apps`: who alone may push.
    """

    branch: str
    contexts: tuple[str, ...] | None = None
    apps: dict[str, str] = {}
    strict: bool = False
    reviews: int | None = None
    dismiss_stale: bool = False
    code_owners: bool = False
    last_push: bool = False
    conversations: bool = False
    linear: bool = False
    signatures: bool = False
    force_pushes: bool = False
    deletions: bool = False
    locked: bool = False
    enforce_admins: bool = False
    pushers: tuple[str, ...] | None = None
    push_teams: tuple[str, ...] = ()
    push_apps: tuple[str, ...] = ()


class Milestone(_Part, frozen=True, kw_only=True):
    """`due_on`: as `2026-12-24T00:00:00Z`."""

    title: str
    creator: str
    description: str = ""
    due_on: str | None = None
    closed: bool = False


class Status(_Part, frozen=True, kw_only=True):
    """Of the head of a pull request; in a repository of a `branch`, the default one unless told."""

    context: str
    state: str
    author: str
    description: str = ""
    target_url: str = ""
    branch: str = ""


class Check(_Part, frozen=True, kw_only=True):
    """A check run, of the same commits. `app`: the slug of one that is installed there and may write checks. A conclusion alone: it is over."""

    name: str
    app: str
    status: str = ""
    conclusion: str = ""
    title: str = ""
    summary: str = ""
    details_url: str = ""
    branch: str = ""


class Workflow(_Part, frozen=True, kw_only=True):
    """A run of a workflow of GitHub Actions, of the same commits."""

    name: str
    actor: str
    event: str = ""
    status: str = "completed"
    conclusion: str | None = None
    branch: str = ""


class Comment(_Part, frozen=True, kw_only=True):
    author: str
    body: str


class LineComment(_Part, frozen=True, kw_only=True):
    """`line`: one of what changes or stands beside it, the first unless told."""

    path: str
    body: str
    line: int | None = None


class Review(_Part, frozen=True, kw_only=True):
    """`comments`: on lines of what changes."""

    author: str
    state: Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "PENDING"]
    body: str = ""
    comments: tuple[LineComment, ...] = ()


class Issue(_Part, frozen=True, kw_only=True):
    title: str
    author: str
    body: str = ""
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    comments: tuple[Comment, ...] = ()
    milestone: str = ""
    locked: bool = False
    closed: bool = False


class Pull(_Part, frozen=True, kw_only=True):
    """`files`: what its commit changes; null takes a file away. `fork`: whether the head branch is in a fork of the author's.

    `reviewers`: logins and slugs of teams that are asked. `merged_by`: it was merged, by the merge button's rules.
    """

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
    reviewers: tuple[str, ...] = ()
    reviews: tuple[Review, ...] = ()
    statuses: tuple[Status, ...] = ()
    checks: tuple[Check, ...] = ()
    workflows: tuple[Workflow, ...] = ()
    milestone: str = ""
    locked: bool = False
    closed: bool = False
    merged_by: str = ""


class Repo(_Part, frozen=True, kw_only=True):
    """`files`: of its first commit. `clone`: a repository on this machine to copy instead, relative to the seed's folder.

    `collaborators`, `teams`: login or slug → read, triage, write, maintain or admin.
    """

    name: str
    description: str = ""
    topics: tuple[str, ...] = ()
    private: bool = False
    archived: bool = False
    default_branch: str = "main"
    allow_merge_commit: bool = True
    allow_squash_merge: bool = True
    allow_rebase_merge: bool = True
    delete_branch_on_merge: bool = False
    allow_auto_merge: bool = False
    files: Files = {}
    clone: str = ""
    branches: tuple[Branch, ...] = ()
    labels: tuple[Label, ...] = ()
    collaborators: dict[str, str] = {}
    teams: dict[str, str] = {}
    protection: tuple[Protection, ...] = ()
    hooks: tuple[Hook, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    statuses: tuple[Status, ...] = ()
    checks: tuple[Check, ...] = ()
    workflows: tuple[Workflow, ...] = ()
    issues: tuple[Issue, ...] = ()
    pulls: tuple[Pull, ...] = ()


class Seed(_Part, frozen=True, kw_only=True):
    users: tuple[Account, ...] = ()
    orgs: tuple[Org, ...] = ()
    apps: tuple[App, ...] = ()
    repos: tuple[Repo, ...] = ()


class Wrong(UsageError):
    """`FILE:LINE:COLUMN: what is wrong`."""


class Source:
    """A seed's text with the places of its parts."""

    def __init__(self, name: str, data: bytes | str) -> None:
        self.name = name
        self._data = data

    def seed(self) -> Seed:
        return self.read(Seed)

    def read(self, kind: type[T]) -> T:
        """The value that the text means; raises `Wrong`."""
        try:
            value = goyaml.load(self._data)
        except goyaml.YamlError as error:
            raise Wrong(f"{self.name}:{error.line}:{error.column}: {error.message}") from error
        try:
            return msgspec.convert(value if value is not None else {}, kind)
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

    @contextmanager
    def at(self, *place: str | int) -> Iterator[None]:
        """What is refused inside is refused at this place of the file, or where it would stand."""
        try:
            yield
        except Refused as error:
            raise self.wrong(place, _details(error) or error.message) from error
        except GitFailed as error:
            raise self.wrong(place, str(error)) from error


def _details(error: Refused) -> str:
    """What GitHub says to it in words, or else which field is meant."""
    told = [one if isinstance(one, str) else one.get("message", "") for one in error.errors or ()]
    named = [f"{one.get('field')} {one.get('code')}" for one in error.errors or () if isinstance(one, dict)]
    return ", ".join(filter(None, told)) or ", ".join(named)


def schema() -> dict[str, Any]:
    """The format as a JSON Schema, for editors."""
    return msgspec.json.schema(Seed)


def opened(flag: str, path: Path) -> Source:
    """The text of the file that a flag names."""
    try:
        return Source(str(path), path.read_bytes())
    except OSError as error:
        raise UsageError(f"{flag} {path}: {error.strerror}") from error


def read(path: Path) -> tuple[Source, Seed]:
    source = opened("--seed", path)
    return source, source.seed()


def _steps(path: str) -> tuple[str | int, ...]:
    """msgspec's path, as far as it says which item is meant."""
    found: list[str | int] = []
    for key, index in re.findall(r"\.([^.\[]+)|\[([^\]]*)\]", path):
        if index == "...":
            break
        found.append(int(index) if index else key)
    return tuple(found)
