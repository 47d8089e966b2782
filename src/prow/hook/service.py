"""hook, put together: intake, inbox, dispatcher, help."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from prow.bus.listener import Listener
from prow.config.config import Config
from prow.github.webhook import Verifier
from prow.hook.consumers import PluginConsumers, Snapshot
from prow.hook.dispatcher import Dispatcher
from prow.hook.effects_store import Ledger
from prow.hook.external import EventEndpoint, Forwarder
from prow.hook.inbox import MIGRATIONS, Inbox
from prow.hook.intake import Intake
from prow.hook.settings import Settings
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.http import App
from prow.lib.secrets import Secret
from prow.lib.sqlite import Database
from prow.plugin.help import help_for_all
from prow.plugin.model import Plugin
from prow.plugin.ports import (
    CountsMerged,
    GitHubForPlugins,
    InRepoConfig,
    KnowsJobs,
    MakesJobs,
    ReadsFiles,
    ReadsOwners,
)

_log = logs.get("hook")
_PRUNE_EVERY = 600.0


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """Since the start of the process. `waiting`: kept and not handled yet."""

    received: int
    handled: int
    duplicates: int
    failed: int
    waiting: int


class Hook:
    """Made by `Hook.open`. `app`: the ASGI application of the webhook port; call `run()` as a task."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        *,
        intake: Intake,
        dispatcher: Dispatcher,
        inbox: Inbox,
        forwarder: Forwarder,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._intake = intake
        self._dispatcher = dispatcher
        self._inbox = inbox
        self._forwarder = forwarder
        self._clock = clock
        self._running = False

    @classmethod
    async def open(
        cls,
        settings: Settings,
        path: Path,
        *,
        hmac: Secret,
        plugins: Sequence[Plugin],
        snapshot: Callable[[], Snapshot],
        github: Callable[[str], GitHubForPlugins],
        jobs: MakesJobs,
        known_jobs: KnowsJobs,
        clock: Clock,
        in_repo_config: Callable[[Config, str, str], InRepoConfig | None] = lambda _config, _org, _repo: None,
        owners: ReadsOwners | None = None,
        files: ReadsFiles | None = None,
        search: Callable[[str], CountsMerged] | None = None,
        listeners: Sequence[Listener] = (),
        endpoints: Sequence[EventEndpoint] = (),
    ) -> Hook:
        """`path`: the file of inbox and effect ledger. What was left unfinished there is handled when `run` starts.

        `listeners` (in this process) and `endpoints` (elsewhere) get the events of all repositories, whatever plugins are enabled.
        """
        database = await Database.open(path, MIGRATIONS)
        inbox = Inbox(database, clock=clock, window=settings.duplicate_window)
        forwarder = Forwarder(clock=clock)
        consumers = PluginConsumers(
            plugins,
            snapshot=snapshot,
            github=github,
            jobs=jobs,
            known_jobs=known_jobs,
            ledger=Ledger(database, clock=clock),
            forwarder=forwarder,
            in_repo_config=in_repo_config,
            clock=clock,
            owners=owners,
            files=files,
            search=search,
            listeners=listeners,
            endpoints=endpoints,
        )
        dispatcher = Dispatcher(settings, inbox, consumers, clock=clock)

        async def help_page() -> bytes:
            return msgspec.json.encode(help_for_all(plugins, snapshot().plugins))

        intake = Intake(
            settings,
            inbox,
            Verifier(hmac),
            clock=clock,
            arrived=lambda delivery: dispatcher.offer(delivery.seq, delivery.lane, delivery),
            help_page=help_page,
        )
        return cls(
            settings, database, intake=intake, dispatcher=dispatcher, inbox=inbox, forwarder=forwarder, clock=clock
        )

    @property
    def app(self) -> App:
        return self._intake.app

    async def run(self) -> None:
        """Handle deliveries until cancelled."""
        self._running = True
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._prune(), name="hook-prune")
                await self._dispatcher.run()
        finally:
            self._running = False

    async def _prune(self) -> None:
        while True:
            await self._inbox.prune()
            await self._clock.sleep(_PRUNE_EVERY)

    async def idle(self) -> None:
        """Return when everything that arrived was handled."""
        await self._dispatcher.idle()

    async def drain(self) -> None:
        """Finish what runs, for the grace period at most; the rest is handled at the next start. At once when `run` has ended."""
        if not self._running:
            return
        try:
            async with self._clock.timeout(self._settings.grace_period):
                await self._dispatcher.drain()
        except TimeoutError:
            _log.warning(
                "Not every delivery was handled in time; the rest is handled at the next start.",
                waiting=self._dispatcher.waiting,
            )

    async def close(self) -> None:
        """After `run` has ended."""
        await self._forwarder.close()
        await self._database.close()

    def counts(self) -> Counts:
        return Counts(
            received=self._intake.received,
            handled=self._dispatcher.handled,
            duplicates=self._intake.duplicates,
            failed=self._dispatcher.failed,
            waiting=self._dispatcher.waiting,
        )

    async def failures(self) -> list[tuple[str, str, str]]:
        """What was given up: (GUID, consumer, error), newest first."""
        return await self._inbox.failures()
