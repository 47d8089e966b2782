"""What components of one process are built from: config, secrets, job store, index, GitHub, storage, mirrors, engine, ports.

`up` and the single processes open the same parts here; `components` makes components of them. Everything that is opened is closed in
reverse when the process ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from prow.cli import budget_page as budget
from prow.cli.github_client import GitHubSettings, GitTokens, open_github, open_paces, open_tokens
from prow.config import cache as config_cache
from prow.config.agent import ConfigAgent
from prow.config.config import Config
from prow.config.errors import ConfigError
from prow.config.inrepo_cache import SIZE, InRepoCache
from prow.config.load import NO_SUPPLEMENTS as NO_CONFIG_SUPPLEMENTS
from prow.config.load_plugins import NO_SUPPLEMENTS as NO_PLUGIN_SUPPLEMENTS
from prow.config.supplemental import Supplements
from prow.engines.local.engine import LocalEngine
from prow.engines.local.settings import Settings as EngineSettings
from prow.git.client import Git
from prow.git.mirror import Mirrors
from prow.git.upkeep import CACHE_SIZE
from prow.github.client import GitHub
from prow.github.limiter import Paces
from prow.github.tokens import Tokens
from prow.jobs.index import JobIndex
from prow.jobs.sqlite_store import SQLiteJobStore
from prow.lib import logs
from prow.lib.clock import Clock
from prow.lib.errors import UsageError
from prow.lib.secrets import Secrets
from prow.lib.service import Instrumentation, Ports
from prow.plugins import BUILT
from prow.storage.buckets import Buckets
from prow.storage.folders import Folders
from prow.storage.ports import Storage

_log = logs.get("github")
_NO_PAGES: Mapping[str, Callable[[], bytes]] = {}
Works = Mapping[str, Coroutine[object, object, None]]


class ConfigSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`cache_dir`: as `--config-cache-dir`. `in_repo_entries`: in-repo configs kept in memory. `mirrors`: folder of git mirrors; empty:
    below the state folder. `mirror_bytes`: what they may take there. `sets_log_level`: this process logs as much as the config's `log_level` says, now and after changes."""

    config_path: str
    job_config_path: str = ""
    plugin_config: str = ""
    supplemental: Supplements = NO_CONFIG_SUPPLEMENTS
    supplemental_plugins: Supplements = NO_PLUGIN_SUPPLEMENTS
    cache_dir: str = ""
    in_repo_entries: int = SIZE
    mirrors: str = ""
    mirror_bytes: int = CACHE_SIZE
    sets_log_level: bool = False


class StorageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`bucket_dir` empty: buckets are where the config says."""

    bucket_dir: str = ""
    gcs_credentials_file: str = ""
    s3_credentials_file: str = ""


class Parts:
    """Made by `open_parts`. Open what is needed, build, then do the work inside `running`."""

    def __init__(
        self,
        stack: AsyncExitStack,
        settings: ConfigSettings,
        *,
        agent: ConfigAgent,
        secrets: Secrets,
        store: SQLiteJobStore,
        clock: Clock,
    ) -> None:
        self.stack = stack
        self.agent = agent
        self.in_repo_cache = InRepoCache(settings.in_repo_entries)
        self._mirror_folder = settings.mirrors
        self._mirror_bytes = settings.mirror_bytes
        self.secrets = secrets
        self.store = store
        self.clock = clock
        self._paces: Paces | None = None
        self._clients: list[GitHub] = []
        self._index: JobIndex | None = None
        self._known_tokens: dict[tuple[str, str], Tokens | None] = {}

    def config(self) -> Config:
        """The configuration as it is now."""
        return self.agent.config

    @property
    def index(self) -> JobIndex:
        """Of the job store; it is kept while `running`, if it was asked for before."""
        if self._index is None:
            self._index = JobIndex(self.store, clock=self.clock)
        return self._index

    async def github(self, settings: GitHubSettings, *, component: str, dry_run: bool) -> GitHub:
        """A client; all that share it share its budget.

        GitHub's limits are kept together with all processes that have the same cache or, where it is in memory, the same job store.
        """
        if self._paces is None:
            folder = Path(settings.cache_dir) if settings.cache_dir else self.store.folder
            self._paces = await open_paces(folder, clock=self.clock, stack=self.stack)
        github = await open_github(
            settings,
            self._tokens(settings),
            clock=self.clock,
            component=component,
            dry_run=dry_run,
            stack=self.stack,
            paces=self._paces,
        )
        self._clients.append(github)
        return github

    @property
    def pages(self) -> Mapping[str, Callable[[], bytes]]:
        """Debug pages: what was spent at GitHub (`prow budget`)."""
        return {budget.PAGE: lambda: budget.page(client.account() for client in self._clients)}

    async def mirrors(self, state: Path, settings: GitHubSettings) -> Mirrors:
        """Bare mirrors, below the state folder or where the command line says. `UsageError` when git is missing or too old."""
        home = state / "git"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        git = await Git.open(self.clock, home=home)
        tokens = self._tokens(settings)
        folder = Path(self._mirror_folder) if self._mirror_folder else home / "mirrors"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        mirrors = Mirrors(
            git,
            clock=self.clock,
            folder=folder,
            base=settings.git_base,
            tokens=GitTokens(tokens) if tokens is not None else None,
            signing_key=settings.signing_key,
            cache_size=self._mirror_bytes,
        )
        self.stack.push_async_callback(mirrors.aclose)
        return mirrors

    async def engine(self, settings: EngineSettings, storage: Storage, github: GitHubSettings) -> LocalEngine:
        """The engine of this machine, open; its `run` is up to the caller."""
        here = msgspec.structs.replace(settings, github=github.git_base)
        engine = LocalEngine(here, storage=storage, clock=self.clock, secrets=self.secrets.values)
        await engine.open()
        self.stack.callback(engine.close)
        return engine

    @asynccontextmanager
    async def running(self, works: Works, *, listing: float | None = None) -> AsyncIterator[None]:
        """Keep `works` going while the block runs, and what they read of up to date; then stop them.

        The first that fails ends the block. The block begins when the index has its first list; `listing`: seconds to wait for that.
        """
        own: dict[str, Coroutine[object, object, None]] = {
            "secrets": self.secrets.watch(),
            "config": self.agent.watch(self.clock),
        }
        if self._index is not None:
            own["index"] = self._index.run()
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work, name=name) for name, work in (own | dict(works)).items()]
            try:
                await self._listed(listing)
                yield
            finally:
                for task in tasks:
                    task.cancel()

    async def _listed(self, within: float | None) -> None:
        if self._index is None:
            return
        try:
            async with self.clock.timeout(within):
                await self._index.synced()
        except TimeoutError as error:
            raise UsageError(
                f"the job store was not listed within {within:g} s; see --timeout-listing-prowjobs"
            ) from error

    def _tokens(self, settings: GitHubSettings) -> Tokens | None:
        """The same for all who have the same credentials: a GitHub App needs one token for an organisation."""
        key = (settings.token_path, settings.app_id)
        if key not in self._known_tokens:
            if not any(key):
                _log.warning("GitHub is asked without credentials: 60 calls an hour, and nothing can be written.")
            self._known_tokens[key] = open_tokens(
                settings, secrets=self.secrets, clock=self.clock, component="prow", stack=self.stack
            )
        return self._known_tokens[key]


@asynccontextmanager
async def open_parts(config: ConfigSettings, job_store: Path, *, clock: Clock) -> AsyncIterator[Parts]:
    """The parts that every process has: config and job store. `UsageError` in one line when one of them cannot be had."""
    agent = await load_config(config)
    if config.sets_log_level:
        logs.set_level(agent.config.log_level)
        agent.subscribe(lambda _before, now: logs.set_level(now.config.log_level))
    async with AsyncExitStack() as stack:
        store = await SQLiteJobStore.open(job_store, clock=clock, namespace=agent.config.prowjob_namespace)
        stack.push_async_callback(store.close)
        yield Parts(stack, config, agent=agent, secrets=Secrets(clock), store=store, clock=clock)


@asynccontextmanager
async def side_ports(
    ports: Ports, *, clock: Clock, pages: Mapping[str, Callable[[], bytes]] = _NO_PAGES
) -> AsyncIterator[Instrumentation]:
    """Health, metrics and debug pages while the block runs."""
    side = Instrumentation(ports, clock=clock, pages=pages)
    async with side.serve():
        yield side


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
        settings.config_path,
        settings.job_config_path,
        settings.plugin_config,
        supplemental=settings.supplemental,
        supplemental_plugins=settings.supplemental_plugins,
        built=[plugin.name for plugin in BUILT],
        cache=config_cache.usual(settings.cache_dir),
    )
    try:
        await agent.load()
    except ConfigError as error:
        raise UsageError(str(error)) from error
    return agent


def open_storage(settings: StorageSettings) -> Storage:
    if settings.bucket_dir:
        return Folders(Path(settings.bucket_dir).resolve())
    return Buckets(gcs_credentials_file=settings.gcs_credentials_file, s3_credentials_file=settings.s3_credentials_file)
