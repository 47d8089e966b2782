"""Prow as an operator runs it in parts: each component a process of its own, sharing a job store and a bucket folder, against a simulated GitHub."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from prow.jobs.sqlite_store import SQLiteJobStore
from prow.jobs.store import JobStore
from prow.lib import http
from prow.lib.errors import UsageError
from prow.sim.bots import BotStory
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.support.child import ProwProcess
from tests.support.prow import BOT, CONFIG, PLUGINS, SECRET, github, told
from tests.support.sandbox import FLAGS

_random = random.SystemRandom()


def free_port() -> int:
    """A port to listen on later: none that the kernel could give to a connection meanwhile."""
    while True:
        try:
            listener = http.bind("127.0.0.1", _random.randrange(12_000, 32_000))
        except UsageError:
            continue
        port = int(listener.getsockname()[1])
        listener.close()
        return port


class Component:
    """One process. `url`: of its main port."""

    def __init__(self, folder: Path, name: str, flags: Mapping[str, object]) -> None:
        self.name = name
        self.port = free_port()
        self._log = folder / f"{name}.log"
        own = {"health-port": free_port(), "metrics-port": 0, "pprof-port": 0, "state-dir": folder / name}
        port = {"deck": "deck-port", "hook": "port", "tide": "port"}.get(name)
        self._flags = {**own, **({port: self.port} if port else {}), **flags}
        self._process: ProwProcess | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    async def start(self) -> None:
        self._process = await ProwProcess.start(self.name, self._flags, log=self._log)

    async def ready(self) -> None:
        """Return when it says that it is."""
        assert self._process is not None
        await self._process.ready()

    async def says(self, *texts: str) -> None:
        """Return when one line of its log has all of these."""
        assert self._process is not None
        await self._process.says(*texts)

    async def ended(self) -> int:
        """Its exit code, when it ends by itself."""
        assert self._process is not None
        return await self._process.ended()

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        assert self._process is not None
        self._process.signal(how)
        return await self.ended()

    async def kill(self) -> None:
        if self._process is not None:
            await self.end(signal.SIGKILL)


class Processes:
    """`components` by name; `sim`, `repo`: GitHub and the repository that they look after."""

    def __init__(self, components: dict[str, Component], sim: Sim, repo: RepoStory, store: JobStore) -> None:
        self._store = store
        self.components = components
        self.sim = sim
        self.repo = repo

    async def told(self) -> None:
        """Return when crier has told GitHub the state of every job."""
        await told(self._store)

    def __getitem__(self, name: str) -> Component:
        return self.components[name]


@asynccontextmanager
async def processes(
    folder: Path,
    *,
    jobs: str,
    files: Mapping[str, str],
    config: str = CONFIG,
    plugins: str = PLUGINS,
    only: Collection[str] = (),
    may: Collection[str] = (),
    dry_run: bool = False,
) -> AsyncIterator[Processes]:
    """Every component running (or `only` these), with the webhook installed.

    At the end all of them have to stop well, and the bot has written nothing that nobody expected, but what it `may`.
    """
    async with github(folder, files=files) as (sim, repo):
        for name, text in (
            ("config.yaml", config),
            ("jobs.yaml", jobs),
            ("plugins.yaml", plugins),
            ("hmac", SECRET),
            ("token", sim.world.token(BOT)),
        ):
            (folder / name).write_text(text)
        made = {
            name: made for name, made in _components(folder, sim, dry_run=dry_run).items() if not only or name in only
        }
        store = await SQLiteJobStore.open(folder / "shared" / "jobs.db", clock=sim.clock)
        try:
            await asyncio.gather(*(component.start() for component in made.values()))
            await asyncio.gather(*(component.ready() for component in made.values()))
            sim.world.add_hook(repo.repo, url=f"{made['hook'].url}/hook", secret=SECRET)
            await sim.world.hooks.settled()
            yield Processes(made, sim, repo, store)
            await sim.world.hooks.settled()
            codes = await asyncio.gather(*(component.end() for component in made.values()))
            assert dict(zip(made, codes, strict=True)) == dict.fromkeys(made, 0)
            BotStory(sim, BOT, may=may).expect_no_more_writes()
        finally:
            await asyncio.gather(*(component.kill() for component in made.values()))
            await store.close()


def _components(folder: Path, sim: Sim, *, dry_run: bool) -> dict[str, Component]:
    every: dict[str, object] = {
        "config-path": folder / "config.yaml",
        "job-config-path": folder / "jobs.yaml",
        "job-store": folder / "shared" / "jobs.db",
    }
    known: dict[str, object] = {
        "github-endpoint": sim.world.base,
        "github-host": sim.world.base,
        "github-graphql-endpoint": f"{sim.world.base}/graphql",
        "github-token-path": folder / "token",
        "github-client.initial-delay": "50ms",
    }
    buckets = {"bucket-dir": folder / "buckets"}
    plugins, signed, real = (
        {"plugin-config": folder / "plugins.yaml"},
        {"hmac-secret-file": folder / "hmac"},
        {"dry-run": dry_run},
    )
    tide = Component(folder, "tide", every | known | buckets | signed | real)
    events = {"event-endpoint": f"tide={tide.url}/hook"}
    made = [
        Component(folder, "hook", every | known | plugins | signed | events | real),
        Component(folder, "prow-controller-manager", {**every, **known, **buckets, **real, **FLAGS}),
        Component(folder, "crier", every | known | buckets | real | {"github-workers": 4, "blob-storage-workers": 4}),
        tide,
        Component(folder, "horologium", every | real),
        Component(folder, "sinker", every | real),
        Component(folder, "deck", every | buckets | {"tide-url": tide.url}),
    ]
    return {component.name: component for component in made}
