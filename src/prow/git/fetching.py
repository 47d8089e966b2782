"""How objects come into a mirror, and how a damaged mirror is mended.

Fetches of one repository run one after another (a lock in the process and a file lock between processes); those that are asked for while
one runs are merged into the next. What a killed git left locked is unlocked. A damaged mirror is made again while its readers wait, and
filled with what was fetched lately and with what they were about to read: once, before a caller hears of it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from prow.git import metrics, safety
from prow.git.blemished import fetch_blemished
from prow.git.errors import Broken, EmptyRepository, LeftLocked, NoSuchRef, UnsafeObjects
from prow.git.local import Local
from prow.git.locks import held
from prow.lib import logs, open_work
from prow.lib.errors import Permanent, ProwError

T = TypeVar("T")
_log = logs.get("git")
_REMEMBERED = 200


class _Batch:
    """Fetches that will run as one."""

    def __init__(self) -> None:
        self.members: list[tuple[tuple[str, ...], asyncio.Future[None]]] = []


class Fetching:
    """Of one mirror. `fetched`: called after each fetch that brought something."""

    def __init__(self, local: Local, *, fetched: Callable[[], None]) -> None:
        self._local = local
        self._fetched = fetched
        self._clock = local.tools.clock
        self._path = local.folder.with_suffix(".lock")
        self._lock = asyncio.Lock()
        self._next: _Batch | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lately: OrderedDict[str, None] = OrderedDict()

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def fetch(self, refspecs: Sequence[str]) -> None:
        specs = tuple(_stored(safety.refspec(spec)) for spec in refspecs)
        if not specs:
            return
        if self._next is None:
            self._next = _Batch()
            task = asyncio.create_task(self._run(self._next), name=f"git-fetch-{self._local.folder.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._next.members.append((specs, done))
        await done

    async def mended(self, read: Callable[[], Awaitable[T]], *, needs: Sequence[str] = ()) -> T:
        """Read with the mirror in use; when it turns out to be damaged, have it made again with `needs` in it, and read once more."""
        seen = self._local.identity
        try:
            async with self._local.use.shared():
                return await read()
        except (Broken, NoSuchRef) as error:
            if isinstance(error, NoSuchRef) and await self._is_sound():
                raise
            async with self._lock, held(self._path, self._clock):
                if self._local.identity == seen:
                    await self._renew(error)
                    await self._refill(needs)
        async with self._local.use.shared():
            return await read()

    async def _is_sound(self) -> bool:
        """Whether what was fetched lately and what the refs name is here, so that something else that is missing never was."""
        if not self._local.exists:
            return not self._lately
        try:
            async with self._local.use.shared():
                commits = [spec for spec in self._lately if _is_commit(spec)]
                if len(await self._local.sizes(commits)) < len(commits):
                    return False
                return (await self._local.run(["for-each-ref", "--format=%(objecttype)"])).code == 0
        except Broken:
            return False

    async def _run(self, batch: _Batch) -> None:
        try:
            async with self._lock, held(self._path, self._clock):
                self._next = None
                specs = tuple(dict.fromkeys(spec for specs, _ in batch.members for spec in specs))
                error = await self._outcome(specs)
                outcomes = dict.fromkeys((specs for specs, _ in batch.members), error)
                if isinstance(error, Permanent) and len(outcomes) > 1:  # the fault of one is not the fault of all
                    outcomes = {specs: await self._outcome(specs) for specs in outcomes}
                for specs, done in batch.members:
                    _settle(done, outcomes[specs])
        finally:
            if self._next is batch:
                self._next = None
            for _, done in batch.members:
                if not done.done():
                    done.cancel()

    async def _outcome(self, specs: Sequence[str]) -> ProwError | None:
        try:
            await self._timed(specs)
        except Broken as error:
            try:
                await self._renew(error)
                await self._refill(specs)
            except ProwError as again:
                return again
        except ProwError as error:
            return error
        self._remember(specs)
        self._fetched()
        return None

    async def _timed(self, specs: Sequence[str]) -> None:
        single = all(_is_commit(spec) for spec in specs)
        timer = metrics.BY_SHA if single else metrics.REFRESH
        with timer.labels(self._local.org, self._local.repo).time():
            wanted = await self._wanting(specs)
            if wanted:
                metrics.FETCHES.labels("commits" if single else "refs").inc()
                await self._unlocked(wanted)

    async def _wanting(self, specs: Sequence[str]) -> list[str]:
        """Without what is here: another process may have fetched commits while this one waited, and few refs have moved."""
        if not self._local.exists:
            return list(specs)
        refs = {spec: ref for spec in specs if (ref := _plain(spec))}
        async with self._local.use.shared():
            here: set[str] = set(await self._local.sizes(spec for spec in specs if _is_commit(spec)))
            had = {ref: sha for ref in refs.values() if (sha := self._local.stored(ref)) is not None}
            if had:
                metrics.FETCHES.labels("tips").inc()
                now = await self._local.tips(list(had))
                here |= {spec for spec, ref in refs.items() if ref in now and now[ref] == had[ref]}
        return [spec for spec in specs if spec not in here]

    async def _unlocked(self, specs: Sequence[str]) -> None:
        """Fetch; locks in the way belong to nobody, since who writes refs holds ours."""
        if not self._local.exists:
            async with self._local.use.alone():
                await self._make()
        try:
            await self._get(specs)
        except LeftLocked as error:
            _log.warning("A git that was killed left a mirror locked; it is unlocked.", mirror=self._local.name)
            metrics.REPAIRS.labels("unlocked").inc()
            if not await open_work.in_thread(_unlock, self._local.folder):
                raise error from None
            await self._get(specs)

    async def _get(self, specs: Sequence[str]) -> None:
        try:
            async with self._local.use.shared():
                await self._local.fetch(specs)
        except NoSuchRef as error:
            if await self._holds_nothing():
                raise EmptyRepository(f"{self._local.remote} has no commits yet") from error
            raise
        except UnsafeObjects as error:
            if not self._local.partial or not safety.is_old_blemish(str(error)):
                raise
            async with self._local.use.shared():
                await fetch_blemished(self._local, specs)

    async def _holds_nothing(self) -> bool:
        """Whether the remote has no ref at all; it is asked only when nothing ever came from it."""
        known = await self._local.run(["for-each-ref", "--count=1"])
        if known.code or known.data:
            return False
        output = await self._local.run_online(["ls-remote", "--quiet", "origin", "HEAD", "refs/heads/*"])
        return output.code == 0 and not output.data

    async def _renew(self, error: ProwError) -> None:
        if self._local.folder.exists():  # else it gave way to others in a full cache folder
            _log.warning("A mirror is damaged and is made again.", mirror=self._local.name, error=str(error))
            metrics.REPAIRS.labels("made again").inc()
        async with self._local.use.alone():
            await self._make()

    async def _refill(self, needs: Sequence[str]) -> None:
        """What is needed has to come; what was fetched lately comes if it still can."""
        needed = [_stored(spec) for spec in needs]
        lately = [spec for spec in self._lately if spec not in needed]
        if needed:
            await self._get(needed)
        if lately:
            try:
                await self._get(lately)
            except NoSuchRef:
                _log.info("Some of what a mirror had is gone at the server.", mirror=self._local.name)

    def _remember(self, specs: Sequence[str]) -> None:
        for spec in specs:
            self._lately[spec] = None
            self._lately.move_to_end(spec)
        while len(self._lately) > _REMEMBERED:
            self._lately.popitem(last=False)

    async def _make(self) -> None:
        """Make an empty mirror, whole or not at all."""
        folder = self._local.folder
        new = folder.with_name(f".{folder.name}.{os.getpid()}.new")
        await open_work.in_thread(shutil.rmtree, new, ignore_errors=True)
        await open_work.in_thread(_initialize, new)
        await self._local.tools.readers.drop(folder)
        await open_work.in_thread(_replace, new, folder)


def _stored(spec: str) -> str:
    """A ref without a target keeps its own name; a commit needs none."""
    source = spec.removeprefix("+")
    return spec if ":" in spec or not source.startswith("refs/") else f"+{source}:{source}"


def _plain(spec: str) -> str:
    """The ref of a spec that stores just one, under its own name; empty for others."""
    source, _, target = spec.removeprefix("+").partition(":")
    return source if source == target and "*" not in source else ""


def _is_commit(spec: str) -> bool:
    return ":" not in spec and not spec.startswith("refs/")


def _settle(done: asyncio.Future[None], error: ProwError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _initialize(folder: Path) -> None:
    """What `git init --bare` would make, without a process and whatever its defaults are."""
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags"):
        (folder / name).mkdir(parents=True)
    (folder / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n")
    (folder / "HEAD").write_text("ref: refs/heads/main\n")


def _replace(new: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def _unlock(folder: Path) -> bool:
    """Remove the locks of refs and config; whether there was one."""
    left = [*folder.glob("*.lock"), *(folder / "refs").rglob("*.lock"), *(folder / "objects" / "info").glob("*.lock")]
    for path in left:
        path.unlink(missing_ok=True)
    return bool(left)
