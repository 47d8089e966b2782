"""The ground of the world: people, rights, hooks, events, waiting."""

from __future__ import annotations

import asyncio
import itertools
import re
import secrets
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

from prow.lib.clock import Clock
from prow.lib.ids import Ids
from prow.sim.errors import Refused, not_found
from prow.sim.payloads import Json, Payloads
from prow.sim.state import Hook, Org, Repo, User
from prow.sim.webhooks import Webhooks

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
PERMISSIONS = ("none", "read", "triage", "write", "maintain", "admin")


class Base:
    """All state. `base`: the address people and programs use, set when it is served."""

    def __init__(self, root: Path, *, clock: Clock, ids: Ids) -> None:
        self.root = root
        self.clock = clock
        self.base = "http://sim.invalid"
        self.users: dict[str, User] = {}
        self.orgs: dict[str, Org] = {}
        self.repos: dict[str, Repo] = {}
        self.tokens: dict[str, str] = {}
        self.hooks = Webhooks(clock=clock, ids=ids)
        self.calls: Counter[tuple[str, str]] = Counter()
        """API calls by (method, path template), 304s aside."""
        self.content_writes = 0
        self.compute_mergeable = True
        """False: mergeability stays unknown. Once it is true again, the next look at a pull request has it computed."""
        self.mergeable_delay = 0.0
        """Seconds of the clock until mergeability is known, as GitHub takes its time."""
        self._ids = itertools.count(1001)
        self._changed = asyncio.Condition()
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def json(self) -> Payloads:
        return Payloads(self.base)

    @property
    def seconds(self) -> int:
        """The time as git takes it."""
        return int(self.clock.now().timestamp())

    def new_id(self) -> int:
        """One sequence for everything, as good as GitHub's many."""
        return next(self._ids)

    # People

    def user(self, login: str, *, type: str = "") -> User:  # noqa: A002 - GitHub's word
        """The user of that login, made when it is new: a Bot when the login ends in `[bot]`."""
        check_name(login.removesuffix("[bot]"))
        found = self.users.get(login.lower())
        if found is None:
            kind = type or ("Bot" if login.endswith("[bot]") else "User")
            found = self.users[login.lower()] = User(login, self.new_id(), kind)
        return found

    def org(self, login: str, *, members: Sequence[str] = ()) -> Org:
        """The organisation of that login, made when it is new; `members` are added."""
        check_name(login)
        found = self.orgs.get(login.lower())
        if found is None:
            found = self.orgs[login.lower()] = Org(login, self.new_id())
        for member in members:
            found.members.add(self.user(member).login)
        return found

    def token(self, login: str) -> str:
        """A new token of this user."""
        token = f"ghp_{secrets.token_hex(18)}"
        self.tokens[token] = self.user(login).login
        return token

    def owner(self, login: str) -> User | Org:
        return self.orgs.get(login.lower()) or self.user(login)

    def is_member(self, org: str, login: str) -> bool:
        found = self.orgs.get(org.lower())
        return found is not None and any(member.lower() == login.lower() for member in found.members)

    # Rights

    def permission(self, repo: Repo, login: str | None) -> str:
        """What a user may do in a repository: by himself or by one of his teams, whichever is more."""
        if login is None:
            return "none" if repo.private else "read"
        if repo.owner.lower() == login.lower():
            return "admin"
        found = ["none" if repo.private else "read"]
        found += [permission for name, permission in repo.collaborators.items() if name.lower() == login.lower()]
        found += [repo.teams[slug] for slug in self._teams_of(repo, login)]
        return max(found, key=PERMISSIONS.index)

    def _teams_of(self, repo: Repo, login: str) -> list[str]:
        org = self.orgs.get(repo.owner.lower())
        teams = org.teams if org is not None else {}
        return [slug for slug in repo.teams if login.lower() in {m.lower() for m in teams.get(slug, ())}]

    def may(self, repo: Repo, login: str | None, needed: str) -> bool:
        return PERMISSIONS.index(self.permission(repo, login)) >= PERMISSIONS.index(needed)

    def is_collaborator(self, repo: Repo, login: str) -> bool:
        """Named for this repository: its owner, by himself, or by a team."""
        known = {name.lower() for name in repo.collaborators} | {repo.owner.lower()}
        return login.lower() in known or bool(self._teams_of(repo, login))

    # Repositories and events

    def repo(self, full_name: str) -> Repo:
        found = self.repos.get(full_name.lower())
        if found is None:
            raise not_found()
        return found

    def repo_json(self, repo: Repo, *, viewer: str | None = None) -> Json:
        """`viewer`: who may push sees the settings of merging too."""
        found = self.json.repo(repo, self.owner(repo.owner))
        if viewer is not None:
            found["permissions"] = {
                "admin": self.may(repo, viewer, "admin"),
                "push": self.may(repo, viewer, "write"),
                "pull": True,
            }
            if self.may(repo, viewer, "write"):
                found |= self.json.merge_settings(repo)
        return found

    def add_hook(self, where: Repo | Org, *, url: str, secret: str, events: Sequence[str] = ("*",)) -> Hook:
        """A webhook; it is pinged at once."""
        hook = Hook(self.new_id(), url, secret, tuple(events))
        where.hooks.append(hook)
        payload: Json = {"zen": "Keep it logically awesome.", "hook_id": hook.id, "hook": self.json.hook("", hook)}
        if isinstance(where, Repo):
            payload["repository"] = self.repo_json(where)
        else:
            payload["organization"] = self.json.org(where)
        self.hooks.send(hook, "ping", payload)
        return hook

    async def emit(self, repo: Repo, event: str, sender: User, payload: Json) -> None:
        """Send an event to the repository's and its organisation's hooks, and wake whoever waits for a change."""
        body = dict(payload)
        body["repository"] = self.repo_json(repo)
        body["sender"] = self.json.user(sender)
        org = self.orgs.get(repo.owner.lower())
        if org is not None:
            body["organization"] = self.json.org(org)
        for hook in (*repo.hooks, *(org.hooks if org else ())):
            if hook.wants(event):
                self.hooks.send(hook, event, body)
        await self.changed()

    async def changed(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def wait_until(self, holds: Callable[[], bool], *, within: float) -> None:
        """Wait for a change after which `holds`; TimeoutError when none comes."""
        async with self.clock.timeout(within), self._changed:
            await self._changed.wait_for(holds)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def lock(self, repo: Repo) -> asyncio.Lock:
        """Held while a repository's refs are written."""
        return self._locks.setdefault(repo.full_name.lower(), asyncio.Lock())

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.hooks.close()


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or name.endswith(".git"):
        raise Refused(422, f"{name[:80]!r} cannot be a name")
