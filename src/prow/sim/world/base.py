"""The ground of the world: repositories by name, hooks, events, waiting."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Sequence
from pathlib import Path
from typing import Any

from prow.lib.clock import Clock
from prow.lib.ids import Ids
from prow.sim.apps import App, Installation
from prow.sim.errors import Moved, not_found
from prow.sim.journal import Journal
from prow.sim.payloads import Json
from prow.sim.payloads.orgs import permissions
from prow.sim.state import Hook, Issue, Org, Protection, Repo, User
from prow.sim.world.accounts import Accounts

ZEN = "Keep it logically awesome."


class Base(Accounts):
    """What follows when something happens."""

    def __init__(self, root: Path, *, clock: Clock, ids: Ids) -> None:
        super().__init__(root, clock=clock, ids=ids)
        self.calls: Counter[tuple[str, str]] = Counter()
        """API calls by (method, path template), 304s aside."""
        self.content_writes = 0
        self.journal = Journal(clock)
        self.compute_mergeable = True
        """False: mergeability stays unknown. Once it is true again, the next look at a pull request has it computed."""
        self.mergeable_delay = 0.0
        """Seconds of the clock until mergeability is known, as GitHub takes its time."""
        self._changed = asyncio.Condition()
        self._locks: dict[int, asyncio.Lock] = {}
        self._aftermaths: dict[int, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    # Repositories and events

    def repo(self, full_name: str) -> Repo:
        """By its name; Moved when it had that name before and nobody else has it now."""
        found = self.repos.get(full_name.lower())
        if found is None:
            moved = self.former_names.get(full_name.lower())
            if moved is None:
                raise not_found()
            raise Moved(f"/repositories/{moved.id}", moved.full_name)
        return found

    def repo_by_id(self, number: int) -> Repo:
        found = next((repo for repo in self.repos.values() if repo.id == number), None)
        if found is None:
            raise not_found()
        return found

    def repo_json(self, repo: Repo, *, viewer: str | None = None) -> Json:
        """`viewer`: who may push sees the settings of merging too."""
        found = self.json.repo(repo, self.owner(repo.owner))
        if viewer is not None:
            found["permissions"] = permissions(self.permission(repo, viewer))
            if self.may(repo, viewer, "write"):
                found |= self.json.merge_settings(repo)
        return found

    def all_hooks(self) -> list[Hook]:
        """Of repositories, organisations and apps."""
        found = [hook for repo in self.repos.values() for hook in repo.hooks]
        found += [hook for org in self.orgs.values() for hook in org.hooks]
        return found + [app.hook for app in self.apps.values() if app.hook is not None]

    def protection_of(self, repo: Repo, branch: str) -> Protection | None:
        """All that binds a branch, added up in one value. Everybody who keeps rules asks here and nowhere else: the merge, pushes by git
        and REST, what REST, GraphQL and search tell of a pull request. This is the place for rulesets, beside the branch's protection.
        """
        return repo.protections.get(branch)

    def add_hook(self, where: Repo | Org, *, url: str, secret: str, events: Sequence[str] = ("*",)) -> Hook:
        """A webhook; it is pinged at once."""
        kind = "repository" if isinstance(where, Repo) else "organization"
        hook = Hook(self.new_id(), url, secret, tuple(events), target=(kind, where.id))
        where.hooks.append(hook)
        self.ping(where, hook)
        return hook

    def ping(self, where: Repo | Org, hook: Hook) -> None:
        """See whether anybody answers."""
        path = f"repos/{where.full_name}" if isinstance(where, Repo) else f"orgs/{where.login}"
        payload: Json = {"zen": ZEN, "hook_id": hook.id, "hook": self.json.hook(path, hook)}
        if isinstance(where, Repo):
            payload["repository"] = self.repo_json(where)
        else:
            payload["organization"] = self.json.org(where)
        self.hooks.send(hook, "ping", payload)

    def installed_at(self, where: Repo | Org) -> list[Installation]:
        """Installations that have this repository, or are the organisation's."""
        if isinstance(where, Org):
            return [one for one in self.installations.values() if one.account is where]
        owner = where.owner.lower()
        here = [one for one in self.installations.values() if one.account.login.lower() == owner]
        return [one for one in here if one.repos is None or where.id in one.repos]

    def listeners(self, repo: Repo, event: str, *, app: App | None = None) -> list[tuple[Hook, Installation | None]]:
        """Hooks that are told of this event: the repository's, its organisation's, those of installed apps. `app`: that app's alone."""
        org = self.orgs.get(repo.owner.lower())
        found: list[tuple[Hook, Installation | None]] = []
        if app is None:
            found += [(hook, None) for hook in (*repo.hooks, *(org.hooks if org else ())) if hook.wants(event)]
        return found + self._apps(self.installed_at(repo), event, app)

    @staticmethod
    def _apps(
        installed: Sequence[Installation], event: str, app: App | None = None
    ) -> list[tuple[Hook, Installation | None]]:
        hooks = [(one.app.hook, one) for one in installed if (app is None or app is one.app) and one.hears(event)]
        return [(hook, one) for hook, one in hooks if hook is not None and hook.active]

    async def emit(
        self, repo: Repo, event: str, sender: User, payload: Json, *, app: App | None = None, hooks: bool = True
    ) -> None:
        """Send an event to everybody who listens, and wake whoever waits for a change. `app`: to that app alone; `hooks` False: to apps."""
        self.journal.note_event(repo, sender.login, event, payload)
        org = self.orgs.get(repo.owner.lower())
        listeners = self.listeners(repo, event, app=app) if hooks else self._apps(self.installed_at(repo), event)
        if listeners:
            body = {**payload, "repository": self.repo_json(repo), "sender": self.json.user(sender)}
            if org is not None:
                body["organization"] = self.json.org(org)
            self._tell(listeners, event, body)
        await self.changed(_concerned(repo, event, payload))

    async def emit_org(self, org: Org, event: str, sender: User, payload: Json) -> None:
        """The same for what concerns an organisation alone."""
        self.journal.note_event(None, sender.login, event, payload)
        body = {**payload, "organization": self.json.org(org), "sender": self.json.user(sender)}
        hooks: list[tuple[Hook, Installation | None]] = [(hook, None) for hook in org.hooks if hook.wants(event)]
        self._tell(hooks + self._apps(self.installed_at(org), event), event, body)
        await self.changed()

    def _tell(self, listeners: Sequence[tuple[Hook, Installation | None]], event: str, body: Json) -> None:
        """An app is told for which of its installations."""
        for hook, installation in listeners:
            of_app = {"installation": self.json.short_installation(installation)} if installation is not None else {}
            self.hooks.send(hook, event, body | of_app)

    async def changed(self, issues: Collection[Issue] | None = None) -> None:  # noqa: ARG002 - the index knows what to do with them
        """Wake whoever waits. `issues`: those that are not what they were; None: it may be any."""
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
        return self._locks.setdefault(repo.id, asyncio.Lock())

    def aftermath(self, repo: Repo) -> asyncio.Lock:
        """Held while one push is told. Ask for it before anything else is awaited: whoever moved a ref first comes first."""
        return self._aftermaths.setdefault(repo.id, asyncio.Lock())

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.hooks.close()


def _concerned(repo: Repo, event: str, payload: Json) -> list[Issue] | None:
    """The issues that an event speaks of, by number or by the commit that heads them; None: of none in particular. What a push changes
    about pull requests is told by events of theirs."""
    about = payload.get("issue") or payload.get("pull_request")
    if about is not None:
        issue = repo.issues.get(about["number"])
        return None if issue is None else [issue]
    if event == "push":
        return []
    run = payload.get("check_run") or payload.get("check_suite") or {}
    sha = payload.get("sha") or run.get("head_sha")
    if sha is None:
        return None
    return [issue for issue in repo.issues.values() if issue.pull is not None and issue.pull.head_sha == sha]
