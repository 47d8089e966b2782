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
    presubmits: dict[str, tuple[Presubmit, ...]] = {}
    postsubmits: dict[str, tuple[Postsubmit, ...]] = {}
    periodics: tuple[Periodic, ...] = ()
    decorate_all_jobs: bool = False
    prow_ignored: Any = None


class Config(JobConfig, frozen=True, dict=True, rename={"branch_protection": "branch-protection"}):
    prowjob_namespace: str = "default"
    pod_namespace: str = "default"
    log_level: str = "info"
    config_version_sha: str = ""
    default_job_timeout: Duration = Duration(24 * HOUR)
    status_error_link: str = "https://github.com/kubernetes/test-infra/issues"
    disabled_clusters: tuple[str, ...] = ()
    github: GitHubOptions = GitHubOptions()
    push_gateway: PushGateway = PushGateway()
    owners_dir_denylist: OwnersDirDenylist | None = None
    prowjob_default_entries: tuple[ProwJobDefaultEntry, ...] = ()
    plank: Plank = Plank()
    pipeline: Pipeline = Pipeline()
    tide: Tide = Tide()
    sinker: Sinker = Sinker()
    deck: Deck = Deck()
    horologium: Horologium = Horologium()
    github_reporter: GitHubReporter = GitHubReporter()
    slack_reporter_configs: dict[str, SlackReporter] = {}
    managed_webhooks: ManagedWebhooks = ManagedWebhooks()
    branch_protection: BranchProtection = BranchProtection()
    gerrit: Gerrit = Gerrit()
    in_repo_config: InRepoConfig = InRepoConfig()
    gangway: Gangway = Gangway()
    moonraker: Moonraker = Moonraker()
    scheduler: Scheduler = Scheduler()
    jenkins_operators: tuple[JenkinsOperator, ...] = ()
    pubsub_triggers: tuple[PubSubTrigger, ...] = ()
    pubsub_subscriptions: dict[str, tuple[str, ...]] = {}

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
