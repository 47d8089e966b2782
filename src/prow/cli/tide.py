"""`prow tide`: merging alone (`spec/tide` §8). hook feeds it by `--event-endpoint=tide=URL`; without events it lists as upstream does."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from prow.bus.endpoint import Endpoint
from prow.cli import components, groups
from prow.cli.github_client import GitHubSettings
from prow.cli.given import Given, start, takes, until_stopped
from prow.cli.parts import Parts, open_parts, open_storage, side_ports
from prow.github.limiter import Limits
from prow.github.webhook import Verifier
from prow.lib import flags, http, logs
from prow.lib.clock import Clock
from prow.lib.errors import Retry, UsageError
from prow.lib.flags import flag
from prow.storage.buckets import Buckets
from prow.storage.ports import Storage
from prow.tide import web
from prow.tide.service import Settings as TideSettings
from prow.tide.service import Tide
from prow.tide.troubles import Troubles

_log = logs.get("tide")
_HISTORY = "tide-history.json"


class TideFlags(flags.FlagGroup):
    port: int = flag("port", 8888, "Port of the pools, the history, and hook's events.")
    dry_run: bool = flag("dry-run", True, "Merge nothing, start no jobs, write no statuses; say what would be done.")
    run_once: bool = flag(
        "run-once", False, "Look at everything once, do what is due, and end: with 1 where something could not be done."
    )
    max_records_per_pool: int = flag("max-records-per-pool", 1000, "Records of history that are kept of each pool.")
    history_uri: str = flag(
        "history-uri", "", "Where the history is kept: a path, gs://… or s3://…; default: a file in the state folder."
    )
    hmac_secret_file: str = flag(
        "hmac-secret-file",
        "",
        "Ours: hook's webhook secret; with it hook's events are taken, so that nothing waits for a list.",
    )
    webhook_path: str = flag("webhook-path", "/hook", "Ours: path at which hook's events arrive.")
    sync_hourly_tokens: int = flag(
        "sync-hourly-tokens",
        0,
        "Own limit of API calls an hour, with the next flag; 0: GitHub's. (Upstream, which polls: 800.)",
    )
    status_hourly_tokens: int = flag("status-hourly-tokens", 0, "Added to the flag before. (Upstream: 400.)")
    status_path: str = flag("status-path", "", "Accepted: nothing has to be kept between runs for statuses.")
    provider: str = flag("provider", "", "github.")
    cookiefile: str = flag("cookiefile", "", "Accepted; for Gerrit.", hidden=True)
    gerrit_max_qps: float = flag("gerrit-max-qps", 0.0, "Accepted; for Gerrit.", hidden=True)
    gerrit_max_burst: int = flag("gerrit-max-burst", 0, "Accepted; for Gerrit.", hidden=True)

    def check(self) -> None:
        if self.provider not in {"", "github"}:
            raise UsageError(f"--provider={self.provider}: only github is here")
        if self.max_records_per_pool < 1:
            raise UsageError("--max-records-per-pool: give 1 or more")

    def settings(self) -> TideSettings:
        return TideSettings(
            events=bool(self.hmac_secret_file) and not self.run_once, longest_history=self.max_records_per_pool
        )

    def limited(self, github: GitHubSettings) -> GitHubSettings:
        hourly = self.sync_hourly_tokens + self.status_hourly_tokens
        limits = Limits(hourly_tokens=hourly, allowed_burst=max(1, hourly // 2) if hourly else 0)
        return msgspec.structs.replace(github, limits=limits)


@click.command(cls=flags.GoCommand)
@takes(
    groups.ConfigFlags,
    groups.GitHubClientFlags,
    TideFlags,
    groups.ListingFlags,
    groups.StorageFlags,
    groups.KubernetesFlags,
    groups.InstrumentationFlags,
    groups.StateFlags,
)
def command(**given: flags.FlagGroup) -> None:
    """Merge what is ready, retest what has to be, and say of every pull request what it waits for.

    Dry by default, as upstream: give --dry-run=false. Give --hmac-secret-file here and --event-endpoint=tide=http://HOST:PORT/hook to
    hook, and pull requests merge within a second; the original hook sends its events when tide is an external plugin.
    """
    start("tide", given.values(), _serve)


async def _serve(given: Given, clock: Clock) -> None:
    options = given.of(TideFlags)
    options.check()
    config, state = given.config(), given.state_dir()
    async with (
        open_parts(config, given.job_store(), clock=clock) as parts,
        side_ports(given.ports(), clock=clock, pages=parts.pages) as side,
    ):
        tide = await _tide(parts, given, state)
        app = _app(parts, tide, options)
        listing = given.of(groups.ListingFlags).timeout_listing_prowjobs
        async with parts.running({"tide": tide.run()}, listing=listing):
            if options.run_once:
                await tide.idle()
                _tell(tide.troubles)
                return
            async with http.serve(app, host=given.host, port=options.port) as port:
                where = http.url(given.host, port)
                await until_stopped(side, _log, pools=where, events=_events(options, where), dry_run=options.dry_run)


async def _tide(parts: Parts, given: Given, state: Path) -> Tide:
    options = given.of(TideFlags)
    settings = options.limited(given.github())
    uri, objects = _history(given, state)
    return components.tide(
        parts,
        options.settings(),
        await parts.github(settings, component="tide", dry_run=options.dry_run),
        await parts.mirrors(state, settings),
        objects,
        history_uri=uri,
        dry_run=options.dry_run,
    )


def _tell(troubles: Troubles) -> None:
    """Raise what kept one look at everything from being that."""
    if troubles.count:
        more = f" ({troubles.count - 1} more in the log)" if troubles.count > 1 else ""
        raise Retry(f"not everything could be done: {troubles.first}{more}")


def _history(given: Given, state: Path) -> tuple[str, Storage]:
    """Where the history is, and what reads and writes there."""
    uri = given.of(TideFlags).history_uri or str(state / _HISTORY)
    if "://" in uri:
        return uri, open_storage(given.storage())
    path = Path(uri).resolve()
    return f"file://{path}", Buckets(local_roots=[path.parent])


def _app(parts: Parts, tide: Tide, options: TideFlags) -> http.App:
    own = web.app(tide)
    if not options.hmac_secret_file:
        return own
    verifier = Verifier(parts.secrets.load(options.hmac_secret_file, flag="--hmac-secret-file"))
    return Endpoint(tide, verifier, clock=parts.clock, path=options.webhook_path).beside(own)


def _events(options: TideFlags, where: str) -> str:
    """The address for hook's `--event-endpoint`; empty when no events are taken."""
    return f"{where}{options.webhook_path}" if options.hmac_secret_file else ""
