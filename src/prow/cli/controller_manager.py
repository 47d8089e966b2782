"""`prow prow-controller-manager`: plank and the engine of this machine: starts, watches and ends jobs (`spec/prowjobs-and-pods` §3)."""

from __future__ import annotations

import click

from prow.cli import adapters, components, groups
from prow.cli.given import Given, start, takes, until_stopped
from prow.cli.parts import Parts, Works, open_parts, open_storage, side_ports
from prow.cli.runs import ServesRuns, socket_address
from prow.cli.state import only_one
from prow.engines.local.leftovers import Leftovers
from prow.lib import flags, http, logs
from prow.lib.clock import Clock
from prow.lib.errors import UsageError
from prow.lib.flags import flag

_log = logs.get("plank")
_LATER = {"scheduler"}


class ManagerFlags(flags.FlagGroup):
    enable_controller: tuple[str, ...] = flag("enable-controller", ("plank",), "Controllers to run: plank.")
    dry_run: bool = flag("dry-run", True, "Start and change no jobs; say what would be done.")
    label_selector: str = flag("label-selector", "", "Not supported: it selects pods, and there are none.", hidden=True)
    tot_url: str = flag("tot-url", "", "Not supported: build ids are made here.", hidden=True)

    def check(self) -> None:
        """`UsageError` for what would change what happens and cannot."""
        for name in self.enable_controller:
            if name in _LATER:
                raise UsageError(f"--enable-controller={name} comes with a later release; plank runs here")
            if name != "plank":
                raise UsageError(f"--enable-controller={name}: there is no such controller; plank is")
        if self.tot_url:
            raise UsageError("--tot-url: there is no tot; build ids are made here, leave the flag out")
        if self.label_selector:
            raise UsageError("--label-selector selects pods, and there are none here; leave the flag out")


@click.command(cls=flags.GoCommand)
@takes(
    groups.ConfigFlags,
    groups.GitHubFlags,
    ManagerFlags,
    groups.EngineFlags,
    groups.StorageFlags,
    groups.KubernetesFlags,
    groups.InstrumentationFlags,
    groups.StateFlags,
)
def command(**given: flags.FlagGroup) -> None:
    """Run the jobs of --job-store on this machine. One such process may work on a job store.

    Dry by default, as upstream: give --dry-run=false. A deck in a process of its own reads growing logs from a socket beside the job
    store.
    """
    start("prow-controller-manager", given.values(), _serve)


async def _serve(given: Given, clock: Clock) -> None:
    options = given.of(ManagerFlags)
    options.check()
    config, job_store = given.config(), given.job_store()
    async with open_parts(config, job_store, clock=clock) as parts, side_ports(given.ports(), clock=clock) as side:
        works = _dry(parts) if options.dry_run else await _real(parts, given)
        async with parts.running(works):
            await until_stopped(side, _log, dry_run=options.dry_run)


def _dry(parts: Parts) -> Works:
    return {"plank": components.plank(parts, adapters.DryEngine(), dry_run=True).run()}


async def _real(parts: Parts, given: Given) -> Works:
    folder, state, github = given.job_store().parent, given.state_dir(), given.github()
    parts.stack.enter_context(only_one("plank", folder))
    if github.token_path:
        parts.secrets.load(github.token_path, flag="--github-token-path")  # so that no log shows it
    settings = given.engine(state)
    engine = await parts.engine(settings, open_storage(given.storage()), github)
    plank = components.plank(parts, engine)
    runs = ServesRuns(adapters.EngineLogs(engine), plank, Leftovers(engine, settings.state))
    listener = http.bind_unix(socket_address(folder))
    await parts.stack.enter_async_context(http.serve(runs.app, listener=listener))
    _log.info("Jobs run here.", sandbox=engine.sandbox.name, state_dir=str(state))
    return {"engine": engine.run(), "plank": plank.run()}
