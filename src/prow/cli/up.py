"""`prow up`: all components in one process, against a real GitHub, with upstream's flags."""

from __future__ import annotations

import asyncio

import click

from prow.cli import compose, groups
from prow.cli.run import engine_settings
from prow.cli.state import state_dir
from prow.deck.service import Settings as DeckSettings
from prow.github.limiter import Limits
from prow.github.rules import Options
from prow.hook.settings import Settings as HookSettings
from prow.lib import flags, logs
from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from prow.lib.service import Ports, run


class UpFlags(flags.FlagGroup):
    dry_run: bool = flags.flag("dry-run", False, "Write nothing to GitHub.")


@click.command(cls=flags.GoCommand)
@flags.group(groups.ConfigFlags)
@flags.group(groups.PluginFlags)
@flags.group(groups.GitHubFlags, name="github_flags")
@flags.group(groups.EnablementFlags)
@flags.group(groups.HookPortFlags)
@flags.group(groups.DeckFlags)
@flags.group(groups.EngineFlags)
@flags.group(groups.StorageFlags)
@flags.group(groups.KubernetesFlags)
@flags.group(groups.InstrumentationFlags)
@flags.group(groups.StateFlags)
@flags.group(UpFlags)
def command(**given: flags.FlagGroup) -> None:
    """Run all components in one process against a GitHub organisation.

    Webhooks arrive at --port and --webhook-path, the dashboard is at --deck-port, state is kept below --state-dir.
    """
    settings = settings_from(given)
    logs.setup("prow", level=_log_level(given))

    async def serve() -> None:
        clock = SystemClock()
        async with compose.running(settings, clock=clock):
            await asyncio.Event().wait()

    run(serve(), clock=SystemClock())


def _log_level(given: dict[str, flags.FlagGroup]) -> str:
    return str(given["state_flags"].log_level)  # type: ignore[attr-defined]


def settings_from(given: dict[str, flags.FlagGroup]) -> compose.Settings:
    """The settings of all components from the groups of flags; `UsageError` for what cannot be."""
    config, plugins, github = given["config_flags"], given["plugin_flags"], given["github_flags"]
    hook, deck, engine = given["hook_port_flags"], given["deck_flags"], given["engine_flags"]
    enablement, storage, ports, state = (
        given["enablement_flags"], given["storage_flags"], given["instrumentation_flags"], given["state_flags"],
    )  # fmt: skip
    assert isinstance(config, groups.ConfigFlags)
    assert isinstance(plugins, groups.PluginFlags)
    assert isinstance(github, groups.GitHubFlags)
    assert isinstance(hook, groups.HookPortFlags)
    assert isinstance(deck, groups.DeckFlags)
    assert isinstance(engine, groups.EngineFlags)
    assert isinstance(enablement, groups.EnablementFlags)
    assert isinstance(storage, groups.StorageFlags)
    assert isinstance(ports, groups.InstrumentationFlags)
    assert isinstance(state, groups.StateFlags)
    groups.refuse_unsupported(*given.values())
    enablement.check()
    if not config.config_path:
        raise UsageError("--config-path is required: give the path of config.yaml")
    folder = state_dir(state.state_dir)
    up = given["up_flags"]
    assert isinstance(up, UpFlags)
    return compose.Settings(
        state_dir=folder,
        config=compose.ConfigSettings(
            config_path=config.config_path, job_config_path=config.job_config_path, plugin_config=plugins.plugin_config
        ),
        github=github_settings(github),
        hook=HookSettings(
            webhook_path=hook.webhook_path,
            grace_period=hook.grace_period,
            enabled_orgs=frozenset(enablement.enabled_org),
            enabled_repos=frozenset(enablement.enabled_repo),
            disabled_orgs=frozenset(enablement.disabled_org),
            disabled_repos=frozenset(enablement.disabled_repo),
        ),
        deck=DeckSettings(hosts=tuple(deck.deck_host), actions=deck.rerun_creates_job),
        engine=engine_settings(engine, folder / "engine"),
        hmac_secret_file=hook.hmac_secret_file,
        ports=Ports(health=ports.health_port, metrics=ports.metrics_port, pprof=ports.pprof_port, host=state.host),
        host=state.host,
        hook_port=hook.port,
        deck_port=deck.deck_port,
        bucket_dir=engine.bucket_dir,
        gcs_credentials_file=storage.gcs_credentials_file,
        s3_credentials_file=storage.s3_credentials_file,
        dry_run=up.dry_run,
    )


def github_settings(github: groups.GitHubFlags) -> compose.GitHubSettings:
    """The client's settings. Repositories are cloned from the host of the API, where that is not api.github.com."""
    endpoint = github.github_endpoint[0]
    base = f"https://{github.github_host}"
    if endpoint.startswith("http://"):
        base = endpoint.rstrip("/")
    return compose.GitHubSettings(
        git_base=base,
        endpoints=github.github_endpoint,
        graphql_endpoint=github.github_graphql_endpoint,
        token_path=github.github_token_path,
        options=Options(
            max_retries=github.max_retries,
            max_404_retries=github.max_404_retries,
            initial_delay=github.initial_delay,
            backoff_timeout=github.backoff_timeout,
            request_timeout=github.request_timeout,
        ),
        limits=Limits(hourly_tokens=github.github_hourly_tokens, allowed_burst=github.github_allowed_burst),
    )
