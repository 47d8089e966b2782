"""`prow hook`: the webhook server and its plugins alone. Its ProwJobs go to the job store; tide gets its events by `--event-endpoint`."""

from __future__ import annotations

import click

from prow.cli import components, groups
from prow.cli.given import Given, start, takes, until_stopped
from prow.cli.parts import open_parts, side_ports
from prow.cli.state import only_one
from prow.lib import flags, http, logs
from prow.lib.clock import Clock

_log = logs.get("hook")


@click.command(cls=flags.GoCommand)
@takes(
    groups.ConfigFlags,
    groups.PluginFlags,
    groups.GitHubFlags,
    groups.EnablementFlags,
    groups.HookFlags,
    groups.EventFlags,
    groups.KubernetesFlags,
    groups.InstrumentationFlags,
    groups.StateFlags,
)
def command(**given: flags.FlagGroup) -> None:
    """Receive webhooks and run the plugins.

    Jobs go to --job-store, where prow-controller-manager finds them; components in processes of their own get the events by
    --event-endpoint=NAME=URL, signed and in order.
    """
    start("hook", given.values(), _serve)


async def _serve(given: Given, clock: Clock) -> None:
    options = given.of(groups.HookFlags)
    settings, endpoints = given.hook(), given.of(groups.EventFlags).endpoints()
    config, state = given.config(), given.state_dir()
    async with (
        open_parts(config, given.job_store(), clock=clock) as parts,
        side_ports(given.ports(), clock=clock, pages=parts.pages) as side,
    ):
        parts.stack.enter_context(only_one("hook", state))
        hook = await components.hook(
            parts,
            settings,
            state,
            hmac=parts.secrets.load(options.hmac_secret_file, flag="--hmac-secret-file"),
            github=await parts.github(given.github(), component="hook", dry_run=options.dry_run),
            mirrors=await parts.mirrors(state, given.github()),
            endpoints=endpoints,
            dry_run=options.dry_run,
        )
        async with parts.running({"hook": hook.run()}):
            try:
                async with http.serve(hook.app, host=given.host, port=options.port) as port:
                    where = http.url(given.host, port, options.webhook_path)
                    await until_stopped(side, _log, webhooks=where, dry_run=options.dry_run)
            finally:
                await hook.drain()
