"""One request and its answer, and how a handler finds what a path names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from prow.sim.errors import Refused, not_found
from prow.sim.payloads import Json
from prow.sim.state import Issue, Org, Repo
from prow.sim.world import World


@dataclass
class Call:
    """One request: who calls, the path's parts, the query, the body."""

    login: str | None
    path: dict[str, str]
    query: dict[str, str]
    body: Any = None


@dataclass
class Answer:
    """`items`: a whole list that the server cuts into pages; else `body`."""

    body: Any = None
    status: int = 200
    items: Sequence[Any] | None = None
    wrap: Callable[[Sequence[Any]], Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


Handler = Callable[[Call], Awaitable[Answer]]
Table = dict[tuple[str, str], Handler]
"""(method, path template) → handler; of two templates that fit a path the earlier one gets it."""

REPO = "/repos/{owner}/{repo}"
ISSUE = f"{REPO}/issues/{{number}}"
PULL = f"{REPO}/pulls/{{number}}"


class Area(ABC):
    """Handlers of one noun."""

    def __init__(self, world: World) -> None:
        self.world = world

    @abstractmethod
    def table(self) -> Table:
        """The calls of this noun."""

    def repo(self, call: Call, needed: str = "read", *, archived: bool = False) -> Repo:
        """`needed`: what the caller must be allowed to do there. `archived`: it may be archived even for a change."""
        repo = self.world.repo(f"{call.path['owner']}/{call.path['repo']}")
        if not self.world.may(repo, call.login, "read"):
            raise not_found()
        if needed != "read" and call.login is None:
            raise Refused(401, "Requires authentication")
        if not self.world.may(repo, call.login, needed):
            raise Refused(
                403,
                "Must have admin rights to Repository." if needed == "admin" else "Resource not accessible by token",
            )
        if repo.archived and not archived and (needed != "read" or call.body is not None):
            raise Refused(403, "Repository was archived so is read-only.")
        return repo

    def issue(self, call: Call, needed: str = "read") -> tuple[Repo, Issue]:
        repo = self.repo(call, needed)
        return repo, self.world.issue(repo, number(call, "number"))

    def pull(self, call: Call, needed: str = "read") -> Issue:
        _, issue = self.issue(call, needed)
        if issue.pull is None:
            raise not_found()
        return issue

    def org(self, call: Call) -> Org:
        found = self.world.orgs.get(call.path["org"].lower())
        if found is None:
            raise not_found()
        return found

    def repo_json(self, repo: Repo, viewer: str | None = None) -> Json:
        return self.world.repo_json(repo, viewer=viewer)

    def may_edit(self, call: Call, issue: Issue, author: str, needed: str) -> None:
        """Its author may, and who has `needed`."""
        if login(call).lower() != author.lower() and not self.world.may(issue.repo, call.login, needed):
            raise Refused(403, "Resource not accessible by token")


def number(call: Call, name: str) -> int:
    text = call.path[name]
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def login(call: Call) -> str:
    if call.login is None:
        raise Refused(401, "Requires authentication")
    return call.login


def body(call: Call) -> dict[str, Any]:
    if not isinstance(call.body, dict):
        raise Refused(400, "Problems parsing JSON")
    return call.body


def names(call: Call, key: str) -> list[str]:
    """A list of names in the body."""
    found = body(call).get(key) or []
    if not isinstance(found, list):
        raise Refused(422, "Invalid request.")
    return [str(name) for name in found]
