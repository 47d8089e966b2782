"""Keeps the cache folder within its bound and its mirrors in shape, beside the work and never in its way.

A round starts after a fetch, when the last one was a while ago; one process at a time makes it. Whole mirrors go, the least recently used first,
until all are within the bound: only those that nobody uses and that were not used for some minutes. Then the mirror with the most packs is
packed again, if nobody wants anything from it now and it has too many; every object stays, since nobody knows what a reader has in mind.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from prow.git import leftovers, metrics
from prow.git.client import Git
from prow.git.errors import GitFailed, TooLarge
from prow.git.failures import is_damage
from prow.git.local import PROMISOR
from prow.git.locks import fetch_lock, held_if_free, use_lock
from prow.lib import logs, open_work
from prow.lib.clock import Clock

_log = logs.get("git")

CACHE_SIZE = 20 << 30
EVERY_SECONDS = 600.0
QUIET_SECONDS = 300.0
MOST_PACKS = 40
MOST_LOOSE = 3_000
_LEFTOVER_SECONDS = 6 * 3600.0
_PACK_SECONDS = 1800.0
_ASIDE = frozenset({".new", ".old", ".gone"})
_ROUND = ".upkeep.lock"
_NO_FETCHES = {"GIT_NO_LAZY_FETCH": "1"}  # a git that does not know it fails, too, but later
_REPACK = ["repack", "-a", "-d", "-k", "--quiet", "--no-write-bitmap-index"]


class Kept(msgspec.Struct, frozen=True):
    """One mirror as it is on disk. `used`: when it was used last, in seconds of the epoch. `littered`: packs may be left half written."""

    folder: Path
    size: int
    packs: int
    loose: int
    used: float
    littered: bool = False


def surplus(mirrors: list[Kept], *, most: int, now: float, quiet: float) -> list[Kept]:
    """What has to go so that the rest is within `most` bytes, least recently used first. Pure."""
    size = sum(each.size for each in mirrors)
    going: list[Kept] = []
    for each in sorted(mirrors, key=lambda each: each.used):
        if size <= most:
            break
        if now - each.used >= quiet:
            going.append(each)
            size -= each.size
    return going


def untidy(mirrors: list[Kept], *, packs: int = MOST_PACKS, loose: int = MOST_LOOSE) -> Kept | None:
    """The mirror that most needs its packs put together; None: none has more than these packs or loose objects. Pure."""
    wanted = [each for each in mirrors if each.packs > packs or each.loose > loose]
    return max(wanted, key=lambda each: each.packs / packs + each.loose / loose, default=None)


class Upkeep:
    """Of one cache folder. `most`: bytes; `quiet`: seconds that a mirror must not have been used before it goes.

    `every`: seconds between rounds; `most_packs`: that a mirror may have.
    """

    def __init__(
        self,
        git: Git,
        *,
        clock: Clock,
        folder: Path,
        most: int = CACHE_SIZE,
        every: float = EVERY_SECONDS,
        quiet: float = QUIET_SECONDS,
        most_packs: int = MOST_PACKS,
    ) -> None:
        self._git = git
        self._clock = clock
        self._folder = folder
        self._most = most
        self._every = every
        self._quiet = quiet
        self._most_packs = most_packs
        self._last = float("-inf")
        self._task: asyncio.Task[None] | None = None

    def soon(self) -> None:
        """Something was fetched: begin a round, unless there was one lately."""
        if self._clock.monotonic() - self._last >= self._every and (self._task is None or self._task.done()):
            self._last = self._clock.monotonic()
            self._task = asyncio.create_task(self._guarded(), name="git-upkeep")

    async def settled(self) -> None:
        """Wait for the round that is under way."""
        if self._task is not None:
            await self._task

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def round(self) -> None:
        """Measure, remove, pack; nothing when another process is at it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with held_if_free(self._folder / _ROUND) as mine:
            if not mine:
                return
            now = self._clock.now().timestamp()
            mirrors = await open_work.in_thread(_measured, self._folder, now)
            going = surplus(mirrors, most=self._most, now=now, quiet=self._quiet)
            gone = {each.folder for each in going if await open_work.in_thread(_removed, each.folder)}
            for folder in sorted(gone):
                metrics.EVICTIONS.inc()
                _log.info("A mirror makes room for others.", mirror=f"{folder.parent.name}/{folder.stem}")
            rest = [each for each in mirrors if each.folder not in gone]
            size = sum(each.size for each in rest)
            metrics.BYTES.set(size)
            metrics.MIRRORS.set(len(rest))
            if size > self._most:
                _log.warning(
                    "The cache folder of git is over its bound: its mirrors are in use.", bytes=size, bound=self._most
                )
            for each in rest:
                if each.littered:
                    await open_work.in_thread(_tidied, each.folder)
            if (one := untidy(rest, packs=self._most_packs)) is not None:
                await self._pack(one.folder)

    async def _guarded(self) -> None:
        try:
            await self.round()
        except (OSError, GitFailed, TooLarge) as error:
            _log.warning("The upkeep of the git cache failed; it is tried again later.", error=str(error))

    async def _pack(self, folder: Path) -> None:
        """Readers go on meanwhile: git looks again for objects whose pack has gone. Fetches wait. What is damaged goes, to be made again."""
        with held_if_free(fetch_lock(folder)) as mine:
            if not mine:
                return
            output = await self._git.run(
                _REPACK, git_dir=folder, settings=PROMISOR, env=_NO_FETCHES, timeout=_PACK_SECONDS
            )
            if not output.code:
                metrics.REPACKS.inc()
                return
            await open_work.in_thread(leftovers.clear_after_fetch, folder)
        name = f"{folder.parent.name}/{folder.stem}"
        if is_damage(output) and await open_work.in_thread(_removed, folder):
            metrics.REPAIRS.labels("made again").inc()
            _log.warning("A mirror is damaged; it is made again when it is wanted.", mirror=name, error=output.told)
        else:
            _log.warning("A mirror could not be packed.", mirror=name, error=output.told)


def _measured(root: Path, now: float) -> list[Kept]:
    """All mirrors; what a killed process left half made goes."""
    found: list[Kept] = []
    for folder in root.glob("*/*.git"):
        with suppress(OSError):
            found.append(_kept(folder))
    for left in root.glob("*/.*.git.*"):
        with suppress(OSError):
            if left.suffix in _ASIDE and now - left.stat().st_mtime > _LEFTOVER_SECONDS:
                shutil.rmtree(left, ignore_errors=True)
    return found


def _kept(folder: Path) -> Kept:
    size = packs = loose = 0
    littered = False
    for place, name, entry in _files(folder):
        size += entry.stat(follow_symlinks=False).st_size
        packs += name.endswith(".pack")
        loose += len(place.name) == 2
        littered |= place.name == "pack" and leftovers.is_left(name)
    try:
        used = use_lock(folder).stat().st_mtime
    except OSError:
        used = folder.stat().st_mtime
    return Kept(folder, size, packs, loose, used, littered)


def _files(folder: Path) -> Iterator[tuple[Path, str, os.DirEntry[str]]]:
    waiting = [folder]
    while waiting:
        place = waiting.pop()
        with suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                else:
                    with suppress(OSError):
                        yield place, entry.name, entry


def _removed(folder: Path) -> bool:
    """Take a mirror away, unless somebody uses it."""
    with held_if_free(use_lock(folder)) as unused, held_if_free(fetch_lock(folder)) as unfetched:
        if not unused or not unfetched or not folder.exists():
            return False
        aside = folder.with_name(f".{folder.name}.{os.getpid()}.gone")
        folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)
    return True


def _tidied(folder: Path) -> None:
    with held_if_free(fetch_lock(folder)) as mine:
        if mine:
            leftovers.clear_after_fetch(folder)
