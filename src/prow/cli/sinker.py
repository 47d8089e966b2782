"""`prow sinker`: deletes old jobs and what they left, alone (`spec/prowjobs-and-pods` §8.2)."""

from __future__ import annotations

import click

from prow.cli import components, groups
from prow.cli.given import Given, start, takes, until_stopped
from prow.cli.parts import open_parts, side_ports
from prow.cli.runs import RemoteLeftovers
from prow.lib import flags, logs
from prow.lib.clock import Clock
from prow.lib.flags import flag

_log = logs.get("sinker")


class SinkerFlags(flags.FlagGroup):
    run_once: bool = flag("run-once", False, "Look at everything once, and end.")
    dry_run: bool = flag("dry-run", True, "Delete nothing; say what would be deleted.")


@click.command(cls=flags.GoCommand)
@takes(groups.ConfigFlags, SinkerFlags, groups.KubernetesFlags, groups.InstrumentationFlags, groups.StateFlags)
def command(**given: flags.FlagGroup) -> None:
    """Delete the jobs of --job-store that are older than the config allows, and runs that are over.

    Dry by default, as upstream: give --dry-run=false. Runs are those of the prow-controller-manager that works on the same job store.
    """
    start("sinker", given.values(), _serve)


async def _serve(given: Given, clock: Clock) -> None:
    options = given.of(SinkerFlags)
    config, job_store = given.config(), given.job_store()
    async with open_parts(config, job_store, clock=clock) as parts, side_ports(given.ports(), clock=clock) as side:
        runs = RemoteLeftovers(job_store.parent)
        parts.stack.push_async_callback(runs.aclose)
        sinker = components.sinker(parts, runs=runs, job_config_path=config.job_config_path, dry_run=options.dry_run)
        if options.run_once:
            async with parts.running({}):
                await sinker.run_once()
            return
        async with parts.running({"sinker": sinker.run()}):
            await until_stopped(side, _log, dry_run=options.dry_run)
