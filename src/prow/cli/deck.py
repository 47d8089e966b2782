"""`prow deck`: the dashboard alone (`spec/deck` §1.2)."""

from __future__ import annotations

import click

from prow.cli import components, groups
from prow.cli.given import Given, start, takes, until_stopped
from prow.cli.parts import open_parts, open_storage, side_ports
from prow.cli.runs import RemoteRuns
from prow.deck.tide_client import TideClient
from prow.lib import flags, http, logs
from prow.lib.clock import Clock
from prow.lib.errors import UsageError
from prow.lib.flags import flag

_log = logs.get("deck")


class DeckPluginFlags(groups.PluginFlags):
    plugin_config: str = flag("plugin-config", "", "Path to plugins.yaml.")


class DeckOnlyFlags(flags.FlagGroup):
    tide_url: str = flag("tide-url", "", "Address of tide; empty: no pools, history and explanations.")
    hook_url: str = flag("hook-url", "", "Accepted; the page of commands comes with a later release.")
    spyglass: bool = flag("spyglass", False, "Accepted: job pages are always there.")
    hidden_only: bool = flag("hidden-only", False, "Not supported yet.")
    show_hidden: bool = flag("show-hidden", False, "Accepted: hidden jobs are shown.")
    tenant_id: tuple[str, ...] = flag("tenant-id", (), "Not supported yet.")
    oauth_url: str = flag("oauth-url", "", "Not supported yet: there is no login.")
    redirect_http_to: str = flag("redirect-http-to", "", "Not supported yet.")
    pregenerated_data: str = flag("pregenerated-data", "", "Not supported.")
    dry_run: bool = flag("dry-run", False, "Accepted: the dashboard writes nothing to GitHub.")
    allow_insecure: bool = flag("allow-insecure", False, "Accepted for compatibility.", hidden=True)
    gcs_cookie_auth: bool = flag("gcs-cookie-auth", False, "Accepted for compatibility.", hidden=True)
    github_oauth_config_file: str = flag("github-oauth-config-file", "/etc/github/secret", "Accepted.", hidden=True)
    cookie_secret: str = flag("cookie-secret", "", "Accepted for compatibility.", hidden=True)
    spyglass_files_location: str = flag("spyglass-files-location", "", "Accepted.", hidden=True)
    static_files_location: str = flag("static-files-location", "", "Accepted.", hidden=True)
    template_files_location: str = flag("template-files-location", "", "Accepted.", hidden=True)

    def check(self) -> None:
        """`UsageError` for flags that would show less, or to others, than they promise."""
        given = [("hidden-only", self.hidden_only), ("show-hidden", self.show_hidden), ("tenant-id", self.tenant_id)]
        names = [f"--{name}" for name, value in given if value]
        if len(names) > 1:
            raise UsageError(f"{' and '.join(names)} exclude each other")
        for name, value, answer in (
            ("hidden-only", self.hidden_only, "decks for hidden jobs alone come with a later release"),
            ("tenant-id", self.tenant_id, "tenants come with a later release"),
            ("oauth-url", self.oauth_url, "login comes with a later release; put a proxy that asks for it in front"),
            ("redirect-http-to", self.redirect_http_to, "let the proxy that ends TLS redirect"),
            (
                "pregenerated-data",
                self.pregenerated_data,
                "pages are made of a job store; see prow demo for trying it out",
            ),
        ):
            if value:
                raise UsageError(f"--{name}: {answer}")


@click.command(cls=flags.GoCommand)
@takes(
    groups.ConfigFlags,
    DeckPluginFlags,
    groups.GitHubFlags,
    groups.DeckFlags,
    DeckOnlyFlags,
    groups.ListingFlags,
    groups.StorageFlags,
    groups.KubernetesFlags,
    groups.InstrumentationFlags,
    groups.StateFlags,
)
def command(**given: flags.FlagGroup) -> None:
    """Serve the dashboard of the jobs in --job-store; pools and explanations come from --tide-url.

    Logs of running jobs come from the prow-controller-manager that works on the same job store.
    """
    start("deck", given.values(), _serve)


async def _serve(given: Given, clock: Clock) -> None:
    options, job_store = given.of(DeckOnlyFlags), given.job_store()
    options.check()
    async with (
        open_parts(given.config(), job_store, clock=clock) as parts,
        side_ports(given.ports(), clock=clock) as side,
    ):
        runs = RemoteRuns(job_store.parent, clock=clock)
        parts.stack.push_async_callback(runs.aclose)
        tide = TideClient(options.tide_url, clock=clock) if options.tide_url else None
        if tide is not None:
            parts.stack.push_async_callback(tide.aclose)
        deck = components.deck(
            parts, given.deck(), open_storage(given.storage()), live=runs, waiting=runs, explains=tide, pools=tide
        )
        listing = given.of(groups.ListingFlags).timeout_listing_prowjobs
        async with parts.running({"runs": runs.follow()}, listing=listing):
            async with http.serve(deck.app, host=given.host, port=given.of(groups.DeckFlags).deck_port) as port:
                try:
                    await until_stopped(side, _log, dashboard=http.url(given.host, port))
                finally:
                    deck.close()
