"""How objects come into a mirror, and how a damaged mirror is mended.

Fetches of one repository run one after another, merged (`batches`). What a killed git left locked is unlocked, and a ref that is gone at the
server makes way. A damaged mirror is made again while its readers wait, and filled with what was fetched lately and with what they were about to
read: once, before a caller hears of it.
"""

from __future__ import annotations

import os
import shutil
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from prow.git import leftovers, metrics, refs, safety
from prow.git.batches import Batches
from prow.git.blemished import fetch_blemished
from prow.git.errors import Broken, EmptyRepository, GitFailed, InTheWay, LeftLocked, NoSuchRef, UnsafeObjects
from prow.git.local import Local, text
from prow.git.locks import Alone, contents_lock, fetch_lock, held
from prow.git.objects import NOWHERE, Identity
from prow.lib import logs, open_work
from prow.lib.errors import ProwError

T = TypeVar("T")
_log = logs.get("git")
_REMEMBERED = 200


class Fetching:
    """Of one mirror. `fetched`: called after each fetch that brought something."""

    def __init__(self, local: Local, *, fetched: Callable[[], None]) -> None:
        self._local = local
        self._fetched = fetched
        self._alone = Alone(fetch_lock(local.folder), local.tools.clock)
        self._batches = Batches(f"{local.name}: fetch", alone=self._alone, work=self._get_all)
        self._lately: OrderedDict[str, None] = OrderedDict()
        self._filled: Identity | None = None

    async def aclose(self) -> None:
        await self._batches.aclose()

    async def fetch(self, refspecs: Sequence[str]) -> None:
        specs = tuple(_stored(safety.refspec(spec)) for spec in refspecs)
        if specs:
            await self._batches.ask(specs)

    async def mended(self, read: Callable[[], Awaitable[T]], *, needs: Sequence[str] = ()) -> T:
        """Read with the mirror in use; when it turns out to be damaged, have it made again with `needs` in it, and read once more."""
        seen = self._local.identity
        try:
            async with self._local.use.shared():
                return await read()
        except (Broken, NoSuchRef) as error:
            if isinstance(error, NoSuchRef) and await self._is_sound():
                raise
            async with self._alone.held():
                await self._mend(error, seen, needs)
        async with self._local.use.shared():
            return await read()

    async def _mend(self, error: ProwError, seen: Identity, needs: Sequence[str]) -> None:
        """What another process made again lacks what it never knew of; only what was damaged is made again."""
        if self._local.identity == seen and (isinstance(error, Broken) or not self._is_of_others):
            await self._renew(error)
        if self._local.identity != self._filled:
            await self._refill(needs)

    @property
    def _is_of_others(self) -> bool:
        """Whether another process made the mirror again, or took it away, since something was fetched."""
        return self._filled is not None and self._filled != self._local.identity

    async def _is_sound(self) -> bool:
        """Whether what was fetched lately and what the refs name is here, so that something else that is missing never was."""
        if self._is_of_others:
            return False
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

    async def _get_all(self, specs: Sequence[str]) -> None:
        """Fetch, and mend. The caller holds the fetch lock."""
        try:
            if self._is_of_others:
                await self._refill(())
            await self._timed(specs)
        except Broken as error:
            await self._renew(error)
            await self._refill(specs)
        self._remember(specs)
        self._fetched()

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
        plain = {spec: ref for spec in specs if (ref := _plain(spec))}
        async with self._local.use.shared():
            here: set[str] = set(await self._local.sizes(spec for spec in specs if _is_commit(spec)))
            had = {ref: sha for ref in plain.values() if (sha := self._local.stored(ref)) is not None}
            if had:
                metrics.FETCHES.labels("tips").inc()
                now = await self._local.tips(list(had))
                here |= {spec for spec, ref in plain.items() if ref in now and now[ref] == had[ref]}
        return [spec for spec in specs if spec not in here]

    async def _unlocked(self, specs: Sequence[str]) -> None:
        """Fetch; locks in the way belong to nobody, since who writes refs holds ours."""
        await self._exist()
        try:
            await self._get(specs)
        except LeftLocked as error:
            _log.warning("A git that was killed left a mirror locked; it is unlocked.", mirror=self._local.name)
            metrics.REPAIRS.labels("unlocked").inc()
            if not await open_work.in_thread(_unlock, self._local.folder):
                raise error from None
            await self._get(specs)
        except InTheWay:
            await self._make_way(specs)
            await self._get(specs)

    async def _make_way(self, specs: Sequence[str]) -> None:
        """Drop refs that cannot be beside those that are wanted: the server has them no more."""
        listed = await self._local.run(["for-each-ref", "--format=%(refname)"])
        self._local.expect(listed, "for-each-ref")
        targets = [spec.rpartition(":")[2] for spec in specs if not _is_commit(spec)]
        gone = [ref for ref in text(listed.data).split() if any(refs.excludes(target, ref) for target in targets)]
        _log.info("Branches that are gone make way for others of like names.", mirror=self._local.name, refs=gone[:10])
        lines = b"".join(b"delete %s\0\0" % os.fsencode(ref) for ref in gone)
        self._local.expect(await self._local.run(["update-ref", "-z", "--stdin"], stdin=lines), "update-ref")

    async def _get(self, specs: Sequence[str]) -> None:
        try:
            await self._fetch(specs)
        except NoSuchRef as error:
            if await self._holds_nothing():
                raise EmptyRepository(f"{self._local.remote} has no commits yet") from error
            raise
        except UnsafeObjects as error:
            if not self._local.partial or not safety.is_old_blemish(str(error)):
                raise
            contents = held(contents_lock(self._local.folder), self._local.tools.clock)
            async with contents, self._local.use.shared():  # what comes meanwhile is of this fetch
                await fetch_blemished(self._local, specs)

    async def _fetch(self, specs: Sequence[str]) -> None:
        try:
            async with self._local.use.shared():
                await self._local.fetch(specs)
        except ProwError:
            await open_work.in_thread(leftovers.clear_after_fetch, self._local.folder)
            raise

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
        self._filled = NOWHERE

    async def _exist(self) -> None:
        if not self._local.exists:
            async with self._local.use.alone():
                await self._make()

    async def _refill(self, needs: Sequence[str]) -> None:
        """What was fetched lately comes if it still can; what is needed has to come."""
        needed = [_stored(spec) for spec in needs]
        lately = [spec for spec in self._lately if spec not in needed]
        await self._exist()
        come = await self._got(lately)
        if len(come) < len(lately):
            _log.info("Some of what a mirror had is gone at the server.", mirror=self._local.name)
        if needed:
            try:
                await self._get(needed)
            except NoSuchRef:
                self._has_just(come)
                raise
        self._has_just([*come, *needed])

    def _has_just(self, specs: Sequence[str]) -> None:
        self._lately.clear()
        self._remember(specs)

    async def _got(self, specs: Sequence[str]) -> list[str]:
        """Fetch those that the server still has."""
        try:
            if specs:
                await self._get(specs)
        except NoSuchRef:
            half = len(specs) // 2
            return [*await self._got(specs[:half]), *await self._got(specs[half:])] if half else []
        return list(specs)

    def _remember(self, specs: Sequence[str]) -> None:
        self._filled = self._local.identity
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
        try:
            await open_work.in_thread(_initialize, new)
            await self._local.tools.readers.drop(folder)
            await open_work.in_thread(_replace, new, folder)
        except OSError as error:
            raise GitFailed(f"{folder} cannot be made: {error.strerror}") from None


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
