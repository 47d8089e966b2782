"""`prow sim github`: the simulated GitHub as a process of its own, for anybody's bot."""

from __future__ import annotations

import tempfile
from contextlib import nullcontext
from pathlib import Path

import click

from prow.lib import flags, logs
from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from prow.lib.service import run
from prow.sim import server
from prow.sim.server import Sim


class SimFlags(flags.FlagGroup):
    listen: str = flags.flag("listen", "127.0.0.1:8081", "Address to serve on.")
    state: str = flags.flag("state", "", "Folder for its repositories; default: a new one, gone at the end.")
    repo: tuple[str, ...] = flags.flag("repo", (), "org/repo to create with a first commit; may be repeated.")
    user: tuple[str, ...] = flags.flag(
        "user", ("admin",), "Login that gets a token and may write everywhere; may be repeated."
    )


@click.group()
def command() -> None:
    """GitHub in a box: REST, webhooks and git over HTTP with GitHub's rules. State is in memory, repositories are real."""


@command.command("github", cls=flags.GoCommand)
@flags.group(SimFlags)
def github(sim_flags: SimFlags) -> None:
    """Serve a simulated GitHub until Ctrl-C; prints its address and a token per user."""
    logs.setup("sim", level="warning", form="text")
    host, _, port = sim_flags.listen.rpartition(":")
    if not port.isdecimal():
        raise UsageError(f"--listen {sim_flags.listen}: give an address such as 127.0.0.1:8081")
    for name in sim_flags.repo:
        if name.count("/") != 1:
            raise UsageError(f'--repo {name}: is not of the form "org/repo"')

    def ready(sim: Sim, url: str) -> None:
        print(f"GitHub is at {url}, repositories are below {sim.world.root}", flush=True)
        for login in sim_flags.user:
            print(f"token of {login}: {sim.world.token(login)}", flush=True)

    async def serve() -> None:
        with (
            nullcontext(sim_flags.state) if sim_flags.state else tempfile.TemporaryDirectory(prefix="prow-sim-") as root
        ):
            await server.run(
                Path(root),
                host=host or "127.0.0.1",
                port=int(port),
                ready=ready,
                repos=sim_flags.repo,
                admins=sim_flags.user,
            )

    run(serve(), clock=SystemClock())
