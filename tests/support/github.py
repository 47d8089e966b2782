"""A simulated GitHub for tests of what asks it: one repository and clients of its people, all held against GitHub's own descriptions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from prow.github.client import GitHub
from prow.github.rules import Options
from prow.github.tokens import FixedToken, Tokens
from prow.lib.clock import Clock, SystemClock
from prow.sim.server import Sim
from prow.sim.verbs import PullStory, RepoStory
from tests.support.checked import checked

BOT = "prow-bot"
R = ("acme", "rockets")
FAST = Options(initial_delay=0.01, max_retries=3)


@asynccontextmanager
async def served(folder: Path, *, clock: Clock | None = None) -> AsyncIterator[Sim]:
    """A GitHub at an address of its own. At the end none of its answers and webhooks may have been wrong."""
    with checked(Sim(folder / "github", clock=clock)) as sim:
        async with sim.serve():
            yield sim


class World:
    """`repo`: acme/rockets. `github`: the client of the bot."""

    def __init__(self, folder: Path, sim: Sim, repo: RepoStory, options: Options, stack: AsyncExitStack) -> None:
        self.folder = folder
        self.sim = sim
        self.clock = sim.clock
        self.repo = repo
        self.stack = stack
        self.clients: list[GitHub] = []
        self._tokens: dict[str, str] = {}
        self._options = options
        self._pull: PullStory | None = None

    @cached_property
    def github(self) -> GitHub:
        return self.client()

    @property
    def pr(self) -> PullStory:
        """mia's pull request."""
        assert self._pull is not None, "this world was made without `change`"
        return self._pull

    def token(self, login: str = BOT) -> str:
        """The same for all of somebody's clients."""
        if login not in self._tokens:
            self._tokens[login] = self.sim.world.token(login)
        return self._tokens[login]

    def client(
        self,
        login: str = BOT,
        *,
        tokens: Tokens | None = None,
        component: str = "test",
        endpoints: Sequence[str] = (),
        options: Options | None = None,
        **more: Any,
    ) -> GitHub:
        """Somebody's client, closed at the end. `more`: as for `GitHub.open`."""
        base = self.sim.world.base
        made = GitHub.open(
            clock=self.clock,
            component=component,
            tokens=tokens or FixedToken(self.token(login)),
            endpoints=endpoints or (base,),
            graphql_endpoint=f"{base}/graphql",
            options=options or self._options,
            **more,
        )
        self.stack.push_async_callback(made.aclose)
        self.clients.append(made)
        return made

    async def change(self, files: Mapping[str, str], author: str = "mia") -> PullStory:
        """Another pull request; the first one is `pr`."""
        made = await self.repo.open_pull_request(author, title="Change", files=dict(files))
        self._pull = self._pull or made
        return made

    def asked(self, call: tuple[str, str]) -> int:
        """How often this was called and charged, as (method, template), since the world was made."""
        return self.sim.world.calls[call]


@asynccontextmanager
async def world_in(
    folder: Path,
    *,
    clock: Clock | None = None,
    files: Mapping[str, str] | None = None,
    change: Mapping[str, str] | None = None,
    owner: bool = True,
    options: Options = FAST,
) -> AsyncIterator[World]:
    """acme/rockets with `files`, wernher as a member, and a pull request of mia's with `change`.

    `owner`: the bot owns the organisation; otherwise it is a member that may write.
    """
    async with served(folder, clock=clock or SystemClock()) as sim, AsyncExitStack() as stack:
        sim.world.org("acme", members=["wernher"] if owner else ["wernher", BOT], owners=[BOT] if owner else [])
        sim.world.user("mia")
        repo = await RepoStory.create(sim, "/".join(R), files=files or {"a": "a\n"})
        if not owner:
            repo.collaborator(BOT, "write")
        world = World(folder, sim, repo, options, stack)
        if change is not None:
            await world.change(change)
        sim.world.calls.clear()
        yield world
