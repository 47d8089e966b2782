"""`prow horologium`: starts periodic jobs when they are due, alone (`spec/prowjobs-and-pods` §8.1)."""

from __future__ import annotations

import click

from prow.cli import components, groups
from prow.cli.given import Given, start, takes, until_stopped
from prow.cli.parts import open_parts, side_ports
from prow.lib import flags, logs
from prow.lib.clock import Clock
from prow.lib.flags import Seconds, flag

_log = logs.get("horologium")


class HorologiumFlags(groups.ListingFlags):
    dry_run: bool = flag("dry-run", True, "Create no jobs; say what would be created.")
    timeout_listing_prowjobs: Seconds = flag(
        "timeout-listing-prowjobs", Seconds(60), "Longest wait for the job store's first list."
    )


@click.command(cls=flags.GoCommand)
@takes(groups.ConfigFlags, HorologiumFlags, groups.KubernetesFlags, groups.InstrumentationFlags, groups.StateFlags)
def command(**given: flags.FlagGroup) -> None:
    """Create the periodic jobs of the config in --job-store when they are due.

    Dry by default, as upstream: give --dry-run=false.
    """
    start("horologium", given.values(), _serve)


async def _serve(given: Given, clock: Clock) -> None:
    options = given.of(HorologiumFlags)
    config, job_store = given.config(), given.job_store()
    async with open_parts(config, job_store, clock=clock) as parts, side_ports(given.ports(), clock=clock) as side:
        horologium = components.horologium(parts, dry_run=options.dry_run)
        async with parts.running({"horologium": horologium.run()}, listing=options.timeout_listing_prowjobs):
            await until_stopped(side, _log, dry_run=options.dry_run)
