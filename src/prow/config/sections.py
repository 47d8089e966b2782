"""The sections of config.yaml that components use, with their defaults (`spec/config` §1.2-1.7).

Field names are the YAML keys. Per-repository maps are read with `most_specific`: `org/repo`, then `org`, then `*`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

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
    """`org/repo` or org, compared as plain text. Empty or `*`: every repository."""
    cluster: str = ""
    """Name of the build cluster. Empty or `*`: every cluster."""
    config: DecorationConfig | None = None
    """What those jobs get unless they set it themselves."""


class ProwJobDefaultEntry(Noun, frozen=True):
    repo: str = ""
    """`org/repo` or org, compared as plain text. Empty or `*`: every repository."""
    cluster: str = ""
    """Name of the build cluster. Empty or `*`: every cluster."""
    config: ProwJobDefault | None = None
    """What those jobs get unless they set it themselves."""


class RerunAuthEntry(Noun, frozen=True):
    repo: str = ""
    """`org/repo` or org, compared as plain text. Empty or `*`: every repository."""
    cluster: str = ""
    """Name of the build cluster. Empty or `*`: every cluster."""
    rerun_auth_configs: RerunAuthConfig | None = None
    """Who may rerun and abort those jobs."""


class Controller(Noun, frozen=True):
    """What plank and the jenkins operators have in common."""

    job_url_template: str = ""
    """Go template of the address of a job's page, for jobs that are not decorated or have no prefix; its data is the
    ProwJob."""
    report_template: str = ""
    """Old form of `report_templates`, for every repository."""
    report_templates: dict[str, str] = {}
    """`*`, org or `org/repo` → Go template of the text below a failure comment; the most specific holds."""
    max_concurrency: int = 0
    """How many jobs may be under way at once; 0: any number."""
    max_goroutines: int = 20
    """How many jobs are looked after at the same time."""

    def report_template_for(self, org: str, repo: str) -> str:
        """The template of the text below a failure comment; empty: none."""
        return most_specific(self.report_templates, org, repo) or ""


class Plank(
    Controller,
    frozen=True,
    rename={"job_url_prefix_disable_append_storage_provider": "jobURLPrefixDisableAppendStorageProvider"},
):
    pod_pending_timeout: Duration = Duration(10 * MINUTE)
    """How long a pod may be pending before the job ends in error."""
    pod_running_timeout: Duration = Duration(48 * HOUR)
    """How long a pod may run before the job is aborted."""
    pod_unscheduled_timeout: Duration = Duration(5 * MINUTE)
    """How long a pod may wait for a node before the job ends in error."""
    max_revivals: int = 3
    """How often a pod that was lost or evicted is made again; 0: never."""
    default_decoration_configs: dict[str, DecorationConfig] = {}
    """`*`, org or `org/repo` → decoration of its jobs; all that match apply, from `*` to `org/repo`. Excludes the next
    key."""
    default_decoration_config_entries: tuple[DecorationEntry, ...] = ()
    """The same as a list, by repository and cluster: all that match apply, later ones over earlier ones."""
    job_url_prefix_config: dict[str, str] = {}
    """`*`, org or `org/repo` → start of the address of a job's page; the most specific that is not empty holds."""
    job_url_prefix_disable_append_storage_provider: bool = False
    """Whether the address leaves out the provider (`gs`, `s3`) before the bucket."""
    build_cluster_status_file: str = ""
    """Path in a bucket of a file that tells which build clusters are reachable."""
    job_queue_capacities: dict[str, int] = {}
    """Queue → how many of its jobs may be under way at once; 0: none, below 0: any number."""

    def job_url_prefix_for(self, org: str, repo: str) -> str:
        """The most specific prefix that is not empty. A job's own `gcs_configuration.job_url_prefix` goes before it."""
        keys = (f"{org}/{repo}", org, "*") if org else ("*",)
        return next((self.job_url_prefix_config[key] for key in keys if self.job_url_prefix_config.get(key)), "")


class JenkinsOperator(Controller, frozen=True):
    label_selector: str = ""
    """Kubernetes label selector of the ProwJobs that this operator runs. Empty with one operator, required with
    several."""


class Sinker(Noun, frozen=True):
    resync_period: Duration = Duration(HOUR)
    """How often everything is looked through."""
    max_prowjob_age: Duration = Duration(168 * HOUR)
    """How long a finished ProwJob is kept after its start."""
    max_pod_age: Duration = Duration(24 * HOUR)
    """How long a pod is kept after its start, at most."""
    terminated_pod_ttl: Duration | None = None
    """How long a finished pod is kept after its end. Unset: `max_pod_age`."""
    exclude_clusters: tuple[str, ...] = ()
    """Build clusters whose pods are left alone."""


class Horologium(Noun, frozen=True):
    tick_interval: Duration | None = None
    """How often it is looked which periodic jobs are due. Unset: 1m. Read once, at the start."""


class GitHubOptions(Noun, frozen=True):
    link_url: str = "https://github.com"
    """Where links to GitHub begin."""


class GitHubReporter(Noun, frozen=True):
    job_types_to_report: tuple[str, ...] = ("presubmit", "postsubmit")
    """Types of jobs that get statuses and comments at GitHub."""
    no_comment_repos: tuple[str, ...] = ()
    """Orgs and `org/repo`s where failures are not told in comments; statuses are set all the same."""
    summary_comment_repos: tuple[str, ...] = ()
    """Orgs and `org/repo`s where the comment waits until all jobs of the commit have ended."""


class SlackReporter(SlackReporterConfig, frozen=True):
    job_types_to_report: tuple[str, ...] = ()
    """Types of jobs that are told."""


class PushGateway(Noun, frozen=True):
    endpoint: str = ""
    """Address of the Prometheus push gateway. Empty: metrics are not pushed."""
    interval: Duration = Duration(MINUTE)
    """How often they are pushed."""
    serve_metrics: bool = always(False)
    """Whether `/metrics` is served too, when metrics are pushed."""


class OwnersDirDenylist(Noun, frozen=True):
    default: tuple[str, ...] = ()
    """Regular expressions of folders whose OWNERS do not count, in every repository."""
    repos: dict[str, tuple[str, ...]] = {}
    """org or `org/repo` → further ones; they add up."""
    ignore_preconfigured_defaults: bool = False
    r"""Whether the built-in list (`\.git$`, `_output$`, `vendor/.*/.*`) is left out."""

    def for_repo(self, org: str, repo: str) -> tuple[str, ...]:
        """Patterns of the directories whose OWNERS do not count; they are compiled where they are used."""
        own = (*self.default, *self.repos.get(org, ()), *self.repos.get(f"{org}/{repo}", ()))
        return own if self.ignore_preconfigured_defaults else (*own, r"\.git$", r"_output$", r"vendor/.*/.*")


class InRepoConfig(Noun, frozen=True):
    enabled: dict[str, bool] = {}
    """`*`, org or `org/repo` → whether it may keep jobs in `.prow.yaml` or `.prow/`; the most specific holds."""
    allowed_clusters: dict[str, tuple[str, ...]] = always({"*": ("default",)})
    """`*`, org or `org/repo` → build clusters that those jobs may name; all that match add up."""

    def enabled_for(self, org: str, repo: str) -> bool:
        return bool(most_specific(self.enabled, org, repo))

    def clusters_for(self, org: str, repo: str) -> frozenset[str]:
        """All clusters that jobs of the repo's own config may name: the union of every level."""
        keys = (f"{org}/{repo}", org, "*")
        return frozenset(cluster for key in keys for cluster in self.allowed_clusters.get(key, ()))


class LensSpec(Noun, frozen=True):
    """`config`: free JSON for the lens; an explicit null is written again, as upstream does."""

    name: str = ""
    """Which lens: buildlog, coverage, html, junit, links, markdown, metadata, podinfo or restcoverage."""
    config: dict[str, Any] | UnsetType | None = UNSET
    """Options of the lens, whatever it takes."""


class LensRemote(Noun, frozen=True):
    endpoint: str = ""
    """Address of a lens that another server makes."""
    static_root: str = ""
    """Address of its static files."""
    title: str = ""
    """Its heading."""
    priority: int | None = None
    """Its place on the page; higher is further up."""
    hide_title: bool | None = None
    """Whether it has no heading."""


class LensFile(Noun, frozen=True):
    """Which lens shows which artifacts: all of `required_files` must be there, `optional_files` may."""

    required_files: tuple[str, ...] = ()
    """Regular expressions of artifacts; the lens is shown when each matches one."""
    optional_files: tuple[str, ...] = ()
    """Regular expressions of artifacts that it gets too, where they are there."""
    lens: LensSpec = LensSpec()
    """Which lens, and its options."""
    remote_config: LensRemote | None = None
    """Set for a lens that another server makes."""


class Spyglass(Noun, frozen=True):
    size_limit: int = 100_000_000
    """Bytes of an artifact that a lens may read."""
    lenses: tuple[LensFile, ...] = ()
    """Which lens shows which artifacts, in the order of the page."""
    viewers: dict[str, tuple[str, ...]] = {}
    """Old form of `lenses`: regular expression of artifacts → lenses."""
    gcs_browser_prefix: str = ""
    """Old form of the next key, for every repository."""
    gcs_browser_prefixes: dict[str, str] = {}
    """`*`, org or `org/repo` → start of the address of a browser for the bucket."""
    gcs_browser_prefixes_by_bucket: dict[str, str] = {}
    """Bucket or `*` → the same, after org and repository."""
    announcement: str = ""
    """Go html template of a text above every job page; its data is `{ArtifactPath}`."""
    testgrid_config: str = ""
    """Path in a bucket of TestGrid's config, for links to it."""
    testgrid_root: str = ""
    """Address of TestGrid."""
    hide_pr_history_link: bool = False
    """Whether job pages do not link to the history of their pull request."""
    pr_history_link_template: str = ""
    """Go html template of that link; its data is `{Org, Repo, Number}`. Unset: the dashboard's own page."""
    bucket_aliases: dict[str, str] = {}
    """Name in addresses → bucket, so that old addresses go on working."""


class ExternalAgentLog(Noun, frozen=True):
    agent: str = ""
    """Agent of the jobs."""
    selector: str = ""
    """Kubernetes label selector of their ProwJobs. The first entry that matches holds."""
    url_template: str = ""
    """Go template of the log's address; its data is the ProwJob."""


class Branding(Noun, frozen=True):
    logo: str = ""
    """Address of the logo."""
    favicon: str = ""
    """Address of the small icon."""
    background_color: str = ""
    """Colour behind the pages."""
    header_color: str = ""
    """Colour of the head of pages."""


class Deck(Noun, frozen=True):
    spyglass: Spyglass = Spyglass()
    """The pages of single jobs."""
    tide_update_period: Duration = Duration(10 * SECOND)
    """How often tide is asked for its pools."""
    hidden_repos: tuple[str, ...] = ()
    """Orgs and `org/repo`s whose jobs are shown only by a dashboard for hidden jobs."""
    external_agent_logs: tuple[ExternalAgentLog, ...] = ()
    """Where the logs of jobs of other agents are."""
    branding: Branding | None = None
    """Logo and colours."""
    google_analytics: str = ""
    """Tracking id for Google Analytics."""
    rerun_auth_configs: dict[str, RerunAuthConfig] = {}
    """Old form of the next key: `*`, org or `org/repo` → who may rerun and abort."""
    default_rerun_auth_configs: tuple[RerunAuthEntry, ...] = ()
    """Who may rerun and abort which jobs; the last entry that matches holds, alone."""
    skip_storage_path_validation: bool | None = None
    """false: only buckets of the config may be looked at. Unset and true: any bucket may."""
    additional_allowed_buckets: tuple[str, ...] = ()
    """Further buckets that may be looked at; needs `skip_storage_path_validation: false`."""


class ManagedWebhook(Noun, frozen=True):
    token_created_after: datetime | None = None
    """Secrets older than this are replaced; RFC 3339, not in the future."""


class ManagedWebhooks(Noun, frozen=True):
    respect_legacy_global_token: bool = always(False)
    """Whether webhooks that are not listed keep the secret that all share."""
    auto_accept_invitation: bool = always(False)
    """Whether invitations to repositories are accepted."""
    org_repo_config: dict[str, ManagedWebhook] = {}
    """org or `org/repo` → its webhook."""


class Pipeline(Noun, frozen=True):
    allow_concurrent_postsubmit_jobs: bool = False
    """Whether an older run of a postsubmit goes on when a newer one starts."""


class GerritFilters(Noun, frozen=True):
    branches: tuple[str, ...] = ()
    """Branches whose changes are tested."""
    excluded_branches: tuple[str, ...] = ()
    """Branches whose changes are not tested."""
    opt_in_by_default: bool = False
    """Whether branches that no list names are tested."""


class GerritOrgRepos(Noun, frozen=True):
    org: str = ""
    """Address of the Gerrit instance, with https://."""
    repos: tuple[str, ...] = ()
    """Projects of it."""
    opt_out_help: bool = False
    """Whether no help is written on their changes."""
    filters: GerritFilters | None = None
    """Which branches are meant."""


class Gerrit(Noun, frozen=True):
    tick_interval: Duration = Duration(MINUTE)
    """How often Gerrit is asked for changes."""
    ratelimit: int = 5
    """Changes that are asked for in one call."""
    deck_url: str = ""
    """Address of the dashboard, for links in comments."""
    allowed_presubmit_trigger_re: str = ""
    """Regular expression that the comments which start jobs must match. Empty: any."""
    org_repos_config: tuple[GerritOrgRepos, ...] = ()
    """Instances and projects that are watched."""


class GangwayGCP(Noun, frozen=True):
    endpoint_api_consumer_type: str = ""
    """Always PROJECT."""
    endpoint_api_consumer_number: str = ""
    """Number of the Google Cloud project."""


class GangwayJobsFilter(Noun, frozen=True):
    tenant_id: str = ""
    """Tenant whose jobs the client may start."""


class GangwayClient(Noun, frozen=True):
    gcp: GangwayGCP | None = None
    """Client that comes through Google Cloud Endpoints."""
    allowed_jobs_filters: tuple[GangwayJobsFilter, ...] = ()
    """Which jobs it may start; one at least."""


class Gangway(Noun, frozen=True):
    allowed_api_clients: tuple[GangwayClient, ...] = ()
    """Who may use the API."""


class Moonraker(Noun, frozen=True):
    client_timeout: Duration = Duration(10 * MINUTE)
    """Longest wait for an answer."""


class Failover(Noun, frozen=True):
    mappings: dict[str, str] = {}
    """Cluster → cluster that takes its jobs."""


class ExternalSchedulerCache(Noun, frozen=True):
    entry_timeout_interval: Duration | None = None
    """How long an answer is used again."""
    cleanup_interval: Duration | None = None
    """How often old answers are thrown away."""


class ExternalScheduler(Noun, frozen=True):
    url: str = ""
    """Address that is asked which cluster a job goes to."""
    cache: ExternalSchedulerCache = ExternalSchedulerCache()
    """How long answers are kept."""


class Scheduler(Noun, frozen=True):
    enabled: bool = False
    """Whether jobs wait for the choice of their cluster before they start."""
    failover: Failover | None = None
    """Jobs of a cluster that is down go to another one."""
    external: ExternalScheduler | None = None
    """Another service chooses."""


class PubSubTrigger(Noun, frozen=True):
    project: str = ""
    """Google Cloud project."""
    topics: tuple[str, ...] = ()
    """Subscriptions in it."""
    allowed_clusters: tuple[str, ...] = ()
    """Build clusters whose jobs may be started; `*`: all."""
    max_outstanding_messages: int = 10
    """Messages that are worked on at the same time."""
