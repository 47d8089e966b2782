"""The loaded configuration: one immutable snapshot of config.yaml and the job files, effective and valid.

`hash` names the content of every file that was read; it is recorded with decisions. `warnings` are for the operator:
unknown keys and the like, each `file:line:column: text`. Nothing in a snapshot may be changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from prow.config.branch_protection import BranchProtection
from prow.config.job import JobBase, Periodic, Postsubmit, Preset, Presubmit
from prow.config.sections import (
    Deck,
    Gangway,
    Gerrit,
    GitHubOptions,
    GitHubReporter,
    Horologium,
    InRepoConfig,
    JenkinsOperator,
    ManagedWebhooks,
    Moonraker,
    OwnersDirDenylist,
    Pipeline,
    Plank,
    ProwJobDefaultEntry,
    PubSubTrigger,
    PushGateway,
    Scheduler,
    Sinker,
    SlackReporter,
)
from prow.config.tide import Tide
from prow.lib.durations import HOUR, Duration
from prow.model.base import Noun


class JobConfig(Noun, frozen=True):
    """The keys that job files may have; `prow_ignored` is anybody's."""

    presets: tuple[Preset, ...] = ()
    """Parts of pod specs that jobs get by their labels."""
    presubmits: dict[str, tuple[Presubmit, ...]] = {}
    """`org/repo` → jobs that run for its pull requests."""
    postsubmits: dict[str, tuple[Postsubmit, ...]] = {}
    """`org/repo` → jobs that run after a push to it."""
    periodics: tuple[Periodic, ...] = ()
    """Jobs that run by the clock."""
    decorate_all_jobs: bool = False
    """Value of `decorate` for jobs that do not set it, also in repositories' own files. Takes effect in config.yaml
    alone."""
    prow_ignored: Any = None
    """Anything: a place for YAML anchors and for the data of other tools."""


class Config(JobConfig, frozen=True, dict=True, rename={"branch_protection": "branch-protection"}):
    prowjob_namespace: str = "default"
    """Kubernetes namespace of ProwJob objects."""
    pod_namespace: str = "default"
    """Kubernetes namespace of the pods of jobs, and the default of a job's `namespace`."""
    log_level: str = "info"
    """How much components log: panic, fatal, error, warn, info, debug or trace, in any case. A change takes effect at
    once."""
    config_version_sha: str = ""
    """Commit of this config, for logs. The content of a file VERSION beside config.yaml takes its place."""
    default_job_timeout: Duration = Duration(24 * HOUR)
    """Read and shown, but nothing uses it: a decorated job without `decoration_config.timeout` ends after 2h."""
    status_error_link: str = "https://github.com/kubernetes/test-infra/issues"
    """Page that a job links to when its build at Jenkins is lost."""
    disabled_clusters: tuple[str, ...] = ()
    """Build clusters (contexts of the kubeconfig) that are left alone. Read once, at the start."""
    github: GitHubOptions = GitHubOptions()
    """Addresses at GitHub."""
    push_gateway: PushGateway = PushGateway()
    """Where metrics are pushed to, if they are."""
    owners_dir_denylist: OwnersDirDenylist | None = None
    """Folders whose OWNERS files do not count."""
    prowjob_default_entries: tuple[ProwJobDefaultEntry, ...] = ()
    """Defaults of `prowjob_defaults` by repository and cluster; all that match apply, later ones over earlier ones."""
    plank: Plank = Plank()
    """How jobs are run as pods, and the defaults of decoration."""
    pipeline: Pipeline = Pipeline()
    """How jobs are run as Tekton pipelines."""
    tide: Tide = Tide()
    """What is merged, how, and when."""
    sinker: Sinker = Sinker()
    """When finished jobs and their pods are deleted."""
    deck: Deck = Deck()
    """The dashboard."""
    horologium: Horologium = Horologium()
    """How often periodic jobs are looked at."""
    github_reporter: GitHubReporter = GitHubReporter()
    """Which jobs are reported to GitHub, and how."""
    slack_reporter_configs: dict[str, SlackReporter] = {}
    """`*`, org or `org/repo` → which jobs are told to which Slack channel; the most specific entry holds, alone."""
    managed_webhooks: ManagedWebhooks = ManagedWebhooks()
    """Webhooks whose secrets the hmac tool keeps."""
    branch_protection: BranchProtection = BranchProtection()
    """Which branches are protected, and by what."""
    gerrit: Gerrit = Gerrit()
    """Jobs for changes at Gerrit."""
    in_repo_config: InRepoConfig = InRepoConfig()
    """Which repositories may keep jobs of their own."""
    gangway: Gangway = Gangway()
    """Who may start jobs through the gangway API."""
    moonraker: Moonraker = Moonraker()
    """The service that caches repositories' own configs."""
    scheduler: Scheduler = Scheduler()
    """How the cluster of a job is chosen when it starts."""
    jenkins_operators: tuple[JenkinsOperator, ...] = ()
    """How jobs are run at Jenkins. With several, each takes the jobs that its `label_selector` matches."""
    pubsub_triggers: tuple[PubSubTrigger, ...] = ()
    """Google Pub/Sub topics whose messages start jobs."""
    pubsub_subscriptions: dict[str, tuple[str, ...]] = {}
    """Old form of `pubsub_triggers`: project → subscriptions, with every cluster allowed."""

    @property
    def hash(self) -> str:
        """Names the content that was loaded; 16 hex digits. Empty for a config that was not loaded from files."""
        return str(self.__dict__.get("hash", ""))

    @property
    def warnings(self) -> tuple[str, ...]:
        warnings: tuple[str, ...] = self.__dict__.get("warnings", ())
        return warnings

    def presubmits_for(self, org: str, repo: str) -> tuple[Presubmit, ...]:
        """The repo's presubmits in the order of the files."""
        return self.presubmits.get(f"{org}/{repo}", ())

    def postsubmits_for(self, org: str, repo: str) -> tuple[Postsubmit, ...]:
        return self.postsubmits.get(f"{org}/{repo}", ())

    def all_jobs(self) -> Iterator[tuple[str, JobBase]]:
        """Every job with the `org/repo` it is listed under, empty for periodics."""
        for repo, presubmits in self.presubmits.items():
            yield from ((repo, job) for job in presubmits)
        for repo, postsubmits in self.postsubmits.items():
            yield from ((repo, job) for job in postsubmits)
        yield from (("", job) for job in self.periodics)

    def jobs_named(self, name: str) -> tuple[JobBase, ...]:
        """All jobs of that name; names may repeat across repositories and branches."""
        return tuple(job for _, job in self.all_jobs() if job.name == name)


def set_origin(config: Config, *, hash: str, warnings: tuple[str, ...]) -> None:  # noqa: A002 - the property's name
    """For loaders: what is known about the files is no part of the value and is never serialised."""
    config.__dict__["hash"] = hash
    config.__dict__["warnings"] = warnings
