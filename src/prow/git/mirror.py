"""Bare mirrors: one per repository under one cache folder, shared by all processes on the machine.

Objects come by explicit fetches: of refs, or of commits by SHA. Fetches of one repository run one after another (a lock in the
process and a file lock between processes); those that are asked for while one runs are merged into the next. Reads take no
lock: nothing is ever pruned. Mirrors are partial (`--filter=blob:none`) where the server allows it; file contents then come
on first use. A damaged mirror is put aside, made again and filled with what was fetched lately, once, before a caller hears of it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from prow.git import blobs, safety
from prow.git.client import Git, Output, failure
from prow.git.errors import Broken, NoSuchFile, NoSuchRef, TooLarge
from prow.git.model import Commit, Merge, TreeEntry
from prow.lib import logs, open_work
from prow.lib.clock import Clock
from prow.lib.errors import ProwError, UsageError

T = TypeVar("T")
_log = logs.get("git")

FETCH_SECONDS = 600.0
READ_SECONDS = 120.0
MAX_FILE = 16 << 20
MAX_LISTING = 256 << 20
_LOCK_POLL = 0.05
_REMEMBERED = 200
_FILTER = "blob:none"
_PROMISOR = {"remote.origin.promisor": "true", "remote.origin.partialCloneFilter": _FILTER}
_SHOW = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%B"


class Tokens(Protocol):
    async def token(self, org: str) -> str:
        """The token for the repositories of `org`; empty: anonymous."""
        ...


class _Anonymous:
    async def token(self, org: str) -> str:  # noqa: ARG002
        return ""


class Mirrors:
    """All mirrors of one cache folder. `base`: what stands before `/org/repo` in a remote's address."""

    def __init__(
        self,
        git: Git,
        *,
        clock: Clock,
        folder: Path,
        base: str = "https://github.com",
        tokens: Tokens | None = None,
        partial: bool = True,
    ) -> None:
        if "://" not in base:
            raise UsageError(f"{base!r} is not the address of a git server: give something like https://github.com")
        self._git = git
        self._clock = clock
        self._folder = folder
        self._base = base.rstrip("/")
        self._tokens = tokens or _Anonymous()
        self._partial = partial
        self._mirrors: dict[tuple[str, str], Mirror] = {}

    def mirror(self, org: str, repo: str) -> Mirror:
        """The mirror of a repository; it is made on first use. Raises BadName."""
        key = (safety.owner(org), safety.repository(repo))
        if key not in self._mirrors:
            self._mirrors[key] = Mirror(
                self._git,
                clock=self._clock,
                org=org,
                folder=self._folder / org / f"{repo}.git",
                remote=f"{self._base}/{org}/{repo}",
                tokens=self._tokens,
                partial=self._partial,
            )
        return self._mirrors[key]

    async def aclose(self) -> None:
        """End the fetches under way."""
        for mirror in self._mirrors.values():
            await mirror.aclose()


class _Batch:
    """Fetches that will run as one."""

    def __init__(self) -> None:
        self.members: list[tuple[tuple[str, ...], asyncio.Future[None]]] = []


class Mirror:
    """One repository. Commits are full SHAs; paths are relative to the repository's root."""

    def __init__(
        self, git: Git, *, clock: Clock, org: str, folder: Path, remote: str, tokens: Tokens, partial: bool
    ) -> None:
        self._git = git
        self._clock = clock
        self._org = org
        self.folder = folder
        self.remote = remote
        self._tokens = tokens
        self._partial = partial
        self._lock = asyncio.Lock()
        self._next: _Batch | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._lately: OrderedDict[str, None] = OrderedDict()

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # Getting objects.

    async def fetch(self, refspecs: Sequence[str]) -> None:
        """Get commits (by SHA) and refs (`refs/heads/main`, `+refs/heads/*:refs/heads/*`) as they are now at the remote.

        A ref without a target is stored under its own name. Raises BadName, NoSuchRef, NoAccess, GitFailed.
        """
        specs = tuple(_stored(safety.refspec(spec)) for spec in refspecs)
        if not specs:
            return
        if self._next is None:
            self._next = _Batch()
            task = asyncio.create_task(self._run(self._next), name=f"git-fetch-{self.folder.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._next.members.append((specs, done))
        await done

    async def ensure(self, commits: Iterable[str]) -> None:
        """Get those commits that are not here yet. Raises like `fetch`."""
        missing = [sha for sha in dict.fromkeys(commits) if not await self.has(sha)]
        await self.fetch(missing)

    async def _run(self, batch: _Batch) -> None:
        try:
            async with self._lock, self._file_lock():
                self._next = None
                specs = tuple(dict.fromkeys(spec for specs, _ in batch.members for spec in specs))
                error = await self._outcome(specs)
                if isinstance(error, NoSuchRef) and len(batch.members) > 1:
                    for specs, done in batch.members:
                        _settle(done, await self._outcome(specs))
                else:
                    for _, done in batch.members:
                        _settle(done, error)
        finally:
            if self._next is batch:
                self._next = None
            for _, done in batch.members:
                if not done.done():
                    done.cancel()

    async def _outcome(self, specs: Sequence[str]) -> ProwError | None:
        try:
            await self._fetch(specs)
        except Broken as error:
            _log.warning("A mirror is damaged and is made again.", mirror=str(self.folder), error=str(error))
            try:
                await self._renew()
                await self._fetch([*self._lately, *specs])
            except ProwError as again:
                return again
        except ProwError as error:
            return error
        for spec in specs:
            self._lately[spec] = None
            self._lately.move_to_end(spec)
        while len(self._lately) > _REMEMBERED:
            self._lately.popitem(last=False)
        return None

    async def _fetch(self, specs: Sequence[str]) -> None:
        if not (self.folder / "HEAD").exists():
            await self._make()
        options = ["--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--force", "--quiet", "--no-progress"]
        if self._partial:
            options.append(f"--filter={_FILTER}")
        output = await self._git_here(
            ["fetch", *options, "--end-of-options", "origin", *specs], lazily=True, timeout=FETCH_SECONDS
        )
        self._expect(output, "fetch")

    async def _make(self) -> None:
        """Make an empty mirror, whole or not at all."""
        await open_work.in_thread(self.folder.parent.mkdir, parents=True, exist_ok=True, mode=0o700)
        new = self.folder.with_name(f".{self.folder.name}.{os.getpid()}.new")
        await open_work.in_thread(shutil.rmtree, new, ignore_errors=True)
        output = await self._git.run(["init", "--quiet", "--bare", "--template=", "--end-of-options", str(new)])
        self._expect(output, "init")
        await open_work.in_thread(_replace, new, self.folder)

    async def _renew(self) -> None:
        await self._make()

    @asynccontextmanager
    async def _file_lock(self) -> AsyncIterator[None]:
        """Keep other processes out. Waits without holding a thread."""
        await open_work.in_thread(self.folder.parent.mkdir, parents=True, exist_ok=True, mode=0o700)
        handle = os.open(self.folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await self._clock.sleep(_LOCK_POLL)
            yield
        finally:
            os.close(handle)

    # Reading.

    async def has(self, sha: str) -> bool:
        """Is this commit here? Asks nobody else."""
        if not (self.folder / "HEAD").exists():
            return False
        output = await self._git_here(["cat-file", "-e", f"{safety.commit(sha)}^{{commit}}"])
        return output.code == 0

    async def resolve(self, ref: str) -> str:
        """The commit of a full ref name, as it was last fetched. Raises NoSuchRef."""

        async def read() -> str:
            output = await self._git_here(["for-each-ref", "--format=%(objectname)", "--count=1", safety.ref(ref)])
            self._expect(output, f"resolve {ref}")
            sha = output.data.decode().strip()
            if not sha:
                raise NoSuchRef(f"{self.remote} has no {ref}")
            return sha

        return await self._mended(read)

    async def read_file(self, commit: str, path: str) -> bytes:
        """A file's content; links inside the repository are followed. Raises NoSuchFile, NoSuchRef, TooLarge (16 MiB)."""
        name = f"{safety.commit(commit)}:{safety.file_path(path)}"

        async def read() -> bytes:
            output = await self._git_here(
                ["cat-file", "--batch", "--follow-symlinks", "-z"],
                stdin=name.encode("utf-8", "surrogateescape") + b"\0",
                lazily=True,
                max_output=MAX_FILE + (1 << 16),
            )
            self._expect(output, f"read {path}")
            header, _, rest = output.data.partition(b"\n")
            words = header.rsplit(b" ", 2)
            if len(words) != 3 or words[1] != b"blob" or not words[2].isdigit():
                if not await self.has(commit):
                    raise NoSuchRef(f"{self.remote}: the commit {commit} is not here: fetch it first")
                raise NoSuchFile(f"{self.remote} has no file {path} in {commit}")
            return rest[: int(words[2])]

        try:
            return await self._mended(read)
        except TooLarge:
            raise TooLarge(f"{self.remote}: {path} is larger than {MAX_FILE >> 20} MiB") from None

    async def list_tree(self, commit: str, path: str = "", *, recursive: bool = True) -> tuple[TreeEntry, ...]:
        """What a folder holds; recursive: all files below it, without the folders. Raises NoSuchFile, NoSuchRef."""
        tree = f"{safety.commit(commit)}:{safety.file_path(path)}"

        async def read() -> tuple[TreeEntry, ...]:
            output = await self._git_here(["ls-tree", "-z", *(["-r"] if recursive else []), "--end-of-options", tree])
            if output.code and await self.has(commit):
                raise NoSuchFile(f"{self.remote} has no folder {path} in {commit}")
            self._expect(output, f"list {path}")
            return tuple(_entry(line, path) for line in output.data.split(b"\0") if line)

        return await self._mended(read)

    async def files_matching(self, commit: str, wanted: Callable[[str], bool]) -> tuple[TreeEntry, ...]:
        """The files and links of a commit whose paths are wanted. Large trees are sifted in a thread."""
        args = ["ls-tree", "-r", "-z", "--end-of-options", safety.commit(commit)]

        async def read() -> tuple[TreeEntry, ...]:
            output = await self._git_here(args, max_output=MAX_LISTING)
            self._expect(output, f"list {commit}")
            return await open_work.in_thread(_sifted, output.data, wanted)

        return await self._mended(read)

    async def read_blobs(self, shas: Iterable[str], *, max_file: int = MAX_FILE) -> dict[str, bytes]:
        """Contents of many files at once, by the SHAs of their tree entries; larger files are left out."""
        wanted = tuple(shas)

        async def ask(args: list[str], stdin: bytes, lazily: bool, max_output: int) -> bytes:  # noqa: FBT001
            seconds = FETCH_SECONDS if lazily else READ_SECONDS
            output = await self._git_here(args, stdin=stdin, lazily=lazily, timeout=seconds, max_output=max_output)
            self._expect(output, args[0])
            return output.data

        return await self._mended(lambda: blobs.read(ask, wanted, max_file=max_file))

    async def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor; None when the histories are unrelated."""
        args = ["merge-base", "--end-of-options", safety.commit(one), safety.commit(other)]

        async def read() -> str | None:
            output = await self._git_here(args)
            self._expect(output, "merge-base", ok=(0, 1))
            return output.data.decode().strip() or None

        return await self._mended(read)

    async def changed_files(self, base: str, head: str) -> tuple[str, ...]:
        """What `head` changed since it left `base`. A moved file counts twice: where it was and where it is."""
        fork = await self.merge_base(base, head)
        start = fork or safety.commit(base)

        async def read() -> tuple[str, ...]:
            args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options", start, head]
            output = await self._git_here(args)
            self._expect(output, "diff-tree")
            return tuple(_text(name) for name in output.data.split(b"\0") if name)

        return await self._mended(read)

    async def try_merge(self, base: str, head: str) -> Merge:
        """Merge two commits without a worktree. Unrelated histories do not merge."""
        if await self.merge_base(base, head) is None:
            return Merge(clean=False)

        async def read() -> Merge:
            args = ["merge-tree", "--write-tree", "--no-messages", "--name-only", "-z", "--end-of-options", base, head]
            output = await self._git_here(args, lazily=True)
            self._expect(output, "merge-tree", ok=(0, 1))
            tree, *paths = [_text(part) for part in output.data.split(b"\0") if part]
            return Merge(clean=output.code == 0, tree=tree, conflicts=tuple(dict.fromkeys(paths)))

        return await self._mended(read)

    async def is_mergeable(self, base: str, head: str) -> bool:
        return (await self.try_merge(base, head)).clean

    async def show(self, commit: str) -> Commit:
        """A commit's own data. Raises NoSuchRef when it is not here."""
        args = ["log", "-1", "--no-show-signature", f"--format={_SHOW}", "--end-of-options", safety.commit(commit)]

        async def read() -> Commit:
            output = await self._git_here(args)
            self._expect(output, f"show {commit}")
            sha, tree, parents, name, email, at, message = _text(output.data).split("\0", 6)
            return Commit(
                sha=sha,
                tree=tree,
                parents=tuple(parents.split()),
                author_name=name,
                author_email=email,
                authored_at=datetime.fromisoformat(at),
                message=message.removesuffix("\n"),
            )

        return await self._mended(read)

    async def _mended(self, read: Callable[[], Awaitable[T]]) -> T:
        """Read; when the mirror turns out to be damaged, make it again, fill it and read once more."""
        try:
            return await read()
        except Broken as error:
            _log.warning("A mirror is damaged and is made again.", mirror=str(self.folder), error=str(error))
            async with self._lock, self._file_lock():
                await self._renew()
                if self._lately:
                    await self._fetch(list(self._lately))
            return await read()

    async def _git_here(
        self,
        args: Sequence[str],
        *,
        lazily: bool = False,
        stdin: bytes = b"",
        timeout: float = READ_SECONDS,
        max_output: int = 64 << 20,
    ) -> Output:
        """`lazily`: git may get missing file contents from the remote."""
        settings = {}
        token = ""
        if lazily:
            token = await self._tokens.token(self._org)
            settings = {"remote.origin.url": self.remote, **(_PROMISOR if self._partial else {})}
        return await self._git.run(
            args,
            git_dir=self.folder,
            remote=self.remote if lazily else "",
            token=token,
            settings=settings,
            stdin=stdin,
            timeout=timeout,
            max_output=max_output,
        )

    def _expect(self, output: Output, what: str, *, ok: tuple[int, ...] = (0,)) -> None:
        if output.code not in ok:
            raise failure(f"{self.remote}: {what}", output)


def _stored(spec: str) -> str:
    """A ref without a target keeps its own name; a commit needs none."""
    source = spec.removeprefix("+")
    return spec if ":" in spec or not source.startswith("refs/") else f"+{source}:{source}"


def _settle(done: asyncio.Future[None], error: ProwError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


def _replace(new: Path, folder: Path) -> None:
    if folder.exists():
        old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        new.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    else:
        new.rename(folder)


def _entry(line: bytes, folder: str) -> TreeEntry:
    facts, _, name = line.partition(b"\t")
    mode, kind, sha = facts.decode().split()
    return TreeEntry(mode, kind, sha, f"{folder}/{_text(name)}" if folder else _text(name))


def _sifted(listing: bytes, wanted: Callable[[str], bool]) -> tuple[TreeEntry, ...]:
    entries = (_entry(line, "") for line in listing.split(b"\0") if line and wanted(_text(line.partition(b"\t")[2])))
    return tuple(entry for entry in entries if entry.kind == "blob")


def _text(data: bytes) -> str:
    """File names need not be UTF-8; what is not survives the way there and back."""
    return data.decode("utf-8", "surrogateescape")
