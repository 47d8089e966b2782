"""The sections of config.yaml that components use, with their defaults (`spec/config` §1.2-1.7).

Field names are the YAML keys. Per-repository maps are read with `most_specific`: `org/repo`, then `org`, then `*`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from prow.lib.durations import HOUR, MINUTE, SECOND, Duration
from prow.model.base import Noun, always
from prow.model.decoration import DecorationConfig
from prow.model.prowjob import ProwJobDefault, RerunAuthConfig, SlackReporterConfig

T = TypeVar("T")


def most_specific(values: Mapping[str, T], org: str, repo: str) -> T | None:
    """The value of the narrowest key that is there: `org/repo`, `org`, `*`."""
    for key in (f"{org}/{repo}", org, "*"):
        if key in values:
            return values[key]
    return None


class DecorationEntry(Noun, frozen=True):
    """Decoration defaults for the jobs of a repo (or org, or `*`) on a cluster."""

    repo: str = ""
    cluster: str = ""
    config: DecorationConfig | None = None


class ProwJobDefaultEntry(Noun, frozen=True):
    repo: str = ""
    cluster: str = ""
    config: ProwJobDefault | None = None


class RerunAuthEntry(Noun, frozen=True):
    repo: str = ""
    cluster: str = ""
    rerun_auth_configs: RerunAuthConfig | None = None


class Controller(Noun, frozen=True):
    """What plank and the jenkins operators have in common."""

    job_url_template: str = ""
    report_template: str = ""
    report_templates: dict[str, str] = {}
    max_concurrency: int = 0
    max_goroutines: int = 20

    def report_template_for(self, org: str, repo: str) -> str:
        """The template of the text below a failure comment; empty: none."""
        return most_specific(self.report_templates, org, repo) or ""


class Plank(
    Controller,
    frozen=True,
    rename={"job_url_prefix_disable_append_storage_provider": "jobURLPrefixDisableAppendStorageProvider"},
):
    pod_pending_timeout: Duration = Duration(10 * MINUTE)
    pod_running_timeout: Duration = Duration(48 * HOUR)
    pod_unscheduled_timeout: Duration = Duration(5 * MINUTE)
    max_revivals: int = 3
    default_decoration_configs: dict[str, DecorationConfig] = {}
    default_decoration_config_entries: tuple[DecorationEntry, ...] = ()
    job_url_prefix_config: dict[str, str] = {}
    job_url_prefix_disable_append_storage_provider: bool = False
    build_cluster_status_file: str = ""
    job_queue_capacities: dict[str, int] = {}

    def job_url_prefix_for(self, org: str, repo: str) -> str:
        """The most specific prefix that is not empty. A job's own `gcs_configuration.job_url_prefix` goes before it."""
        keys = (f"{org}/{repo}", org, "*") if org else ("*",)
        return next((self.job_url_prefix_config[key] for key in keys if self.job_url_prefix_config.get(key)), "")


class JenkinsOperator(Controller, frozen=True):
    label_selector: str = ""


class Sinker(Noun, frozen=True):
    resync_period: Duration = Duration(HOUR)
    max_prowjob_age: Duration = Duration(168 * HOUR)
    max_pod_age: Duration = Duration(24 * HOUR)
    terminated_pod_ttl: Duration | None = None
    exclude_clusters: tuple[str, ...] = ()


class Horologium(Noun, frozen=True):
    tick_interval: Duration | None = None


class GitHubOptions(Noun, frozen=True):
    link_url: str = "https://github.com"


class GitHubReporter(Noun, frozen=True):
    job_types_to_report: tuple[str, ...] = ("presubmit", "postsubmit")
    no_comment_repos: tuple[str, ...] = ()
    summary_comment_repos: tuple[str, ...] = ()


class SlackReporter(SlackReporterConfig, frozen=True):
    job_types_to_report: tuple[str, ...] = ()


class PushGateway(Noun, frozen=True):
    endpoint: str = ""
    interval: Duration = Duration(MINUTE)
    serve_metrics: bool = always(False)


class OwnersDirDenylist(Noun, frozen=True):
    default: tuple[str, ...] = ()
    repos: dict[str, tuple[str, ...]] = {}
    ignore_preconfigured_defaults: bool = False

    def for_repo(self, org: str, repo: str) -> tuple[str, ...]:
        """Patterns of the directories whose OWNERS do not count; they are compiled where they are used."""
        own = (*self.default, *self.repos.get(org, ()), *self.repos.get(f"{org}/{repo}", ()))
        return own if self.ignore_preconfigured_defaults else (*own, r"\.git$", r"_output$", r"vendor/.*/.*")


class InRepoConfig(Noun, frozen=True):
    enabled: dict[str, bool] = {}
    allowed_clusters: dict[str, tuple[str, ...]] = always({"*": ("default",)})

    def enabled_for(self, org: str, repo: str) -> bool:
        return bool(most_specific(self.enabled, org, repo))

    def clusters_for(self, org: str, repo: str) -> frozenset[str]:
        """All clusters that jobs of the repo's own config may name: the union of every level."""
        keys = (f"{org}/{repo}", org, "*")
        return frozenset(cluster for key in keys for cluster in self.allowed_clusters.get(key, ()))


class LensSpec(Noun, frozen=True):
    """`config`: free JSON for the lens."""

    name: str = ""
    config: dict[str, Any] | None = None


class LensRemote(Noun, frozen=True):
    endpoint: str = ""
    static_root: str = ""
    title: str = ""
    priority: int | None = None
    hide_title: bool | None = None


class LensFile(Noun, frozen=True):
    """Which lens shows which artifacts: all of `required_files` must be there, `optional_files` may."""

    required_files: tuple[str, ...] = ()
    optional_files: tuple[str, ...] = ()
    lens: LensSpec = LensSpec()
    remote_config: LensRemote | None = None


class Spyglass(Noun, frozen=True):
    size_limit: int = 100_000_000
    lenses: tuple[LensFile, ...] = ()
    viewers: dict[str, tuple[str, ...]] = {}
    gcs_browser_prefix: str = ""
    gcs_browser_prefixes: dict[str, str] = {}
    gcs_browser_prefixes_by_bucket: dict[str, str] = {}
    announcement: str = ""
    testgrid_config: str = ""
    testgrid_root: str = ""
    hide_pr_history_link: bool = False
    pr_history_link_template: str = ""
    bucket_aliases: dict[str, str] = {}


class ExternalAgentLog(Noun, frozen=True):
    agent: str = ""
    selector: str = ""
    url_template: str = ""


class Branding(Noun, frozen=True):
    logo: str = ""
    favicon: str = ""
    background_color: str = ""
    header_color: str = ""


class Deck(Noun, frozen=True):
    spyglass: Spyglass = Spyglass()
    tide_update_period: Duration = Duration(10 * SECOND)
    hidden_repos: tuple[str, ...] = ()
    external_agent_logs: tuple[ExternalAgentLog, ...] = ()
    branding: Branding | None = None
    google_analytics: str = ""
    rerun_auth_configs: dict[str, RerunAuthConfig] = {}
    default_rerun_auth_configs: tuple[RerunAuthEntry, ...] = ()
    skip_storage_path_validation: bool | None = None
    additional_allowed_buckets: tuple[str, ...] = ()


class ManagedWebhook(Noun, frozen=True):
    token_created_after: datetime | None = None


class ManagedWebhooks(Noun, frozen=True):
    respect_legacy_global_token: bool = always(False)
    auto_accept_invitation: bool = always(False)
    org_repo_config: dict[str, ManagedWebhook] = {}


class Pipeline(Noun, frozen=True):
    allow_concurrent_postsubmit_jobs: bool = False


class GerritFilters(Noun, frozen=True):
    branches: tuple[str, ...] = ()
    excluded_branches: tuple[str, ...] = ()
    opt_in_by_default: bool = False


class GerritOrgRepos(Noun, frozen=True):
    org: str = ""
    repos: tuple[str, ...] = ()
    opt_out_help: bool = False
    filters: GerritFilters | None = None


class Gerrit(Noun, frozen=True):
    tick_interval: Duration = Duration(MINUTE)
    ratelimit: int = 5
    deck_url: str = ""
    allowed_presubmit_trigger_re: str = ""
    org_repos_config: tuple[GerritOrgRepos, ...] = ()


class GangwayGCP(Noun, frozen=True):
    endpoint_api_consumer_type: str = ""
    endpoint_api_consumer_number: str = ""


class GangwayJobsFilter(Noun, frozen=True):
    tenant_id: str = ""


class GangwayClient(Noun, frozen=True):
    gcp: GangwayGCP | None = None
    allowed_jobs_filters: tuple[GangwayJobsFilter, ...] = ()


class Gangway(Noun, frozen=True):
    allowed_api_clients: tuple[GangwayClient, ...] = ()


class Moonraker(Noun, frozen=True):
    client_timeout: Duration = Duration(10 * MINUTE)


class Failover(Noun, frozen=True):
    mappings: dict[str, str] = {}


class ExternalSchedulerCache(Noun, frozen=True):
    entry_timeout_interval: Duration | None = None
    cleanup_interval: Duration | None = None


class ExternalScheduler(Noun, frozen=True):
    url: str = ""
    cache: ExternalSchedulerCache = ExternalSchedulerCache()


class Scheduler(Noun, frozen=True):
    enabled: bool = False
    failover: Failover | None = None
    external: ExternalScheduler | None = None


class PubSubTrigger(Noun, frozen=True):
    project: str = ""
    topics: tuple[str, ...] = ()
    allowed_clusters: tuple[str, ...] = ()
    max_outstanding_messages: int = 10
