"""`--state`: the world on disk. Each change is there before it is answered, in one transaction; repositories are real ones anyway.

Only records that changed are written. Whoever waits while a save runs is served by the next one, all together.
"""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from prow.lib.errors import UsageError
from prow.lib.sqlite import Database
from prow.sim import gitrepo, records
from prow.sim.world import World

KEPT = (
    "users",
    "orgs",
    "repos",
    "former_names",
    "tokens",
    "repo_invitations",
    "apps",
    "installations",
    "last_id",
)
"""Attributes of the world that are its state; the rest is how it is run."""
_MIGRATIONS = ("CREATE TABLE records (number INTEGER PRIMARY KEY, kind TEXT NOT NULL, data BLOB NOT NULL)",)


class Store:
    """Made by `Store.open`; `save` after each change."""

    def __init__(self, database: Database, world: World) -> None:
        self._open = AsyncExitStack()
        self._database = database
        self._world = world
        self._writer = records.Writer(world.root)
        self._saved: dict[int, records.Record] = {}
        self._lock = asyncio.Lock()
        self._wanted = self._done = 0

    @classmethod
    async def open(cls, world: World) -> Store:
        """What is in the world's folder becomes the world, and is kept there from now on."""
        path = world.root / "state.db"
        async with AsyncExitStack() as stack:
            try:
                world.root.mkdir(parents=True, exist_ok=True)
                lock = stack.enter_context((world.root / "lock").open("w"))
            except OSError as error:
                text = "a folder is needed there that can be written to"
                raise UsageError(f"--state {world.root}: {error.strerror}; {text}") from error
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                text = "another process works there; stop it, or give another --state folder"
                raise UsageError(f"{world.root}: {text}") from None
            database = await Database.open(path, _MIGRATIONS)
            stack.push_async_callback(database.close)
            store = cls(database, world)
            try:
                await store._load()
            except records.Unreadable as error:
                raise UsageError(f"{path}: cannot be read ({error}); give another --state folder") from error
            store._open = stack.pop_all()
        return store

    @property
    def fresh(self) -> bool:
        """Nothing was kept before."""
        return not self._saved

    async def _load(self) -> None:
        rows = await self._database.read(lambda db: db.execute("SELECT number, kind, data FROM records").fetchall())
        if not rows:
            return
        roots, things = records.read(self._world.root, rows)
        self._writer.known(things)
        self._saved = {number: records.Record(kind, data) for number, kind, data in rows}
        for name in KEPT:
            if name in roots:
                setattr(self._world, name, roots[name])
        await _resume(self._world)

    async def save(self) -> None:
        """Return when everything as it is now is on disk."""
        self._wanted += 1
        mine = self._wanted
        async with self._lock:
            if self._done >= mine:
                return  # a save that began after the change has brought it
            upto = self._wanted
            found = self._writer.records({name: getattr(self._world, name) for name in KEPT})
            changed = [(n, one.kind, one.data) for n, one in found.items() if self._saved.get(n) != one]
            gone = [(number,) for number in self._saved.keys() - found.keys()]
            if changed or gone:
                await self._database.write(_writing(changed, gone))
                self._saved = found
            self._done = upto

    async def close(self) -> None:
        await self._open.aclose()


async def _resume(world: World) -> None:
    """What ran when it ended goes on; a push that git has and the records have not is told now."""
    world.hooks.resume(world.all_hooks())
    for repo in world.repos.values():
        if not repo.path.is_dir():
            raise UsageError(
                f"{repo.full_name}: its repository {repo.path} is gone; put it back, or give another --state folder"
            )
    for issue in [one for repo in world.repos.values() for one in repo.issues.values()]:
        pull = issue.pull
        if pull is None or issue.state != "open":
            continue
        pull.checking = False
        head = await gitrepo.resolve(pull.head_repo.path, f"refs/heads/{pull.head_ref}") if pull.head_repo else None
        base = await gitrepo.resolve(issue.repo.path, f"refs/heads/{pull.base_ref}") or pull.base_sha
        if head not in {None, pull.head_sha}:
            pull.base_sha = base
            await world.synchronize(issue, issue.user, pull.head_sha, head or "")
        elif base != pull.base_sha or pull.mergeable is None:
            pull.base_sha = base
            world.recompute(issue)


def _writing(changed: list[tuple[int, str, bytes]], gone: list[tuple[int]]) -> Callable[[sqlite3.Connection], Any]:
    def work(db: sqlite3.Connection) -> None:
        db.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", changed)
        db.executemany("DELETE FROM records WHERE number = ?", gone)

    return work
