"""A real bare repository on this disk as the remote, and its mirror; requests of git's HTTP to the simulated GitHub, counted and held up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY

from prow.git.client import Git
from prow.git.local import Limits, Tokens
from prow.git.mirror import Mirror, Mirrors
from prow.lib.clock import Clock, SystemClock
from prow.sim import gitrepo
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.support.checked import checked

WHEN = 1_700_000_000


class World:
    """`remote`: the repository acme/rockets. `mirror`: what Prow has of it."""

    def __init__(self, folder: Path, git: Git, clock: Clock, *, base: str = "", **options: Any) -> None:
        self.folder = folder
        self.git = git
        self.remote = folder / "remote" / "acme" / "rockets"
        self.base = base or f"file://{folder}/remote"
        self.cache = folder / "mirrors"
        self.mirrors = Mirrors(git, clock=clock, folder=self.cache, base=self.base, **options)
        self._number = 0

    @property
    def mirror(self) -> Mirror:
        return self.mirrors.mirror("acme", "rockets")

    async def commit(
        self,
        files: Mapping[str, str | bytes | None],
        *,
        start: str | None = None,
        branch: str = "main",
        message: str = "Change",
        author: str = "wernher",
    ) -> str:
        """A commit on top of `start`; on nothing when that is None."""
        self._number += 1
        return await gitrepo.commit(
            self.remote, branch, files, message=message, author=author, when=WHEN + self._number, parent=start
        )

    async def raw(self, *args: str, stdin: bytes = b"", where: Path | None = None) -> str:
        """git in the remote, as anybody could run it there."""
        person = {
            "GIT_AUTHOR_NAME": "m",
            "GIT_AUTHOR_EMAIL": "m@x",
            "GIT_COMMITTER_NAME": "m",
            "GIT_COMMITTER_EMAIL": "m@x",
        }
        out = await gitrepo.git(*args, cwd=where or self.remote, stdin=stdin, env=person)
        return out.decode("utf-8", "surrogateescape").strip()

    async def tree_commit(self, entries: Sequence[tuple[str, str, bytes]], *, branch: str = "main") -> str:
        """A commit of a tree with these (mode, sha, name): no matter how strange they are."""
        made = await self.raw("commit-tree", await self.strange_tree(entries), "-m", "Strange")
        await self.raw("update-ref", f"refs/heads/{branch}", made)
        return made

    async def strange_tree(self, entries: Sequence[tuple[str, str, bytes]]) -> str:
        data = b"".join(mode.encode() + b" " + name + b"\0" + bytes.fromhex(sha) for mode, sha, name in entries)
        return await self.raw("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=data)

    async def blob(self, content: bytes) -> str:
        return await self.raw("hash-object", "-w", "--stdin", stdin=content)

    async def log(self, commit: str, form: str = "%s") -> list[str]:
        """The commits of the mirror below `commit`, newest first."""
        out = await gitrepo.git("log", f"--format={form}", commit, "--", cwd=self.mirror.folder)
        return out.decode().splitlines()


@asynccontextmanager
async def world_in(
    folder: Path,
    *,
    base: str = "",
    clock: Clock | None = None,
    largest_file: int = 16 << 30,
    most_memory: int = 4 << 30,
    memory_files: bool = True,
    environ: Mapping[str, str] | None = None,
    **options: Any,
) -> AsyncIterator[World]:
    clock = clock or SystemClock()
    (folder / "home").mkdir(exist_ok=True)
    git = await Git.open(
        clock,
        home=folder / "home",
        environ=environ,
        largest_file=largest_file,
        most_memory=most_memory,
        memory_files=memory_files,
    )
    world = World(folder, git, clock, base=base, **options)
    if not base and not world.remote.exists():
        await gitrepo.create(world.remote, "main")
    try:
        yield world
    finally:
        await world.mirrors.aclose()


def processes() -> float:
    """How many processes of git this one has started."""
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        if metric.name == "prow_git_processes"
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


class Fixed:
    """A token that can be exchanged."""

    def __init__(self, token: str) -> None:
        self.value = token
        self.asked: list[str] = []

    async def token(self, org: str) -> str:
        self.asked.append(org)
        return self.value

    async def renew(self, org: str, used: str) -> bool:
        return self.value != used


class Watched:
    """Stands before a simulated GitHub: what git asks it, and a way to hold that up."""

    def __init__(self, sim: Sim) -> None:
        self._app = sim.app
        sim.app = self  # type: ignore[assignment]
        self.requests: list[tuple[str, str]] = []
        self.answers: dict[str, tuple[int, dict[str, str]]] = {}
        """By the end of a path: an answer instead of the right one."""
        self.arrived = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()

    @property
    def fetches(self) -> int:
        """How often a git began to fetch."""
        return sum(path.endswith("/info/refs?service=git-upload-pack") for _, path in self.requests)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and "git-" in f"{scope['path']}?{scope['query_string'].decode()}":
            query = scope["query_string"].decode()
            self.requests.append((scope["method"], f"{scope['path']}?{query}" if query else scope["path"]))
            self.arrived.set()
            await self.go.wait()
            for end, (status, headers) in self.answers.items():
                if end in scope["path"]:
                    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
                    await send({"type": "http.response.start", "status": status, "headers": raw})
                    await send({"type": "http.response.body", "body": b"no"})
                    return
        await self._app(scope, receive, send)


class Hub:
    """A simulated GitHub with acme/rockets, who watches it, and Prow's mirrors of it."""

    def __init__(self, sim: Sim, repo: RepoStory, watched: Watched, world: World, tokens: Fixed) -> None:
        self.sim = sim
        self.repo = repo
        self.watched = watched
        self.world = world
        self.tokens = tokens

    @property
    def mirror(self) -> Mirror:
        return self.world.mirror


@asynccontextmanager
async def hub_in(
    folder: Path, files: Mapping[str, str], *, private: bool = False, memory_files: bool = True
) -> AsyncIterator[Hub]:
    """What it answers is held against GitHub's own descriptions. `private`: the bot may write; otherwise it may do what everybody may."""
    with checked(Sim(folder / "github")) as sim:
        sim.world.org("acme")
        watched = Watched(sim)
        async with sim.serve() as url:
            repo = await RepoStory.create(sim, "acme/rockets", files=files)
            tokens = Fixed(sim.world.token("prow-bot"))
            if private:
                repo.repo.private = True
                repo.collaborator("prow-bot", "write")
            async with world_in(folder, base=url, tokens=tokens, memory_files=memory_files) as world:
                yield Hub(sim, repo, watched, world, tokens)


__all__ = ["Fixed", "Hub", "Limits", "Tokens", "Watched", "World", "hub_in", "processes", "world_in"]
