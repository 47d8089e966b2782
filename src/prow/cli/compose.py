"""The one place that knows every room: builds the components from settings and runs them together in one process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from prow.cli import adapters
from prow.config.agent import ConfigAgent
from prow.config.errors import ConfigError
from prow.crier.blob_reporter import BlobReporter
from prow.crier.feed import StoreFeed
from prow.crier.github_reporter import GitHubReporter
from prow.crier.service import Crier
from prow.deck.service import Deck
from prow.deck.service import Settings as DeckSettings
from prow.engines.local.engine import LocalEngine
from prow.engines.local.settings import Settings as EngineSettings
from prow.git.client import Git
from prow.git.mirror import Mirrors
from prow.github.call import Cost
from prow.github.client import GitHub
from prow.github.limiter import Limits
from prow.github.rules import Options
from prow.github.tokens import TokenFile, Tokens
from prow.hook.service import Hook
from prow.hook.settings import Settings as HookSettings
from prow.jobs.build_id import BuildIds
from prow.jobs.index import JobIndex
from prow.jobs.sqlite_store import SQLiteJobStore
from prow.lib import http, logs
from prow.lib.clock import Clock
from prow.lib.errors import UsageError
from prow.lib.ids import Ids, RandomIds
from prow.lib.secrets import Secrets
from prow.lib.service import Instrumentation, Ports
from prow.owners.service import OwnersReader
from prow.plank.service import Plank
from prow.plugins import BUILT
from prow.storage.buckets import Buckets
from prow.storage.folders import Folders
from prow.storage.ports import Storage

_log = logs.get("up")


class GitHubSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`token_path` empty: anonymous. `git_base`: what stands before `/org/repo` in addresses of repositories."""

    git_base: str = "https://github.com"
    endpoints: tuple[str, ...] = ("https://api.github.com",)
    graphql_endpoint: str = "https://api.github.com/graphql"
    token_path: str = ""
    options: Options = Options()
    limits: Limits = Limits()


class ConfigSettings(msgspec.Struct, frozen=True, kw_only=True):
    config_path: str
    job_config_path: str = ""
    plugin_config: str = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `up` runs with. `bucket_dir` empty: buckets are where the config says. Ports 0: any free one."""

    state_dir: Path
    config: ConfigSettings
    github: GitHubSettings
    hook: HookSettings
    deck: DeckSettings
    engine: EngineSettings
    hmac_secret_file: str
    ports: Ports
    host: str = "127.0.0.1"
    hook_port: int = 8888
    deck_port: int = 8080
    bucket_dir: str = ""
    gcs_credentials_file: str = ""
    s3_credentials_file: str = ""
    dry_run: bool = False


class System(msgspec.Struct, frozen=True, kw_only=True):
    """What runs: for the demo, for tests, and for whoever wants to look inside."""

    deck_url: str
    hook_url: str
    hook: Hook
    index: JobIndex
    plank: Plank
    crier: Crier
    engine: LocalEngine
    github: GitHub
    agent: ConfigAgent


async def load_config(settings: ConfigSettings) -> ConfigAgent:
    """The config agent with a first good snapshot; its errors as one UsageError, a line each."""
    for flag, path in (
        ("--config-path", settings.config_path),
        ("--job-config-path", settings.job_config_path),
        ("--plugin-config", settings.plugin_config),
    ):
        if path and not Path(path).exists():
            raise UsageError(f"{flag} {path}: there is no such file")
    if not settings.config_path:
        raise UsageError("--config-path is required: give the path of config.yaml")
    agent = ConfigAgent(
        settings.config_path, settings.job_config_path, settings.plugin_config, built=[plugin.name for plugin in BUILT]
    )
    try:
        await agent.load()
    except ConfigError as error:
        raise UsageError(str(error)) from error
    return agent


def open_github(settings: GitHubSettings, secrets: Secrets, *, clock: Clock, component: str, dry_run: bool) -> GitHub:
    """The client of this process."""
    tokens: Tokens | None = None
    if settings.token_path:
        tokens = TokenFile(secrets.load(settings.token_path, flag="--github-token-path"))
    return GitHub.open(
        clock=clock,
        component=component,
        tokens=tokens,
        endpoints=settings.endpoints,
        graphql_endpoint=settings.graphql_endpoint,
        dry_run=dry_run,
        options=settings.options,
        limits=settings.limits,
    )


def open_storage(settings: Settings) -> Storage:
    if settings.bucket_dir:
        return Folders(Path(settings.bucket_dir).resolve())
    return Buckets(gcs_credentials_file=settings.gcs_credentials_file, s3_credentials_file=settings.s3_credentials_file)


async def open_mirrors(state: Path, settings: GitHubSettings, secrets: Secrets, *, clock: Clock) -> Mirrors:
    """Bare mirrors below the state folder. `UsageError` when git is missing or too old."""
    home = state / "git"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    git = await Git.open(clock, home=home)
    token = settings.token_path
    tokens = TokenFile(secrets.load(token, flag="--github-token-path")) if token else None
    return Mirrors(git, clock=clock, folder=home / "mirrors", base=settings.git_base, tokens=tokens)


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock, ids: Ids | None = None) -> AsyncIterator[System]:
    """Start every component, give the system, and stop it when the block ends: no new work, open work is finished or kept."""
    ids = ids or RandomIds()
    secrets = Secrets(clock)
    agent = await load_config(settings.config)
    hmac = secrets.load(settings.hmac_secret_file, flag="--hmac-secret-file")
    github = open_github(settings.github, secrets, clock=clock, component="prow", dry_run=settings.dry_run)
    storage = open_storage(settings)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(github.aclose)
        side = Instrumentation(settings.ports, clock=clock)
        await stack.enter_async_context(side.serve())
        namespace = agent.config.prowjob_namespace
        store = await SQLiteJobStore.open(settings.state_dir / "jobs.db", clock=clock, namespace=namespace)
        stack.push_async_callback(store.close)
        here = msgspec.structs.replace(settings.engine, github=settings.github.git_base)
        engine = LocalEngine(here, storage=storage, clock=clock, secrets=secrets.values)
        await engine.open()
        stack.callback(engine.close)
        index = JobIndex(store, clock=clock)
        plank = Plank(
            store=store,
            index=index,
            engines=[engine],
            config=lambda: agent.config,
            build_ids=BuildIds(clock),
            clock=clock,
        )
        reporting = github.bound(caller="crier", cost=Cost.INTERACTIVE)
        crier = Crier(
            StoreFeed(store, clock),
            store,
            [
                (GitHubReporter(reporting, store, lambda: agent.config, clock=clock), 10),
                (BlobReporter(storage, lambda: agent.config, dry_run=settings.dry_run), 10),
            ],
            clock=clock,
        )
        mirrors = await open_mirrors(settings.state_dir, settings.github, secrets, clock=clock)
        in_repo = adapters.InRepo(mirrors)
        owners = OwnersReader(mirrors, github.bound(caller="owners", cost=Cost.INTERACTIVE))
        deck = Deck(
            settings.deck,
            store=store,
            index=index,
            storage=storage,
            live=adapters.EngineLogs(engine),
            waiting=plank,
            reruns=adapters.Reruns(clock=clock, ids=ids),
            clock=clock,
        )
        hook = await Hook.open(
            settings.hook,
            settings.state_dir / "hook.db",
            hmac=hmac,
            plugins=BUILT,
            snapshot=lambda: agent.snapshot,
            github=lambda caller: github.bound(caller=caller, cost=Cost.INTERACTIVE),
            jobs=store,
            known_jobs=adapters.OpenPresubmits(index),
            in_repo_config=in_repo.reader_for,
            owners=owners,
            clock=clock,
        )
        stack.push_async_callback(hook.close)
        deck_port = await stack.enter_async_context(http.serve(deck.app, host=settings.host, port=settings.deck_port))
        stack.callback(deck.close)
        async with asyncio.TaskGroup() as tasks:
            background = [
                tasks.create_task(work, name=name)
                for name, work in (
                    ("secrets", secrets.watch()),
                    ("config", agent.watch(clock)),
                    ("index", index.run()),
                    ("engine", engine.run()),
                    ("plank", plank.run()),
                    ("crier", crier.run()),
                    ("hook", hook.run()),
                )
            ]
            await index.synced()
            try:
                async with http.serve(hook.app, host=settings.host, port=settings.hook_port) as hook_port:
                    side.ready()
                    deck_url = f"http://{settings.host}:{deck_port}"
                    hook_url = f"http://{settings.host}:{hook_port}{settings.hook.webhook_path}"
                    _log.info("Ready.", dashboard=deck_url, webhooks=hook_url, sandbox=engine.sandbox.name)
                    yield System(
                        deck_url=deck_url,
                        hook_url=hook_url,
                        hook=hook,
                        index=index,
                        plank=plank,
                        crier=crier,
                        engine=engine,
                        github=github,
                        agent=agent,
                    )
                await hook.drain()
            finally:
                deck.close()
                for task in background:
                    task.cancel()
