"""From flags to settings, once for all commands: the groups that a command takes, and what each setting is made of.

A command names its groups by `takes`, and begins with `start`, which refuses what this release cannot do, sets up the log, and runs the
command's coroutine until a signal comes.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from prow.cli import groups
from prow.cli.github_client import GitHubSettings
from prow.cli.parts import ConfigSettings, StorageSettings
from prow.cli.state import job_store, state_dir
from prow.config.load_plugins import NO_SUPPLEMENTS as NO_PLUGIN_SUPPLEMENTS
from prow.deck.service import Settings as DeckSettings
from prow.engines.local.settings import PROCESS
from prow.engines.local.settings import Settings as EngineSettings
from prow.github.limiter import Limits
from prow.github.rules import Options
from prow.hook.settings import Settings as HookSettings
from prow.lib import flags, logs
from prow.lib.clock import Clock, SystemClock
from prow.lib.errors import UsageError
from prow.lib.service import Instrumentation, Ports, run

_TRUSTED = re.compile(r"\*|[\w.-]+(?:/[\w.-]+)?", re.ASCII)

C = TypeVar("C", bound=Callable[..., object])
G = TypeVar("G", bound=flags.FlagGroup)


def takes(*kinds: type[flags.FlagGroup]) -> Callable[[C], C]:
    """The command gets these groups of flags as keywords; `Given` finds them by their type."""

    def decorate(function: C) -> C:
        for kind in reversed(kinds):
            function = flags.group(kind)(function)
        return function

    return decorate


class Given:
    """The command line. `host`: where to listen when it does not say; empty: at every address of this machine."""

    def __init__(self, filled: Iterable[flags.FlagGroup], *, host: str = "") -> None:
        self._groups = tuple(filled)
        self._host = host
        groups.refuse_unsupported(*self._groups)

    def of(self, kind: type[G]) -> G:
        """The group of that type."""
        return next(group for group in self._groups if isinstance(group, kind))

    @property
    def host(self) -> str:
        return self.of(groups.StateFlags).host or self._host

    def config(self) -> ConfigSettings:
        config = self.of(groups.ConfigFlags)
        if not config.config_path:
            raise UsageError("--config-path is required: give the path of config.yaml")
        if config.in_repo_config_cache_size < 1:
            raise UsageError(f"--in-repo-config-cache-size={config.in_repo_config_cache_size}: give 1 or more")
        if config.git_cache_size_mb < 1:
            raise UsageError(f"--git-cache-sizeMB={config.git_cache_size_mb}: give 1 or more")
        plugins = next((group for group in self._groups if isinstance(group, groups.PluginFlags)), None)
        return ConfigSettings(
            config_path=config.config_path,
            job_config_path=config.job_config_path,
            plugin_config=plugins.plugin_config if plugins is not None else "",
            supplemental=config.supplemental,
            supplemental_plugins=plugins.supplemental if plugins is not None else NO_PLUGIN_SUPPLEMENTS,
            cache_dir=config.config_cache_dir,
            in_repo_entries=config.in_repo_config_cache_size,
            mirrors=config.cache_dir_base,
            mirror_bytes=config.git_cache_size_mb << 20,
            sets_log_level=not self.of(groups.StateFlags).log_level,
        )

    def state_dir(self) -> Path:
        return state_dir(self.of(groups.StateFlags).state_dir)

    def job_store(self) -> Path:
        state = self.of(groups.StateFlags)
        return job_store(state.job_store, state.state_dir)

    def ports(self) -> Ports:
        ports = self.of(groups.InstrumentationFlags)
        return Ports(health=ports.health_port, metrics=ports.metrics_port, pprof=ports.pprof_port, host=self.host)

    def github(self, *, cache: Path | None = None) -> GitHubSettings:
        """The client's settings. `cache`: folder of the cache of answers when no flag names one; None: it is in memory."""
        github = self.of(groups.GitHubClientFlags)
        github.check()
        host = github.github_host.rstrip("/")
        endpoints = tuple(endpoint or groups.API for endpoint in github.github_endpoint)
        return GitHubSettings(
            git_base=host if "://" in host else f"https://{host}",
            endpoints=endpoints,
            graphql_endpoint=github.github_graphql_endpoint or f"{groups.API}/graphql",
            token_path=github.github_token_path,
            app_id=github.github_app_id,
            app_key_path=github.github_app_private_key_path,
            cache_dir=github.github_cache_dir or str(cache or ""),
            cache_bytes=github.github_cache_size_mb << 20,
            signing_key=github.git_signing_key_path,
            options=Options(
                max_retries=github.max_retries,
                max_404_retries=github.max_404_retries,
                initial_delay=github.initial_delay,
                backoff_timeout=github.backoff_timeout,
                request_timeout=github.request_timeout,
            ),
            limits=github.limits() if isinstance(github, groups.GitHubFlags) else Limits(),
        )

    def storage(self) -> StorageSettings:
        storage = self.of(groups.StorageFlags)
        return StorageSettings(
            bucket_dir=storage.bucket_dir,
            gcs_credentials_file=storage.gcs_credentials_file,
            s3_credentials_file=storage.s3_credentials_file,
        )

    def hook(self) -> HookSettings:
        hook = self.of(groups.HookPortFlags)
        if not hook.webhook_path.startswith("/"):
            raise UsageError(f"--webhook-path {hook.webhook_path}: a path begins with a slash, such as /hook")
        return msgspec.structs.replace(
            self._enablement(), webhook_path=hook.webhook_path, grace_period=hook.grace_period
        )

    def enabled(self) -> Callable[[str, str], bool]:
        """Whether an organisation's repository is handled."""
        return self._enablement().accepts

    def _enablement(self) -> HookSettings:
        given = self.of(groups.EnablementFlags)
        given.check()
        return HookSettings(
            enabled_orgs=frozenset(given.enabled_org),
            enabled_repos=frozenset(given.enabled_repo),
            disabled_orgs=frozenset(given.disabled_org),
            disabled_repos=frozenset(given.disabled_repo),
        )

    def deck(self) -> DeckSettings:
        deck = self.of(groups.DeckFlags)
        return DeckSettings(hosts=deck.deck_host, actions=deck.rerun_creates_job)

    def engine(self, state: Path) -> EngineSettings:
        return engine_settings(self.of(groups.EngineFlags), state / "engine")


async def until_stopped(side: Instrumentation, log: logs.Logger, **where: object) -> None:
    """Everything runs: say so, and go on until the process is told to stop."""
    side.ready()
    log.info("Ready.", **where)
    await asyncio.Event().wait()


def start(
    component: str,
    filled: Iterable[flags.FlagGroup],
    serve: Callable[[Given, Clock], Coroutine[object, object, None]],
    *,
    host: str = "",
) -> None:
    """The main function of a component's process."""
    given = Given(filled, host=host)
    logs.setup(component, level=given.of(groups.StateFlags).log_level or "info")
    clock = SystemClock()
    run(serve(given, clock), clock=clock)


def engine_settings(
    options: groups.EngineFlags, state: Path, *, local_clones: bool = False, sandbox: str = ""
) -> EngineSettings:
    """The engine's settings from its flags. `sandbox`: this one in place of the one asked for."""
    for who in options.allow_secrets:
        if not _TRUSTED.fullmatch(who):
            raise UsageError(f"--allow-secrets {who}: give org/repo, an organisation, periodics, or *")
    return EngineSettings(
        state=state,
        sandbox=sandbox or options.engine,
        allow_unsandboxed=options.allow_unsandboxed or sandbox == PROCESS,
        volumes=Path(options.volumes_dir) if options.volumes_dir else None,
        trusted_repos=frozenset(options.allow_secrets),
        local_clones=local_clones,
        max_jobs=options.max_running,
    )
