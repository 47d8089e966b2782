"""A whole Prow on the virtual clock, in this process, against a simulated GitHub: for simulated days.

Everything is the product but the engine: its jobs take time and end as the story says, and run nothing. Calls and webhooks go from
client to server without a socket between them, which halves the time; git goes over loopback.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from prow.cli import components
from prow.cli.github_client import GitHubSettings, open_paces
from prow.cli.parts import ConfigSettings, Parts, load_config
from prow.github.client import GitHub
from prow.github.tokens import TokenFile
from prow.hook.service import Hook
from prow.hook.settings import Settings as HookSettings
from prow.jobs.engine import Execution, Phase
from prow.jobs.index import JobIndex, JobRow
from prow.jobs.sqlite_store import SQLiteJobStore
from prow.lib import http
from prow.lib.clock import Clock
from prow.lib.secrets import Secrets
from prow.model.prowjob import KUBERNETES_AGENT, ProwJob
from prow.sim.server import Sim
from prow.sinker.ports import Run
from prow.storage.buckets import Buckets
from prow.storage.folders import Folders
from prow.tide.service import Settings as TideSettings
from prow.tide.service import Tide

SECRET = "0123456789abcdef0123"
_NEVER = 1e9


class Rehearsed:
    """An engine whose jobs end after `lasts(job)` seconds, well or not as `succeeds(job)` says."""

    name = "rehearsed"

    def __init__(self, clock: Clock, *, lasts: Callable[[ProwJob], float], succeeds: Callable[[ProwJob], bool]) -> None:
        self._clock = clock
        self._lasts = lasts
        self._succeeds = succeeds
        self._runs: dict[str, Execution] = {}
        self._changes: asyncio.Queue[Execution] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()

    def handles(self, job: ProwJob) -> bool:
        return job.spec.agent == KUBERNETES_AGENT

    async def start(self, job: ProwJob) -> Execution:
        known = self._runs.get(job.name)
        if known is None or known.build_id != job.status.build_id:
            known = Execution(name=job.name, build_id=job.status.build_id, phase=Phase.RUNNING)
            self._runs[job.name] = known
            task = asyncio.create_task(self._run(job), name=f"run-{job.name}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return known

    async def _run(self, job: ProwJob) -> None:
        await self._clock.sleep(self._lasts(job))
        run = self._runs.get(job.name)
        if run is not None and run.build_id == job.status.build_id and run.phase is Phase.RUNNING:
            self._end(job.name, Phase.SUCCEEDED if self._succeeds(job) else Phase.FAILED)

    def _end(self, name: str, phase: Phase) -> None:
        self._runs[name] = msgspec.structs.replace(self._runs[name], phase=phase)
        self._changes.put_nowait(self._runs[name])

    async def executions(self) -> tuple[Execution, ...]:
        return tuple(self._runs.values())

    async def watch(self) -> AsyncIterator[Execution]:
        while True:
            yield await self._changes.get()

    async def abort(self, name: str) -> None:
        if name in self._runs and self._runs[name].phase is Phase.RUNNING:
            self._end(name, Phase.FAILED)

    async def forget(self, name: str) -> None:
        self._runs.pop(name, None)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()


class Straight(httpx2.AsyncBaseTransport):
    """From a client to a server of this process without a socket. A client that gives up cancels the server's work."""

    def __init__(self, app: http.App) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        body = await request.aread()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": request.url.scheme,
            "path": request.url.path,
            "raw_path": request.url.raw_path.partition(b"?")[0],
            "query_string": request.url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
            "server": (request.url.host, request.url.port),
            "client": ("127.0.0.1", 1),
            "root_path": "",
        }
        told = [{"type": "http.request", "body": body, "more_body": False}]
        answer: list[http.Message] = []

        async def receive() -> http.Message:
            if told:
                return told.pop()
            await asyncio.Event().wait()
            raise AssertionError

        async def send(message: http.Message) -> None:
            answer.append(message)

        await self._app(scope, receive, send)
        content = b"".join(message.get("body", b"") for message in answer[1:])
        return httpx2.Response(answer[0]["status"], headers=answer[0]["headers"], content=content)


class NoRuns:
    """sinker's view of a machine on which nothing is left."""

    async def all(self) -> Sequence[Run]:
        return ()

    async def remove(self, run: Any) -> None:
        raise AssertionError(run)


class System(msgspec.Struct):
    """What runs."""

    hook: Hook
    tide: Tide
    github: GitHub
    index: JobIndex


class Machine:
    """hook with its plugins, plank, crier, tide, horologium and sinker, as `up` composes them; they may be stopped and started again
    over what they left. `rows`: the newest state of every job that ever was, by name. `system`: what runs now."""

    system: System

    def __init__(
        self, folder: Path, sim: Sim, *, bot: str, config: str, jobs: str, plugins: str, engine: Rehearsed, clock: Clock
    ) -> None:
        self._folder = folder
        self._sim = sim
        self._engine = engine
        self._clock = clock
        self.rows: dict[str, JobRow] = {}
        self._door = sim.world.hooks.transport = _Door()
        self._restart = asyncio.Event()
        self._up = asyncio.Event()
        for name, text in (
            ("config.yaml", config),
            ("jobs.yaml", jobs),
            ("plugins.yaml", plugins),
            ("hmac", SECRET),
            ("token", sim.world.token(bot)),
        ):
            (folder / name).write_text(text)
        (folder / "state").mkdir()

    async def keep_running(self, *, away: float) -> None:
        """Until cancelled. Whenever it is restarted it is `away` for so many seconds, and GitHub finds nobody there."""
        while True:
            async with self._running() as system:
                self.system = system
                self._door.behind = Straight(system.hook.app)
                self._up.set()
                await self._restart.wait()
                self._door.behind = None
                self._up.clear()
                self._restart.clear()
            await self._clock.sleep(away)

    async def up(self) -> None:
        """Return when it runs."""
        await self._up.wait()

    def restart(self) -> None:
        self._restart.set()

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[System]:
        folder, clock = self._folder, self._clock
        state = folder / "state"
        settings = GitHubSettings(
            endpoints=(self._sim.world.base,),
            graphql_endpoint=f"{self._sim.world.base}/graphql",
            git_base=self._sim.world.base,
            token_path=str(folder / "token"),
        )
        files = ConfigSettings(
            config_path=str(folder / "config.yaml"),
            job_config_path=str(folder / "jobs.yaml"),
            plugin_config=str(folder / "plugins.yaml"),
        )
        agent = await load_config(files)
        async with AsyncExitStack() as stack:
            store = await SQLiteJobStore.open(state / "jobs.db", clock=clock, poll=_NEVER)
            stack.push_async_callback(store.close)
            parts = Parts(stack, files, agent=agent, secrets=Secrets(clock), store=store, clock=clock)
            hmac = parts.secrets.load(str(folder / "hmac"))
            github = GitHub.open(
                clock=clock,
                component="prow",
                tokens=TokenFile(parts.secrets.load(settings.token_path)),
                endpoints=settings.endpoints,
                graphql_endpoint=settings.graphql_endpoint,
                paces=await open_paces(state, clock=clock, stack=stack),
                http=Straight(self._sim.app),
            )
            stack.push_async_callback(github.aclose)
            mirrors = await parts.mirrors(state, settings)
            plank = components.plank(parts, self._engine)
            crier = components.crier(parts, github, Folders(folder / "buckets"))
            tide = components.tide(
                parts,
                TideSettings(resync=1800.0),
                github,
                mirrors,
                Buckets(local_roots=[state]),
                history_uri=f"file://{state}/tide-history.json",
            )
            hook = await components.hook(
                parts, HookSettings(), state, hmac=hmac, github=github, mirrors=mirrors, listeners=[tide]
            )
            horologium = components.horologium(parts)
            sinker = components.sinker(parts, runs=NoRuns())
            works = [parts.index, plank, crier, tide, horologium, sinker, hook]
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(work.run(), name=type(work).__name__) for work in works]  # type: ignore[attr-defined]
                tasks.append(group.create_task(self._follow(parts.index), name="rows"))
                await parts.index.synced()
                try:
                    yield System(hook=hook, tide=tide, github=github, index=parts.index)
                finally:
                    for task in tasks:
                        task.cancel()

    async def _follow(self, index: JobIndex) -> None:
        async with index.subscribe() as changes:
            for row in index.rows():
                self.rows[row.name] = row
            async for row in changes:
                assert not changes.overflowed
                if not row.deleted:
                    self.rows[row.name] = row


class _Door(httpx2.AsyncBaseTransport):
    """Where webhooks go: to whoever is behind it, if anybody is."""

    def __init__(self) -> None:
        self.behind: Straight | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.behind is None:
            raise httpx2.ConnectError("nobody is there", request=request)
        return await self.behind.handle_async_request(request)
