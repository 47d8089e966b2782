"""Prow as an operator runs it in parts: each component a process of its own, sharing a job store and a bucket folder, against a simulated GitHub."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2

from prow.lib import http
from prow.lib.errors import UsageError
from prow.sim.server import Sim
from prow.sim.verbs import RepoStory
from tests.support.prow import BOT, CONFIG, PLUGINS, github
from tests.support.sandbox import FLAGS

SECRET = "0123456789abcdef0123"
_PATIENCE = 30.0
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

    def __init__(self, folder: Path, name: str, flags: Mapping[str, object], sim: Sim) -> None:
        self.name = name
        self.port = free_port()
        self._health = free_port()
        self._sim = sim
        self._log = folder / f"{name}.log"
        own = {"health-port": self._health, "metrics-port": 0, "pprof-port": 0, "state-dir": folder / name}
        port = {"deck": "deck-port", "hook": "port", "tide": "port"}.get(name)
        self._flags = {**own, **({port: self.port} if port else {}), **flags}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    async def start(self) -> None:
        arguments = [f"--{name}={value}" for name, value in self._flags.items()]
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "prow", self.name, *arguments, stdout=log, stderr=log
            )

    async def ready(self) -> None:
        """Return when it says that it is."""
        clock = self._sim.clock
        deadline = clock.monotonic() + _PATIENCE
        async with httpx2.AsyncClient(trust_env=False) as client:
            while clock.monotonic() < deadline:
                assert self._process is not None
                if self._process.returncode is not None:
                    break
                try:
                    answer = await client.get(f"http://127.0.0.1:{self._health}/healthz/ready")
                except httpx2.TransportError:
                    answer = None
                if answer is not None and answer.status_code == 200:
                    return
                await clock.sleep(0.02)
        raise AssertionError(f"prow {self.name} did not start: {self.log()[-2000:]}")

    async def ended(self) -> int:
        """Its exit code, when it ends by itself."""
        assert self._process is not None
        return await self._process.wait()

    async def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
        return await self.ended()

    async def kill(self) -> None:
        await self.end(signal.SIGKILL)


class Processes:
    """`components` by name; `sim`, `repo`: GitHub and the repository that they look after."""

    def __init__(self, components: dict[str, Component], sim: Sim, repo: RepoStory) -> None:
        self.components = components
        self.sim = sim
        self.repo = repo

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
) -> AsyncIterator[Processes]:
    """Every component running (or `only` these), with the webhook installed; at the end all of them have to stop well."""
    async with github(folder, files=files) as (sim, repo):
        for name, text in (
            ("config.yaml", config),
            ("jobs.yaml", jobs),
            ("plugins.yaml", plugins),
            ("hmac", SECRET),
            ("token", sim.world.token(BOT)),
        ):
            (folder / name).write_text(text)
        made = {name: made for name, made in _components(folder, sim).items() if not only or name in only}
        try:
            await asyncio.gather(*(component.start() for component in made.values()))
            await asyncio.gather(*(component.ready() for component in made.values()))
            sim.world.add_hook(repo.repo, url=f"{made['hook'].url}/hook", secret=SECRET)
            await sim.world.hooks.settled()
            yield Processes(made, sim, repo)
            codes = await asyncio.gather(*(component.end() for component in made.values()))
            assert dict(zip(made, codes, strict=True)) == dict.fromkeys(made, 0)
        finally:
            await asyncio.gather(*(component.kill() for component in made.values()))


def _components(folder: Path, sim: Sim) -> dict[str, Component]:
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
        {"dry-run": False},
    )
    tide = Component(folder, "tide", every | known | buckets | signed | real, sim)
    events = {"event-endpoint": f"tide={tide.url}/hook"}
    made = [
        Component(folder, "hook", every | known | plugins | signed | events | real, sim),
        Component(folder, "prow-controller-manager", {**every, **known, **buckets, **real, **FLAGS}, sim),
        Component(folder, "crier", every | known | buckets | {"github-workers": 4, "blob-storage-workers": 4}, sim),
        tide,
        Component(folder, "horologium", every | real, sim),
        Component(folder, "sinker", every | real, sim),
        Component(folder, "deck", every | buckets | {"tide-url": tide.url}, sim),
    ]
    return {component.name: component for component in made}
