"""`prow up`: all components in one process, against a real GitHub, with upstream's flags."""

from __future__ import annotations

import asyncio

import click

from prow.cli import compose, groups
from prow.cli.given import Given, start, takes
from prow.lib import flags
from prow.lib.clock import Clock


class UpFlags(flags.FlagGroup):
    dry_run: bool = flags.flag("dry-run", False, "Write nothing to GitHub.")
    tide_port: int | None = flags.flag(
        "tide-port", None, "Port of tide's pools, history and explanations, for a deck elsewhere; default: not served."
    )


@click.command(cls=flags.GoCommand)
@takes(
    groups.ConfigFlags,
    groups.PluginFlags,
    groups.GitHubFlags,
    groups.EnablementFlags,
    groups.HookPortFlags,
    groups.EventFlags,
    groups.DeckFlags,
    groups.EngineFlags,
    groups.StorageFlags,
    groups.KubernetesFlags,
    groups.InstrumentationFlags,
    groups.StateFlags,
    UpFlags,
)
def command(**given: flags.FlagGroup) -> None:
    """Run all components in one process against a GitHub organisation.

    Webhooks arrive at --port and --webhook-path, the dashboard is at --deck-port, state is kept below --state-dir.
    """
    start("prow", given.values(), _serve, host="127.0.0.1")


async def _serve(given: Given, clock: Clock) -> None:
    async with compose.running(settings_from(given), clock=clock):
        await asyncio.Event().wait()


def settings_from(given: Given) -> compose.Settings:
    """The settings of all components; `UsageError` for what cannot be."""
    hook, storage = given.of(groups.HookPortFlags), given.storage()
    config, hook_settings = given.config(), given.hook()
    endpoints = given.of(groups.EventFlags).endpoints()
    state = given.state_dir()
    return compose.Settings(
        state_dir=state,
        job_store=given.job_store(),
        config=config,
        github=given.github(cache=state / "github"),
        hook=hook_settings,
        deck=given.deck(),
        engine=given.engine(state),
        hmac_secret_file=hook.hmac_secret_file,
        ports=given.ports(),
        host=given.host,
        hook_port=hook.port,
        deck_port=given.of(groups.DeckFlags).deck_port,
        tide_port=given.of(UpFlags).tide_port,
        event_endpoints=endpoints,
        bucket_dir=storage.bucket_dir,
        gcs_credentials_file=storage.gcs_credentials_file,
        s3_credentials_file=storage.s3_credentials_file,
        dry_run=given.of(UpFlags).dry_run,
    )
