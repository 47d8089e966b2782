"""Objects by SHA, read from a git that stays: one `git cat-file --batch-command` for each mirror that is read now.

A round trip takes a fraction of a millisecond, where a process takes several. These processes know neither remote nor token, so
what is missing is said to be missing. There are few of them: the least used goes when one more is wanted, and each goes when it was idle for a
while, when it answers what it should not, or when the mirror it reads has been made again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec

from prow.git import metrics
from prow.git.client import Git, end
from prow.git.errors import GitFailed, TookTooLong, TooLarge
from prow.git.failures import Output, failure, one_line
from prow.lib.clock import Clock

MOST = 8
IDLE_SECONDS = 60.0
_AT_ONCE = 400
"""Questions before answers are read: they fit into the buffer of a pipe, so that neither side waits for the other."""
_STDERR_KEPT = 1 << 14

Identity = tuple[int, int]
NOWHERE: Identity = (0, 0)


class Object(msgspec.Struct, frozen=True):
    kind: str
    data: bytes


class Facts(msgspec.Struct, frozen=True):
    kind: str
    size: int


class Readers:
    """Of all mirrors of a process. Questions about one mirror are answered one after another."""

    def __init__(self, git: Git, *, clock: Clock, most: int = MOST, idle: float = IDLE_SECONDS) -> None:
        self._git = git
        self._clock = clock
        self._most = most
        self._idle = idle
        self._readers: OrderedDict[Path, _Reader] = OrderedDict()
        self._locks: dict[Path, asyncio.Lock] = {}
        self._sweeper: asyncio.Task[None] | None = None

    async def facts(self, folder: Path, shas: Iterable[str], *, seconds: float) -> dict[str, Facts]:
        """Kind and size of those objects that are there."""
        answers = await self._ask(folder, "info", tuple(shas), seconds, 0)
        return {sha: Facts(answer.kind, answer.size) for sha, answer in answers.items()}

    async def contents(self, folder: Path, shas: Iterable[str], *, seconds: float, most: int) -> dict[str, Object]:
        """Those objects that are there. Raises TooLarge when one has more than `most` bytes."""
        answers = await self._ask(folder, "contents", tuple(shas), seconds, most)
        return {sha: Object(answer.kind, answer.data) for sha, answer in answers.items()}

    async def drop(self, folder: Path) -> None:
        """End the process that reads this mirror."""
        if reader := self._readers.pop(folder, None):
            await self._end(reader)

    async def aclose(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        for folder in tuple(self._readers):
            await self.drop(folder)

    async def _ask(self, folder: Path, what: str, shas: Sequence[str], seconds: float, most: int) -> dict[str, _Answer]:
        if not shas:
            return {}
        async with self._locks.setdefault(folder, asyncio.Lock()):
            try:
                return await self._answered(folder, what, shas, seconds, most)
            except _Ended:  # it may have ended long ago; a new one gets the same question
                pass
            try:
                return await self._answered(folder, what, shas, seconds, most)
            except _Ended as ended:
                raise failure("git cat-file", Output(128, b"", ended.text)) from None

    async def _answered(
        self, folder: Path, what: str, shas: Sequence[str], seconds: float, most: int
    ) -> dict[str, _Answer]:
        reader = await self._reader(folder)
        reader.asked = True
        whole = False
        try:
            with self._clock.busy():
                async with self._clock.timeout(seconds):
                    answers = await reader.ask(what, shas, most)
            whole = True
            return answers
        except TimeoutError:
            raise TookTooLong(f"git cat-file was not done after {seconds:.0f} seconds") from None
        finally:
            reader.asked = False
            reader.last = self._clock.monotonic()
            if not whole and self._readers.get(folder) is reader:  # what it would say next answers another question
                del self._readers[folder]
                await self._end(reader)

    async def _reader(self, folder: Path) -> _Reader:
        place = identity(folder)
        known = self._readers.get(folder)
        if known is not None and known.place == place and known.process.returncode is None:
            self._readers.move_to_end(folder)
            return known
        await self.drop(folder)
        for other, reader in tuple(self._readers.items()):
            if len(self._readers) < self._most:
                break
            if not reader.asked:
                await self.drop(other)
        with self._clock.busy():
            process = await self._git.start(["cat-file", "--batch-command", "--buffer", "-z"], git_dir=folder)
        made = _Reader(process, place, self._clock.monotonic())
        self._readers[folder] = made
        metrics.READERS.inc()
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep(), name="git-readers")
        return made

    async def _sweep(self) -> None:
        """End those that nobody has asked anything for a while."""
        while self._readers:
            await self._clock.sleep(self._idle)
            for folder, reader in tuple(self._readers.items()):
                if not reader.asked and self._clock.monotonic() - reader.last >= self._idle:
                    await self.drop(folder)

    async def _end(self, reader: _Reader) -> None:
        metrics.READERS.dec()
        with self._clock.busy():
            await reader.close()


class _Answer(msgspec.Struct, frozen=True):
    kind: str
    size: int
    data: bytes = b""


class _Ended(Exception):
    """The process ended instead of answering. `text`: what it said."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class _Reader:
    """`place`: which folder it has open; a folder that was made again is another. `asked`: it is answering now."""

    def __init__(self, process: asyncio.subprocess.Process, place: Identity, now: float) -> None:
        self.process = process
        self.place = place
        self.last = now
        self.asked = False
        self._errors = bytearray()
        self._listener = asyncio.create_task(self._listen(), name="git-reader-errors")

    async def ask(self, what: str, shas: Sequence[str], most: int) -> dict[str, _Answer]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        found: dict[str, _Answer] = {}
        try:
            for part in _parts(shas):
                self.process.stdin.write(b"".join(b"%s %s\0" % (what.encode(), sha.encode()) for sha in part))
                self.process.stdin.write(b"flush\0")
                await self.process.stdin.drain()
                for sha in part:
                    answer = await self._answer(self.process.stdout, whole=what == "contents", most=most)
                    if answer is not None:
                        found[sha] = answer
        except (OSError, asyncio.IncompleteReadError):
            await self._listener
            raise _Ended(one_line(self._errors.decode("utf-8", "replace"))) from None
        return found

    async def close(self) -> None:
        await end(self.process)
        self._listener.cancel()
        with suppress(asyncio.CancelledError):
            await self._listener

    async def _listen(self) -> None:
        assert self.process.stderr is not None
        while piece := await self.process.stderr.read(_STDERR_KEPT):
            self._errors += piece
            del self._errors[:-_STDERR_KEPT]

    @staticmethod
    async def _answer(pipe: asyncio.StreamReader, *, whole: bool, most: int) -> _Answer | None:
        words = (await pipe.readuntil(b"\n")).decode().split()
        if len(words) == 2 and words[1] in {"missing", "ambiguous"}:
            return None
        if len(words) != 3 or not words[2].isdigit():
            raise GitFailed(f"git cat-file answered {' '.join(words)[:100]!r}")
        size = int(words[2])
        if whole and size > most:
            raise TooLarge(f"the {words[1]} {words[0]} has {size} bytes, more than {most}")
        data = (await pipe.readexactly(size + 1))[:size] if whole else b""
        return _Answer(words[1], size, data)


def _parts(shas: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(shas), _AT_ONCE):
        yield shas[start : start + _AT_ONCE]


def identity(folder: Path) -> Identity:
    """Something else when the repository was made again; NOWHERE when it is not there."""
    try:
        head = (folder / "HEAD").stat()
    except OSError:
        return NOWHERE
    return head.st_ino, head.st_mtime_ns
