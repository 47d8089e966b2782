"""One bare repository on this disk, as a place to run git in: what the rooms around it (reading, fetching, merging, pushing) share.

Nothing here repairs; whoever calls holds the use lock (`mirror.Mirror.mended`). File contents that are missing are fetched under a lock of
their own: one request at a time, for all who wait.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from prow.git import leftovers, metrics, refs, safety, trees
from prow.git.batches import Batches
from prow.git.client import Git
from prow.git.errors import BadCredentials, Broken, NoSuchRef, TooLarge
from prow.git.failures import Output, failure, is_unauthorized
from prow.git.locks import Alone, UseLock, contents_lock, use_lock
from prow.git.model import Conflict
from prow.git.objects import NOWHERE, Identity, Object, Readers, identity
from prow.git.trees import Folder, TreeCache
from prow.lib import open_work
from prow.lib.clock import Clock
from prow.lib.errors import ProwError

FILTER = "blob:none"
PROMISOR = {"remote.origin.promisor": "true", "remote.origin.partialCloneFilter": FILTER}
_FETCH = ["fetch", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--quiet", "--no-progress"]
_MUCH = 200_000
_KEPT_ROOTS = 4_096
_KEPT_MERGES = 1_024
_MOST_TAGS = 10

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Tokens(Protocol):
    async def token(self, org: str) -> str:
        """The token for the repositories of `org`; empty: anonymous."""
        ...

    async def renew(self, org: str, used: str) -> bool:
        """The server does not know the token `used`: get another one. False: there is none."""
        ...


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that a conversation with the server, or work on this disk, may take; bytes of one file, one folder, one listing."""

    fetch_seconds: float = 600.0
    read_seconds: float = 120.0
    file: int = 16 << 20
    folder: int = 32 << 20
    listing: int = 256 << 20


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """What all mirrors of a process share. `tokens` None: everything is asked anonymously. `signing_key`: the path of an SSH key, empty: commits are not signed."""

    git: Git
    clock: Clock
    tokens: Tokens | None
    readers: Readers
    remote_refs: refs.RemoteRefs
    trees: TreeCache
    limits: Limits
    signing_key: str = ""


class Recent(Generic[K, V]):
    """What was used last, up to `most` entries."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, V] = OrderedDict()

    def get(self, key: K) -> V | None:
        if (found := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: K, value: V) -> None:
        self._kept[key] = value
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def clear(self) -> None:
        self._kept.clear()


class _Known:
    """What was learnt about one folder; a folder that was made again may have other objects."""

    def __init__(self, identity: Identity) -> None:
        self.identity = identity
        self.roots: Recent[str, str] = Recent(_KEPT_ROOTS)
        self.merges: Recent[Hashable, str | Conflict] = Recent(_KEPT_MERGES)


class Local:
    """`partial`: file contents may be missing here, the remote has them."""

    def __init__(self, tools: Tools, *, org: str, repo: str, folder: Path, remote: str, partial: bool) -> None:
        self.tools = tools
        self.org = org
        self.repo = repo
        self.folder = folder
        self.remote = remote
        self.partial = partial
        self.use = UseLock(use_lock(folder), tools.clock)
        self._known = _Known(NOWHERE)
        alone = Alone(contents_lock(folder), tools.clock)
        self._contents = Batches(f"{self.name}: contents", alone=alone, work=self._get_contents)

    async def aclose(self) -> None:
        await self._contents.aclose()

    @property
    def name(self) -> str:
        return f"{self.org}/{self.repo}"

    @property
    def exists(self) -> bool:
        return (self.folder / "HEAD").exists()

    @property
    def identity(self) -> Identity:
        """Something else when the folder was made again."""
        return identity(self.folder)

    @property
    def merges(self) -> Recent[Hashable, str | Conflict]:
        """Merges that were made lately: their trees are here as long as this folder is."""
        return self._here.merges

    @property
    def _here(self) -> _Known:
        if self._known.identity != (identity := self.identity):
            self._known = _Known(identity)
        return self._known

    # Running git

    async def run(
        self,
        args: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        settings: Mapping[str, str] | None = None,
        seconds: float | None = None,
        max_output: int = 64 << 20,
    ) -> Output:
        """git on this disk alone: it asks nobody and knows no token."""
        return await self.tools.git.run(
            args,
            git_dir=self.folder,
            stdin=stdin,
            env=env,
            settings=settings,
            timeout=seconds or self.tools.limits.read_seconds,
            max_output=max_output,
        )

    async def run_online(
        self, args: Sequence[str], *, stdin: bytes = b"", org: str = "", max_output: int = 64 << 20
    ) -> Output:
        """git that may talk to the server, with the token for `org` (else the repository's own). One that the server does not know is renewed once, then BadCredentials is raised."""
        settings = {"remote.origin.url": self.remote, **(PROMISOR if self.partial else {})}
        owner = org or self.org
        token = await self._token(owner)
        output = await self._online(args, token, settings=settings, stdin=stdin, max_output=max_output)
        if token and is_unauthorized(output) and await self._renewed(owner, token):
            token = await self._token(owner)
            output = await self._online(args, token, settings=settings, stdin=stdin, max_output=max_output)
        if token and is_unauthorized(output):
            raise BadCredentials(f"{self.remote}: the token is not known: {output.told}")
        return output

    async def _token(self, org: str) -> str:
        return await self.tools.tokens.token(org) if self.tools.tokens is not None else ""

    async def _renewed(self, org: str, used: str) -> bool:
        return self.tools.tokens is not None and await self.tools.tokens.renew(org, used)

    async def _online(
        self, args: Sequence[str], token: str, *, settings: Mapping[str, str], stdin: bytes, max_output: int
    ) -> Output:
        return await self.tools.git.run(
            args,
            git_dir=self.folder if self.exists else None,
            remote=self.remote,
            token=token,
            settings=settings,
            stdin=stdin,
            timeout=self.tools.limits.fetch_seconds,
            max_output=max_output,
        )

    def expect(self, output: Output, what: str, *, ok: tuple[int, ...] = (0,)) -> None:
        if output.code not in ok:
            raise failure(f"{self.remote}: {what}", output)

    async def fetch(self, specs: Sequence[str], *, checked: bool = True, stored: bool = True) -> None:
        """Get commits and refs, without file contents where the mirror is partial.

        `checked`: git looks whether the objects are sound. `stored`: refs are written, too.
        """
        options = [*_FETCH, "--force", *([f"--filter={FILTER}"] if self.partial else [])]
        less = [] if checked else ["-c", "fetch.fsckObjects=false"]
        options += [] if stored else ["--dry-run"]
        output = await self.run_online([*less, *options, "--end-of-options", "origin", *specs])
        self.expect(output, "fetch")

    async def tips(self, names: Sequence[str]) -> dict[str, str]:
        """Where refs are at the server now, as far as it says so quickly."""
        return await self.tools.remote_refs.tips(self.remote, names, token=await self._token(self.org))

    def stored(self, ref: str) -> str | None:
        """Where a ref (full name) is here. Raises Broken."""
        return refs.stored(self.folder, safety.ref(ref))

    # Reading objects

    async def sizes(self, shas: Iterable[str]) -> dict[str, int]:
        """Of those objects that are here."""
        seconds = self.tools.limits.read_seconds
        facts = await self.tools.readers.facts(self.folder, (safety.commit(sha) for sha in shas), seconds=seconds)
        return {sha: each.size for sha, each in facts.items()}

    async def fill(self, shas: Iterable[str]) -> dict[str, int]:
        """Sizes of file contents; those that are missing are fetched, all in one request. Raises Broken for what nobody has."""
        wanted = list(dict.fromkeys(shas))
        sizes = await self.sizes(wanted)
        missing = [sha for sha in wanted if sha not in sizes]
        if missing and self.partial:
            await self._contents.ask(missing)
            sizes |= await self.sizes(missing)
        if lost := next((sha for sha in missing if sha not in sizes), None):
            raise Broken(f"{self.remote}: the content {lost} is missing and the server does not send it")
        return sizes

    async def _get_contents(self, shas: Sequence[str]) -> None:
        async with self.use.joined():
            here = await self.sizes(shas)
            lines = "".join(f"{sha}\n" for sha in shas if sha not in here).encode()
            if not lines:
                return
            metrics.FETCHES.labels("files").inc()
            args = [*_FETCH, f"--filter={FILTER}", "--stdin", "--end-of-options", "origin"]
            try:
                self.expect(await self.run_online(args, stdin=lines, max_output=1 << 16), "fetch files")
            except ProwError:
                await open_work.in_thread(leftovers.clear_after_contents, self.folder)
                raise

    async def blobs(self, shas: Iterable[str], *, max_file: int, max_all: int = 0) -> dict[str, bytes]:
        """File contents; of files larger than `max_file` nothing. Raises TooLarge above `max_all` together (0: no bound)."""
        sizes = await self.fill(shas)
        small = [sha for sha, size in sizes.items() if size <= max_file]
        if 0 < max_all < sum(sizes[sha] for sha in small):
            raise TooLarge(f"{self.remote}: files of more than {max_all} bytes together are wanted")
        return {sha: each.data for sha, each in (await self._all(small, most=max_file)).items()}

    async def folders(self, shas: Iterable[str]) -> dict[str, Folder]:
        """Folders by SHA. They are always here: a missing one is damage."""
        cache = self.tools.trees
        found: dict[str, Folder] = {}
        missing: list[str] = []
        for sha in shas:
            if (known := cache.get(sha)) is None:
                missing.append(sha)
            else:
                found[sha] = known
        if missing:
            objects = await self._all(missing, most=self.tools.limits.folder)
            much = sum(len(each.data) for each in objects.values()) > _MUCH
            parsed = await open_work.in_thread(_parsed, objects) if much else _parsed(objects)
            for sha, folder in parsed.items():
                cache.put(sha, folder)
            found |= parsed
        return found

    async def commit_data(self, commit: str) -> bytes:
        """A commit object. Raises NoSuchRef when it is not here."""
        it = await self._object(safety.commit(commit))
        if it.kind != "commit":
            raise NoSuchRef(f"{self.remote}: {commit} is no commit")
        return it.data

    async def root(self, commit: str) -> str:
        """The tree of a commit, also behind tags; of a tree itself. Raises NoSuchRef when it is not here."""
        known = self._here.roots.get(safety.commit(commit))
        if known is not None:
            return known
        sha = commit
        for _ in range(_MOST_TAGS):
            it = await self._object(sha)
            words = it.data[:200].split(maxsplit=2)
            if it.kind == "tree":
                return sha
            if it.kind == "commit" and words[:1] == [b"tree"]:
                tree = words[1].decode("ascii", "replace")
                self._here.roots.put(commit, tree)
                return tree
            if it.kind != "tag" or words[:1] != [b"object"]:
                break
            sha = words[1].decode("ascii", "replace")
        raise NoSuchRef(f"{self.remote}: {commit} is no commit")

    async def _object(self, sha: str) -> Object:
        found = await self._some([sha], most=self.tools.limits.folder)
        if sha not in found:
            raise NoSuchRef(f"{self.remote}: the commit {sha} is not here: fetch it first")
        return found[sha]

    async def link(self, sha: str) -> bytes:
        """Where a symbolic link leads."""
        return (await self.blobs([sha], max_file=self.tools.limits.file)).get(sha, b"/")

    async def _all(self, shas: Sequence[str], *, most: int) -> dict[str, Object]:
        """Objects that have to be here: a missing one is damage."""
        found = await self._some(shas, most=most)
        if lost := next((sha for sha in shas if sha not in found), None):
            raise Broken(f"{self.remote}: the object {lost} is missing")
        return found

    async def _some(self, shas: Sequence[str], *, most: int) -> dict[str, Object]:
        seconds = self.tools.limits.read_seconds
        try:
            return await self.tools.readers.contents(self.folder, shas, seconds=seconds, most=most)
        except TooLarge as error:
            raise TooLarge(f"{self.remote}: {error}") from None


def _parsed(objects: Mapping[str, Object]) -> dict[str, Folder]:
    return {sha: trees.parse(each.data) for sha, each in objects.items()}


def text(data: bytes) -> str:
    """File names need not be UTF-8; what is not survives the way there and back."""
    return data.decode("utf-8", "surrogateescape")
