"""One request and its answer, and how a handler finds what a path names."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from prow.sim.accounts import Identity
from prow.sim.apps import App, allows
from prow.sim.errors import Refused, not_found
from prow.sim.payloads import Json
from prow.sim.rest import bodies
from prow.sim.rest.needs import Need, need
from prow.sim.state import Issue, Org, Repo
from prow.sim.world import World


@dataclass
class Call:
    """One request: who calls, the path's parts, the query, the body: of JSON, or bytes where a file is taken. `route`: method and path template.

    What is not even of the right kind is refused when it is made.
    """

    who: Identity
    path: dict[str, str]
    query: dict[str, str]
    body: Any = None
    route: tuple[str, str] = ("GET", "/")
    accept: str = ""
    content_type: str = ""

    def __post_init__(self) -> None:
        if "\0" in "".join((*self.path.values(), *self.query.values())):
            raise Refused(400, "Bad Request")
        if isinstance(self.body, dict):
            bodies.check(self.route[1], self.body)

    @property
    def login(self) -> str | None:
        return self.who.login

    @property
    def need(self) -> Need:
        return need(*self.route)


@dataclass
class Answer:
    """`items`: a whole list that the server cuts into pages; else `body`, of JSON or of bytes of another `media` type.

    `each`: makes JSON of an item, for those of the page alone. `wrap`: puts the page into an object. `modified`: when it changed last.
    """

    body: Any = None
    status: int = 200
    items: Sequence[Any] | None = None
    each: Callable[[Any], Any] | None = None
    wrap: Callable[[Sequence[Any]], Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    media: str = "application/json; charset=utf-8"
    modified: datetime | None = None


Handler = Callable[[Call], Awaitable[Answer]]
Table = dict[tuple[str, str], Handler]
"""(method, path template) → handler; of two templates that fit a path the earlier one gets it."""

INTEGRATION = "Resource not accessible by integration"
PERSONAL = "Resource not accessible by personal access token"
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
        """`needed`: what the caller must be allowed to do there. `archived`: it may be archived even for a change.

        Who does not see a repository is told that there is none.
        """
        repo = self.world.repo(f"{call.path['owner']}/{call.path['repo']}")
        if not self.world.sees(repo, call.who):
            raise not_found()
        writes = call.route[0] != "GET"
        if (writes or needed != "read") and call.login is None:
            raise Refused(401, "Requires authentication")
        if call.who.granular:
            self._check_granted(call, repo, needed)
        elif not call.who.has_scope(*(call.need.scopes if repo.private else call.need.public)):
            raise not_found()
        if call.who.installation is None and not self.world.may(repo, call.login, needed):
            what = (
                "Must have admin rights to Repository." if needed == "admin" else "Must have push access to repository"
            )
            raise Refused(403, what)
        if repo.archived and not archived and writes:
            raise Refused(403, "Repository was archived so is read-only.")
        return repo

    def _check_granted(self, call: Call, repo: Repo, needed: str) -> None:
        """The token needs the permission of this call, and to be for this repository; what is public it may read like everybody."""
        if call.route[0] == "GET" and needed == "read" and not repo.private:
            return
        if not self.world.covers(repo, call.who) or not granted(call):
            raise not_granted(call.who)

    def issue(self, call: Call, needed: str = "read") -> tuple[Repo, Issue]:
        repo = self.repo(call, needed)
        return repo, self.world.issue(repo, number(call, "number"))

    def pull(self, call: Call, needed: str = "read") -> Issue:
        _, issue = self.issue(call, needed)
        if issue.pull is None:
            raise not_found()
        return issue

    def org(self, call: Call, needed: str = "") -> Org:
        """`needed`: `member` or `admin` of the organisation; an app needs the permission of this call."""
        found = self.world.orgs.get(call.path["org"].lower())
        if found is None:
            raise not_found()
        if not needed:
            return found
        if call.login is None:
            raise Refused(401, "Requires authentication")
        installation, owner = call.who.installation, call.who.owner
        foreign = (installation is not None and installation.account is not found) or owner not in {
            "",
            found.login.lower(),
        }
        if call.who.granular and (foreign or not granted(call)):
            raise not_granted(call.who)
        if installation is not None:
            return found
        if not call.who.has_scope(*call.need.scopes):
            least = "read:org" if "read:org" in call.need.scopes else call.need.scopes[0]
            raise Refused(403, f"You need at least {least} scope to do this.")
        if needed == "admin" and not self.world.is_owner(found, call.login):
            raise Refused(403, f"You must be an admin of the {found.login} organization.")
        if needed == "member" and not self.world.is_member(found.login, call.login):
            raise not_found()
        return found

    def repo_json(self, repo: Repo, viewer: str | None = None) -> Json:
        return self.world.repo_json(repo, viewer=viewer)

    def may_edit(self, call: Call, issue: Issue, author: str, needed: str) -> None:
        """Its author may, and who has `needed`."""
        if login(call).lower() != author.lower() and not self.world.may(issue.repo, call.login, needed):
            raise Refused(403, "Must have push access to repository")


def not_granted(who: Identity) -> Refused:
    return Refused(403, INTEGRATION if who.installation is not None else PERSONAL)


def granted(call: Call) -> bool:
    """Whether the token has one of the permissions that this call takes."""
    need = call.need
    return any(allows(call.who.permissions, name, need.level) for name in need.permissions)


def number(call: Call, name: str) -> int:
    text = call.path[name]
    return int(text) if text.isdecimal() and len(text) < 19 else 0


def login(call: Call) -> str:
    """Of whoever is a person or a bot here."""
    if call.login is None:
        raise Refused(401, "Requires authentication")
    return call.login


def app_of(call: Call) -> App:
    """Only a web token proves that it is the app itself."""
    if call.who.app is None or call.who.installation is not None:
        raise Refused(401, "A JSON web token could not be decoded")
    return call.who.app


def person(call: Call) -> str:
    """Of a person: installations have no account of their own to look at."""
    if call.who.app is not None:
        raise Refused(403, INTEGRATION)
    return login(call)


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
