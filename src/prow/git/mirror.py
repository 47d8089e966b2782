"""Bare mirrors: one per repository under one cache folder, shared by all processes on the machine.

Objects come by explicit fetches (`fetching`): of refs, or of commits by SHA. Mirrors are partial (`--filter=blob:none`) where the server
allows it; file contents then come on first use, all that a read wants in one request. Reading needs no process of its own
(`objects`) and remembers folders (`trees`, `finder`). What is made of commits is in `merging`, what goes back in `pushing`, how the
cache folder stays within its bound in `upkeep`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

from prow.git import safety, signing, trees
from prow.git.client import Git
from prow.git.commits import read_commit
from prow.git.errors import NoSuchFile, NoSuchRef, TooLarge
from prow.git.fetching import Fetching
from prow.git.finder import Finder
from prow.git.local import Limits, Local, Tokens, Tools, text
from prow.git.model import Commit, TreeEntry
from prow.git.objects import Readers
from prow.git.refs import RemoteRefs
from prow.git.trees import TreeCache
from prow.git.upkeep import CACHE_SIZE, Upkeep
from prow.lib import open_work
from prow.lib.clock import Clock
from prow.lib.errors import UsageError

T = TypeVar("T")


class Mirrors:
    """All mirrors of one cache folder.

    `base`: what stands before `/org/repo` in a remote's address. `signing_key`: path of an SSH key that signs what is committed.
    `cache_size`: bytes of all mirrors; the least recently used go when they are more.
    """

    def __init__(
        self,
        git: Git,
        *,
        clock: Clock,
        folder: Path,
        base: str = "https://github.com",
        tokens: Tokens | None = None,
        partial: bool = True,
        signing_key: str = "",
        cache_size: int = CACHE_SIZE,
        limits: Limits | None = None,
    ) -> None:
        if "://" not in base:
            raise UsageError(f"{base!r} is not the address of a git server: give something like https://github.com")
        if signing_key:
            signing.check(Path(signing_key))
        self._readers = Readers(git, clock=clock)
        self._remote_refs = RemoteRefs(clock)
        self._tools = Tools(
            git=git,
            clock=clock,
            tokens=tokens,
            readers=self._readers,
            remote_refs=self._remote_refs,
            trees=TreeCache(),
            limits=limits or Limits(),
            signing_key=signing_key,
        )
        self._folder = folder
        self._base = base.rstrip("/")
        self._partial = partial
        self._mirrors: dict[tuple[str, str], Mirror] = {}
        self.upkeep = Upkeep(git, clock=clock, folder=folder, most=cache_size)

    def mirror(self, org: str, repo: str) -> Mirror:
        """The mirror of a repository; it is made on first use. Raises BadName."""
        key = (safety.owner(org), safety.repository(repo))
        if key not in self._mirrors:
            local = Local(
                self._tools,
                org=org,
                repo=repo,
                folder=self._folder / org / f"{repo}.git",
                remote=self.address(org, repo),
                partial=self._partial,
            )
            self._mirrors[key] = Mirror(local, Fetching(local, fetched=self.upkeep.soon), self.address)
        return self._mirrors[key]

    def address(self, org: str, repo: str) -> str:
        return f"{self._base}/{safety.owner(org)}/{safety.repository(repo)}"

    async def aclose(self) -> None:
        """End the fetches under way, and everything that is kept for reading."""
        for mirror in self._mirrors.values():
            await mirror.aclose()
        await self.upkeep.aclose()
        await self._readers.aclose()
        await self._remote_refs.aclose()


class Mirror:
    """One repository. Commits are full SHAs; paths are relative to the repository's root. Where a commit is read, its tree will do.

    `local`, `mended`: for the rooms that build on it.
    """

    def __init__(self, local: Local, fetching: Fetching, address: Callable[[str, str], str]) -> None:
        self.local = local
        self.address = address
        self._fetching = fetching

    @property
    def folder(self) -> Path:
        return self.local.folder

    @property
    def remote(self) -> str:
        return self.local.remote

    async def aclose(self) -> None:
        await self._fetching.aclose()
        await self.local.aclose()

    async def mended(self, read: Callable[[], Awaitable[T]], *, needs: Sequence[str] = ()) -> T:
        """Do something with the repository on this disk; when that is damaged, once more on a fresh one that has `needs`."""
        return await self._fetching.mended(read, needs=needs)

    # Getting objects

    async def fetch(self, refspecs: Sequence[str]) -> None:
        """Get commits (by SHA) and refs (`refs/heads/main`, `+refs/heads/*:refs/heads/*`) as they are now at the remote.

        A ref without a target is stored under its own name.
        Raises BadName, NoSuchRef, EmptyRepository, NoSuchRepository, NoAccess, UnsafeObjects, TooLarge, GitFailed.
        """
        await self._fetching.fetch(refspecs)

    async def ensure(self, commits: Iterable[str]) -> None:
        """Get those commits that are not here yet. Raises like `fetch`."""
        wanted = [safety.commit(sha) for sha in dict.fromkeys(commits)]
        here = await self._here(wanted)
        await self.fetch([sha for sha in wanted if sha not in here])

    async def has(self, sha: str) -> bool:
        """Is this commit here? Asks nobody else."""
        return bool(await self._here([safety.commit(sha)]))

    async def _here(self, shas: Sequence[str]) -> frozenset[str]:
        async def look() -> frozenset[str]:
            return frozenset(await self.local.sizes(shas)) if self.local.exists else frozenset()

        return await self.mended(look)

    # Reading

    async def resolve(self, ref: str) -> str:
        """The commit of a full ref name, as it was last fetched. Raises NoSuchRef."""

        async def read() -> str:
            sha = self.local.stored(ref)
            if sha is None:
                raise NoSuchRef(f"{self.remote} has no {ref}")
            return sha

        return await self.mended(read, needs=[ref])

    async def read_file(self, commit: str, path: str) -> bytes:
        """A file's content; links inside the repository are followed. Raises NoSuchFile, NoSuchRef, TooLarge (16 MiB)."""
        largest = self.local.tools.limits.file

        async def read() -> bytes:
            place = await self._look_up(await self.local.root(commit), path)
            if place.kind != "blob":
                raise NoSuchFile(f"{path} is a folder")
            found = await self.local.blobs([place.sha], max_file=largest)
            if place.sha not in found:
                raise TooLarge(f"{self.remote}: {path} is larger than {largest >> 20} MiB")
            return found[place.sha]

        return await self._told(read, commit, path)

    async def read_files(
        self, commit: str, entries: Sequence[TreeEntry], *, max_file: int, max_all: int = 256 << 20
    ) -> dict[str, bytes]:
        """Contents by path. What is larger than `max_file`, or a link to nowhere, is left out. Raises TooLarge above `max_all` together.

        One request gets all contents that are missing here; one more what links lead to.
        """

        links = [entry for entry in entries if entry.is_link]
        real = {entry.path: entry.sha for entry in entries if not entry.is_link}

        async def read() -> dict[str, bytes]:
            places = dict(real)
            if links:
                await self.local.fill(entry.sha for entry in entries)
                root = await self.local.root(commit)
                targets = {entry.path: await self._target(root, entry) for entry in links}
                places |= {path: target.sha for path, target in targets.items() if target is not None}
            found = await self.local.blobs(places.values(), max_file=max_file, max_all=max_all)
            return {path: found[sha] for path, sha in places.items() if sha in found}

        return await self.mended(read, needs=[commit])

    async def list_tree(self, commit: str, path: str = "", *, recursive: bool = True) -> tuple[TreeEntry, ...]:
        """What a folder holds; recursive: all files below it, without the folders. Raises NoSuchFile, NoSuchRef."""

        async def read() -> tuple[TreeEntry, ...]:
            place = await self._look_up(await self.local.root(commit), path)
            if place.kind != "tree":
                raise NoSuchFile(f"{path} is no folder")
            folder = f"{path}/" if path else ""
            if not recursive:
                nodes = (await self.local.folders([place.sha]))[place.sha]
                return tuple(TreeEntry(n.mode, n.kind, n.sha, f"{folder}{name}") for name, n in nodes.items())
            args = ["ls-tree", "-r", "-z", "--end-of-options", place.sha]
            output = await self.local.run(args, max_output=self.local.tools.limits.listing)
            self.local.expect(output, f"list {path}")
            return await open_work.in_thread(_listed, output.data, folder)

        return await self._told(read, commit, path)

    async def find(self, commit: str, finder: Finder) -> tuple[TreeEntry, ...]:
        """The files and links of a commit that a finder wants. Raises NoSuchRef, TooLarge."""

        async def read() -> tuple[TreeEntry, ...]:
            return await finder.find(await self.local.root(commit), self.local.folders)

        return await self.mended(read, needs=[commit])

    async def tree(self, commit: str) -> str:
        """The tree of a commit. Raises NoSuchRef."""
        return await self.mended(lambda: self.local.root(commit), needs=[commit])

    async def show(self, commit: str) -> Commit:
        """A commit's own data. Raises NoSuchRef when it is not here."""
        sha = safety.commit(commit)
        said = await self.mended(lambda: read_commit(self.local, sha), needs=[sha])
        return Commit(
            sha=sha,
            tree=said.tree,
            parents=said.parents,
            author_name=said.author.who.name,
            author_email=said.author.who.email,
            authored_at=said.author.at,
            message=said.message.removesuffix("\n"),
        )

    # Comparing

    async def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor; None when the histories are unrelated."""
        return await self.mended(lambda: self._merge_base(one, other), needs=[one, other])

    async def changed_files(self, base: str, head: str, *, since_fork: bool = True) -> tuple[str, ...]:
        """What `head` changed since it left `base`, or what differs between the two. A moved file counts twice: where it was and where it is."""

        async def read() -> tuple[str, ...]:
            start = (await self._merge_base(base, head) if since_fork else None) or safety.commit(base)
            args = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", "--end-of-options", start, head]
            output = await self.local.run(args)
            self.local.expect(output, "diff-tree")
            return tuple(text(name) for name in output.data.split(b"\0") if name)

        return await self.mended(read, needs=[base, head])

    async def commits_between(self, base: str, head: str, *, merges: bool | None = None) -> tuple[str, ...]:
        """The commits that `head` has and `base` has not, oldest first; only merges, or none of them."""
        kind = {True: ["--merges"], False: ["--no-merges"], None: []}[merges]
        span = [safety.commit(head), f"^{safety.commit(base)}"]

        async def read() -> tuple[str, ...]:
            output = await self.local.run(["rev-list", "--topo-order", "--reverse", *kind, *span, "--"])
            self.local.expect(output, "rev-list")
            return tuple(output.data.decode().split())

        return await self.mended(read, needs=[base, head])

    async def _merge_base(self, one: str, other: str) -> str | None:
        output = await self.local.run(["merge-base", "--end-of-options", safety.commit(one), safety.commit(other)])
        self.local.expect(output, "merge-base", ok=(0, 1))
        return output.data.decode().strip() or None

    async def _look_up(self, root: str, path: str) -> TreeEntry:
        return await trees.look_up(root, safety.file_path(path), read=self.local.folders, link=self.local.link)

    async def _target(self, root: str, entry: TreeEntry) -> TreeEntry | None:
        try:
            place = await self._look_up(root, entry.path)
        except NoSuchFile:
            return None
        return place if place.kind == "blob" else None

    async def _told(self, read: Callable[[], Awaitable[T]], commit: str, path: str) -> T:
        """Read a path; the error says where it is missing."""
        try:
            return await self.mended(read, needs=[commit])
        except NoSuchFile as error:
            raise NoSuchFile(f"{self.remote} has no {path} in {commit}: {error}") from None


def _listed(listing: bytes, folder: str) -> tuple[TreeEntry, ...]:
    return tuple(_entry(line, folder) for line in listing.split(b"\0") if line)


def _entry(line: bytes, folder: str) -> TreeEntry:
    facts, _, name = line.partition(b"\t")
    mode, kind, sha = facts.decode().split()
    return TreeEntry(mode, kind, sha, f"{folder}{text(name)}")
