"""The flag groups of upstream's components, declared once (`spec/deployment` §2.8, `spec/plugins-other` §15).

Flags of things this release does not do yet are accepted, so that an operator's command lines start; `refuse_unsupported`
answers in one line when one of them would change what happens.
"""

from __future__ import annotations

import re

from prow.config.supplemental import Supplements
from prow.github.limiter import Limits
from prow.lib.address import web_address
from prow.lib.errors import UsageError
from prow.lib.flags import FlagGroup, Seconds, flag

API = "https://api.github.com"
_THROTTLE = re.compile(r"([A-Za-z0-9][A-Za-z0-9_-]{0,99}):(\d{1,9}):(\d{1,9})", re.ASCII)


class ConfigFlags(FlagGroup):
    config_path: str = flag("config-path", "", "Path to config.yaml (required).")
    job_config_path: str = flag("job-config-path", "", "Path to a job file, or to a folder of them.")
    supplemental_prow_config_dir: tuple[str, ...] = flag(
        "supplemental-prow-config-dir", (), "Folder with further config files; may be repeated."
    )
    supplemental_prow_configs_filename_suffix: str = flag(
        "supplemental-prow-configs-filename-suffix", "_prowconfig.yaml", "Names of files in those folders end so."
    )
    supplemental_prow_configs_filename: str = flag(
        "supplemental-prow-configs-filename", "", "Old name of the flag before.", hidden=True
    )
    in_repo_config_cache_size: int = flag("in-repo-config-cache-size", 200, "In-repo configs kept in memory.")
    cache_dir_base: str = flag("cache-dir-base", "", "Folder for git mirrors; empty: below the state folder.")
    git_cache_size_mb: int = flag(
        "git-cache-sizeMB", 20_480, "Ours: most space that git mirrors may take; the least recently used go."
    )
    config_cache_dir: str = flag(
        "config-cache-dir",
        "",
        "Ours: folder where what was read of a large configuration is kept; off: nowhere. Default: $PROW_CONFIG_CACHE_DIR, "
        "else below the user's cache folder.",
    )
    moonraker_address: str = flag("moonraker-address", "", "Not supported: in-repo config is read here.", hidden=True)

    @property
    def supplemental(self) -> Supplements:
        suffix = self.supplemental_prow_configs_filename or self.supplemental_prow_configs_filename_suffix
        return Supplements(self.supplemental_prow_config_dir, suffix)


class PluginFlags(FlagGroup):
    plugin_config: str = flag("plugin-config", "/etc/plugins/plugins.yaml", "Path to plugins.yaml.")
    supplemental_plugin_config_dir: tuple[str, ...] = flag(
        "supplemental-plugin-config-dir", (), "Folder with further plugin config files; may be repeated."
    )
    supplemental_plugin_configs_filename_suffix: str = flag(
        "supplemental-plugin-configs-filename-suffix", "_pluginconfig.yaml", "Names of files in those folders end so."
    )

    @property
    def supplemental(self) -> Supplements:
        return Supplements(self.supplemental_plugin_config_dir, self.supplemental_plugin_configs_filename_suffix)


def _of_an_api(url: str) -> bool:
    parts = web_address(url)
    return parts is not None and "@" not in parts.netloc


class GitHubClientFlags(FlagGroup):
    github_host: str = flag(
        "github-host", "github.com", "GitHub's host name; with http:// before it for one that is tried out."
    )
    github_endpoint: tuple[str, ...] = flag(
        "github-endpoint", (API,), "API endpoint; repeat for fallbacks, in that order."
    )
    github_graphql_endpoint: str = flag("github-graphql-endpoint", f"{API}/graphql", "GraphQL endpoint.")
    github_token_path: str = flag("github-token-path", "", "File with the bot's token.")
    github_app_id: str = flag(
        "github-app-id", "", "Id of the GitHub App to be; with the next flag, instead of a token."
    )
    github_app_private_key_path: str = flag("github-app-private-key-path", "", "PEM file with a key of that App.")
    request_timeout: Seconds = flag("github-client.request-timeout", Seconds(120), "Longest wait for one answer.")
    max_retries: int = flag("github-client.max-retries", 8, "Attempts for one call.")
    max_404_retries: int = flag("github-client.max-404-retries", 2, "Attempts when GitHub does not find it (yet).")
    backoff_timeout: Seconds = flag("github-client.backoff-timeout", Seconds(120), "Longest wait for a rate limit.")
    initial_delay: Seconds = flag("github-client.initial-delay", Seconds(2), "First wait between attempts.")
    git_signing_key_path: str = flag(
        "git-signing-key-path", "", "Private SSH key that signs the commits that are made here."
    )
    github_cache_dir: str = flag(
        "github-cache-dir",
        "",
        "Ours: folder for a cache of GitHub's answers that processes share. Default: in memory; for prow up the state folder.",
    )
    github_cache_size_mb: int = flag("github-cache-sizeMB", 256, "Ours: most space that cache may take.")

    def check(self) -> None:
        """Whether these flags go together."""
        for endpoint in self.github_endpoint:
            if not _of_an_api(endpoint or API):
                raise UsageError(f'--github-endpoint "{endpoint}": give an address such as {API}')
        if not _of_an_api(self.github_graphql_endpoint or API):
            raise UsageError(
                f'--github-graphql-endpoint "{self.github_graphql_endpoint}": give an address such as {API}/graphql'
            )
        self._check_patience()
        if not re.fullmatch(r"(?:https?://)?[^/@\s]+/?", self.github_host):
            raise UsageError(f'--github-host "{self.github_host}": give a host name such as github.com')
        if bool(self.github_app_id) != bool(self.github_app_private_key_path):
            raise UsageError("--github-app-id and --github-app-private-key-path go together: give both or none")
        if self.github_app_id and self.github_token_path:
            raise UsageError("--github-token-path and --github-app-id: give one, as a user or as a GitHub App")
        if self.github_cache_size_mb < 1:
            raise UsageError("--github-cache-sizeMB: give 1 or more")

    def _check_patience(self) -> None:
        if self.max_retries < 1:
            raise UsageError("--github-client.max-retries: give 1 or more, the number of attempts")
        if self.request_timeout <= 0:
            raise UsageError("--github-client.request-timeout: give a time above 0")
        if min(self.max_404_retries, self.backoff_timeout, self.initial_delay) < 0:
            raise UsageError("--github-client.max-404-retries, backoff-timeout and initial-delay cannot be negative")


class GitHubFlags(GitHubClientFlags):
    """With limits of one's own; tide has others."""

    github_hourly_tokens: int = flag("github-hourly-tokens", 0, "Own limit of API calls an hour; 0: GitHub's.")
    github_allowed_burst: int = flag("github-allowed-burst", 0, "Calls that may be made at once under that limit.")
    github_throttle_org: tuple[str, ...] = flag(
        "github-throttle-org",
        (),
        "org:hourly:burst, an own limit for that organisation (GitHub App only); may be repeated.",
    )

    def limits(self) -> Limits:
        hourly, burst = self.github_hourly_tokens, self.github_allowed_burst if self.github_hourly_tokens else 0
        if min(hourly, burst) < 0 or (hourly > 0) != (burst > 0):
            raise UsageError("--github-hourly-tokens and --github-allowed-burst: give both above 0, or both 0")
        if burst > hourly:
            raise UsageError("--github-allowed-burst must not be larger than --github-hourly-tokens")
        return Limits(hourly_tokens=hourly, allowed_burst=burst, orgs=self._by_org())

    def _by_org(self) -> dict[str, tuple[int, int]]:
        found: dict[str, tuple[int, int]] = {}
        for given in self.github_throttle_org:
            match = _THROTTLE.fullmatch(given)
            if not self.github_app_id:
                raise UsageError(f"--github-throttle-org={given}: only a GitHub App has a budget for each organisation")
            if match is None:
                raise UsageError(f"--github-throttle-org={given}: give org:hourly:burst, such as acme:1000:100")
            org, hourly, burst = match[1].lower(), int(match[2]), int(match[3])
            if hourly < 1 or burst < 1 or burst > hourly:
                raise UsageError(
                    f"--github-throttle-org={given}: both numbers are at least 1, the burst is at most the hourly number"
                )
            if org in found:
                raise UsageError(f"--github-throttle-org: {match[1]} is given twice")
            found[org] = (hourly, burst)
        return found


class EnablementFlags(FlagGroup):
    enabled_org: tuple[str, ...] = flag("github-enabled-org", (), "Handle only this organisation; may be repeated.")
    enabled_repo: tuple[str, ...] = flag("github-enabled-repo", (), "Handle only this org/repo; may be repeated.")
    disabled_org: tuple[str, ...] = flag("github-disabled-org", (), "Do not handle this organisation; may be repeated.")
    disabled_repo: tuple[str, ...] = flag("github-disabled-repo", (), "Do not handle this org/repo; may be repeated.")

    def check(self) -> None:
        """A name in an enabled and in the disabled list is an error, and so is a repository without its organisation."""
        for kind, on, off in (
            ("org", self.enabled_org, self.disabled_org),
            ("repo", self.enabled_repo, self.disabled_repo),
        ):
            both = sorted(set(on) & set(off))
            if both:
                raise UsageError(f"--github-enabled-{kind} and --github-disabled-{kind} both name {', '.join(both)}")
        for repo in (*self.enabled_repo, *self.disabled_repo):
            if repo.count("/") != 1 or repo.startswith("/") or repo.endswith("/"):
                raise UsageError(f'"{repo}" is not of the form org/repo')


class InstrumentationFlags(FlagGroup):
    metrics_port: int = flag("metrics-port", 9090, "Port of /metrics.")
    pprof_port: int = flag("pprof-port", 6060, "Port of /debug/pprof/.")
    health_port: int = flag("health-port", 8081, "Port of /healthz and /healthz/ready.")
    profile_memory_usage: bool = flag("profile-memory-usage", False, "Accepted for compatibility.", hidden=True)
    memory_profile_interval: Seconds = flag(
        "memory-profile-interval", Seconds(30), "Accepted for compatibility.", hidden=True
    )


class ListingFlags(FlagGroup):
    timeout_listing_prowjobs: Seconds = flag(
        "timeout-listing-prowjobs", Seconds(30), "Longest wait for the job store's first list."
    )


class StorageFlags(FlagGroup):
    gcs_credentials_file: str = flag("gcs-credentials-file", "", "Service-account JSON for gs:// buckets.")
    s3_credentials_file: str = flag("s3-credentials-file", "", "Credentials JSON for s3:// buckets.")
    bucket_dir: str = flag(
        "bucket-dir", "", "Ours: keep all buckets of the config as folders here instead of in the cloud."
    )


class KubernetesFlags(FlagGroup):
    kubeconfig: str = flag("kubeconfig", "", "Kubernetes as job store and engine (not supported yet).")
    kubeconfig_dir: str = flag("kubeconfig-dir", "", "Folder of kubeconfigs (not supported yet).", hidden=True)
    kubeconfig_suffix: str = flag("kubeconfig-suffix", "", "Suffix of files in that folder.", hidden=True)
    projected_token_file: str = flag("projected-token-file", "", "Not supported yet.", hidden=True)
    no_in_cluster_config: bool = flag("no-in-cluster-config", False, "Accepted for compatibility.", hidden=True)


class HookPortFlags(FlagGroup):
    webhook_path: str = flag("webhook-path", "/hook", "Path of the webhook endpoint.")
    port: int = flag("port", 8888, "Port of the webhook endpoint.")
    hmac_secret_file: str = flag("hmac-secret-file", "/etc/webhook/hmac", "File with the webhook secret or secrets.")
    grace_period: Seconds = flag("grace-period", Seconds(180), "Time to finish open handlers when stopping.")


class EventFlags(FlagGroup):
    """Ours: components in processes of their own that get hook's events."""

    event_endpoint: tuple[str, ...] = flag(
        "event-endpoint", (), "NAME=URL of a component (tide) that gets all deliveries as they came; may be repeated."
    )

    def endpoints(self) -> dict[str, str]:
        """Name → URL."""
        found: dict[str, str] = {}
        for given in self.event_endpoint:
            name, equals, url = given.partition("=")
            if not name or not equals or web_address(url) is None:
                raise UsageError(f"--event-endpoint {given}: give NAME=URL, such as tide=http://127.0.0.1:8889/hook")
            if name in found:
                raise UsageError(f"--event-endpoint: {name} is given twice")
            found[name] = url
        return found


class HookFlags(HookPortFlags):
    """What only hook alone has."""

    dry_run: bool = flag("dry-run", True, "Write nothing to GitHub and create no jobs.")
    slack_token_file: str = flag("slack-token-file", "", "Accepted; Slack comes with a later release.", hidden=True)


class StateFlags(FlagGroup):
    """Ours: where a Prow without a cluster keeps what it must not lose."""

    state_dir: str = flag(
        "state-dir", "", "State folder; default /var/lib/prow when writable, else the user's state folder."
    )
    job_store: str = flag(
        "job-store", "", "File of the job store, which all components share; default: jobs.db in the state folder."
    )
    host: str = flag(
        "host", "", "Address to listen on; default: as upstream every one of this machine, for prow up 127.0.0.1 alone."
    )
    log_level: str = flag(
        "log-level",
        "",
        "trace, debug, info, warning, error; default: log_level of config.yaml, followed while it changes.",
    )


class EngineFlags(FlagGroup):
    """Ours: how jobs run on this machine."""

    engine: str = flag("engine", "bubblewrap", "bubblewrap, podman, docker, or process (with --allow-unsandboxed).")
    allow_unsandboxed: bool = flag(
        "allow-unsandboxed", False, "Allow --engine=process: jobs run as you, without a sandbox."
    )
    volumes_dir: str = flag("volumes-dir", "", "Folder with secrets/NAME/KEY and configmaps/NAME/KEY for job volumes.")
    allow_secrets: tuple[str, ...] = flag(
        "allow-secrets", (), "org/repo whose jobs may mount Secrets and host paths; repeat."
    )
    max_running: int = flag("max-running", 0, "Jobs at the same time; 0: twice the processors.")


class DeckFlags(FlagGroup):
    """The dashboard; upstream has one flag of these, and one fixed port."""

    deck_port: int = flag("deck-port", 8080, "Port of the dashboard.")
    deck_host: tuple[str, ...] = flag("deck-host", (), "Host name people use for the dashboard; may be repeated.")
    rerun_creates_job: bool = flag("rerun-creates-job", False, "Allow rerun and abort from the page.")


def refuse_unsupported(*groups: FlagGroup) -> None:
    """One clear line for each flag that asks for something this release cannot do."""
    for group in groups:
        if isinstance(group, KubernetesFlags) and (group.kubeconfig or group.kubeconfig_dir):
            raise UsageError(
                "--kubeconfig: jobs on Kubernetes come with a later release; leave the flag out to run jobs here"
            )
        if isinstance(group, ConfigFlags) and group.moonraker_address:
            raise UsageError(
                "--moonraker-address: there is no moonraker; in-repo config is read by each component itself"
            )
