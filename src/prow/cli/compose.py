"""All components together in one process: what `prow up` and the demo run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from prow.cli import adapters, components
from prow.cli.github_client import GitHubSettings
from prow.cli.parts import ConfigSettings, StorageSettings, open_parts, open_storage, side_ports
from prow.cli.state import only_one
from prow.config.agent import ConfigAgent
from prow.crier.service import Crier
from prow.deck.service import Settings as DeckSettings
from prow.engines.local.engine import LocalEngine
from prow.engines.local.leftovers import Leftovers
from prow.engines.local.settings import Settings as EngineSettings
from prow.github.client import GitHub
from prow.hook.service import Hook
from prow.hook.settings import Settings as HookSettings
from prow.horologium.service import Horologium
from prow.jobs.index import JobIndex
from prow.jobs.store import JobStore
from prow.lib import http, logs
from prow.lib.clock import Clock
from prow.lib.ids import Ids
from prow.lib.service import Ports
from prow.plank.service import Plank
from prow.sinker.service import Sinker
from prow.storage.buckets import Buckets
from prow.tide import web
from prow.tide.service import Settings as TideSettings
from prow.tide.service import Tide

__all__ = ["ConfigSettings", "GitHubSettings", "Settings", "System", "running"]

_log = logs.get("up")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `up` runs with. `bucket_dir` empty: buckets are where the config says. Ports 0: any free one.

    tide_port: of tide's own pages, for others than our deck; None: not served.
    job_store: the file of the ProwJobs; None: below the state folder.
    event_endpoints: name → URL of processes that get hook's events besides the components here.
    """

    state_dir: Path
    config: ConfigSettings
    github: GitHubSettings
    hook: HookSettings
    deck: DeckSettings
    engine: EngineSettings
    tide: TideSettings = TideSettings()
    hmac_secret_file: str
    ports: Ports
    host: str = "127.0.0.1"
    hook_port: int = 8888
    deck_port: int = 8080
    tide_port: int | None = None
    job_store: Path | None = None
    event_endpoints: dict[str, str] = {}
    bucket_dir: str = ""
    gcs_credentials_file: str = ""
    s3_credentials_file: str = ""
    dry_run: bool = False


class System(msgspec.Struct, frozen=True, kw_only=True):
    """What runs: for the demo, for tests, and for whoever wants to look inside."""

    deck_url: str
    hook_url: str
    hook: Hook
    store: JobStore
    index: JobIndex
    plank: Plank
    crier: Crier
    engine: LocalEngine
    tide: Tide
    horologium: Horologium
    sinker: Sinker
    github: GitHub
    agent: ConfigAgent


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock, ids: Ids | None = None) -> AsyncIterator[System]:
    """Start every component, give the system, and stop it when the block ends: no new work, open work is finished or kept."""
    job_store = settings.job_store or settings.state_dir / "jobs.db"
    storage = open_storage(
        StorageSettings(
            bucket_dir=settings.bucket_dir,
            gcs_credentials_file=settings.gcs_credentials_file,
            s3_credentials_file=settings.s3_credentials_file,
        )
    )
    async with open_parts(settings.config, job_store, clock=clock) as parts:
        hmac = parts.secrets.load(settings.hmac_secret_file, flag="--hmac-secret-file")
        github = await parts.github(settings.github, component="prow", dry_run=settings.dry_run)
        parts.stack.enter_context(only_one("hook", settings.state_dir))
        parts.stack.enter_context(only_one("plank", job_store.parent))
        side = await parts.stack.enter_async_context(side_ports(settings.ports, clock=clock, pages=parts.pages))
        engine = await parts.engine(settings.engine, storage, settings.github)
        mirrors = await parts.mirrors(settings.state_dir, settings.github)
        plank = components.plank(parts, engine)
        crier = components.crier(parts, github, storage, dry_run=settings.dry_run)
        tide = components.tide(
            parts,
            settings.tide,
            github,
            mirrors,
            Buckets(local_roots=[settings.state_dir]),
            history_uri=f"file://{settings.state_dir.resolve()}/tide-history.json",
            dry_run=settings.dry_run,
        )
        deck = components.deck(
            parts,
            settings.deck,
            storage,
            live=adapters.EngineLogs(engine),
            waiting=plank,
            explains=tide,
            pools=adapters.Pools(tide),
            ids=ids,
        )
        hook = await components.hook(
            parts,
            settings.hook,
            settings.state_dir,
            hmac=hmac,
            github=github,
            mirrors=mirrors,
            listeners=[tide],
            endpoints=settings.event_endpoints,
        )
        deck_port = await parts.stack.enter_async_context(
            http.serve(deck.app, host=settings.host, port=settings.deck_port)
        )
        parts.stack.callback(deck.close)
        if settings.tide_port is not None:
            tide_pages = http.serve(web.app(tide), host=settings.host, port=settings.tide_port)
            await parts.stack.enter_async_context(tide_pages)
        horologium = components.horologium(parts)
        sinker = components.sinker(
            parts,
            runs=Leftovers(engine, settings.engine.state),
            job_config_path=settings.config.job_config_path,
        )
        works = {
            "engine": engine.run(),
            "plank": plank.run(),
            "crier": crier.run(),
            "tide": tide.run(),
            "horologium": horologium.run(),
            "sinker": sinker.run(),
            "hook": hook.run(),
        }
        async with parts.running(works):
            try:
                async with http.serve(hook.app, host=settings.host, port=settings.hook_port) as hook_port:
                    side.ready()
                    deck_url = http.url(settings.host, deck_port)
                    hook_url = http.url(settings.host, hook_port, settings.hook.webhook_path)
                    _log.info("Ready.", dashboard=deck_url, webhooks=hook_url, sandbox=engine.sandbox.name)
                    yield System(
                        deck_url=deck_url,
                        hook_url=hook_url,
                        hook=hook,
                        store=parts.store,
                        index=parts.index,
                        plank=plank,
                        crier=crier,
                        engine=engine,
                        tide=tide,
                        horologium=horologium,
                        sinker=sinker,
                        github=github,
                        agent=parts.agent,
                    )
            finally:
                await hook.drain()
