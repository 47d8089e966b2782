"""`prow sim github`: the simulated GitHub as a process of its own, for anybody's bot."""

from __future__ import annotations

import ssl
import tempfile
from contextlib import nullcontext
from pathlib import Path

import click
import msgspec

from prow.lib import flags, logs
from prow.lib.clock import SystemClock
from prow.lib.errors import UsageError
from prow.lib.flags import Seconds, flag
from prow.lib.http import TLS
from prow.lib.service import run
from prow.sim import process, seed


class SimFlags(flags.FlagGroup):
    listen: str = flag("listen", "127.0.0.1:9080", "Address to serve on; port 0: any free one.")
    seed: str = flag(
        "seed", "", "YAML file with users, organisations, repositories and what is in them (docs/simulator.md)."
    )
    state: str = flag("state", "", "Folder where everything is kept, to go on from later; default: nothing is kept.")
    repo: tuple[str, ...] = flag("repo", (), "org/repo to create with a first commit; may be repeated.")
    user: tuple[str, ...] = flag(
        "user",
        (),
        "Login that gets a token and may write in every --repo; may be repeated. Default without a seed: admin.",
    )
    latency: Seconds = flag("latency", Seconds(0), "Time that every answer of the API takes.")
    faults: str = flag("faults", "", "YAML or JSON file with a plan of faults (docs/simulator.md).")
    tls_cert: str = flag("tls-cert", "", "PEM file with a certificate, to serve HTTPS; with --tls-key.")
    tls_key: str = flag("tls-key", "", "PEM file with the certificate's key.")
    control_token: str = flag("control-token", "", "Token for /_sim/; default: a new one, printed.")


@click.group()
def command() -> None:
    """GitHub in a box: REST, GraphQL, webhooks and git over HTTP with GitHub's rules, over real git repositories."""


@command.command("github", cls=flags.GoCommand)
@flags.group(SimFlags)
def github(sim_flags: SimFlags) -> None:
    """Serve a simulated GitHub until Ctrl-C; prints its address and its tokens."""
    logs.setup("sim", level="warning", form="text")
    with nullcontext(sim_flags.state) if sim_flags.state else tempfile.TemporaryDirectory(prefix="prow-sim-") as root:
        run(process.run(_settings(sim_flags, Path(root)), _ready, clock=SystemClock()), clock=SystemClock())


@command.command("schema", cls=flags.GoCommand)
def schema() -> None:
    """Print the format of --seed as a JSON Schema, for editors."""
    print(msgspec.json.format(msgspec.json.encode(seed.schema()), indent=2).decode())


def _settings(given: SimFlags, root: Path) -> process.Settings:
    host, _, port = given.listen.rpartition(":")
    if not port.isdecimal():
        raise UsageError(f"--listen {given.listen}: give an address such as 127.0.0.1:9080")
    for name in given.repo:
        if name.count("/") != 1:
            raise UsageError(f'--repo {name}: is not of the form "org/repo"')
    if bool(given.tls_cert) is not bool(given.tls_key):
        raise UsageError("--tls-cert and --tls-key go together: give both or none")
    tls = TLS(Path(given.tls_cert), Path(given.tls_key)) if given.tls_cert else None
    if tls is not None:
        _check(tls)
    return process.Settings(
        root=root.absolute(),
        host=host.strip("[]") or "127.0.0.1",
        port=int(port),
        keep=bool(given.state),
        seed=Path(given.seed) if given.seed else None,
        faults=Path(given.faults) if given.faults else None,
        latency=given.latency,
        repos=given.repo,
        users=given.user or (() if given.seed else ("admin",)),
        tls=tls,
        control_token=given.control_token,
    )


def _check(tls: TLS) -> None:
    """That it is a certificate and its key, before anybody connects in vain."""
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(tls.certificate, tls.key)
    except ssl.SSLError as error:
        text = "the one has to be a certificate, the other its key, both as PEM"
        raise UsageError(
            f"--tls-cert {tls.certificate}, --tls-key {tls.key}: {text} ({error.reason or 'unreadable'})"
        ) from error
    except OSError as error:
        raise UsageError(f"--tls-cert {tls.certificate}, --tls-key {tls.key}: {error.strerror}") from error


def _ready(running: process.Running) -> None:
    begun = "goes on at" if running.went_on else "is at"
    print(f"GitHub {begun} {running.url}, repositories are below {running.sim.world.root}")
    for login, token in sorted(running.tokens.items()):
        print(f"token of {login}: {token}")
    for app in running.sim.world.apps.values():
        if app.public_keys:
            print(f"app {app.slug}: id {app.id}, client id {app.client_id}")
    print(f"control token: {running.control_token}", flush=True)
