"""The ProwJob custom resource (`spec/prowjobs-and-pods` §1): `prow.k8s.io/v1`, JSON as upstream writes it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from prow.model.base import Noun, always
from prow.model.decoration import DecorationConfig
from prow.model.refs import Refs


class JobType(StrEnum):
    PRESUBMIT = "presubmit"
    POSTSUBMIT = "postsubmit"
    PERIODIC = "periodic"
    BATCH = "batch"


class JobState(StrEnum):
    SCHEDULING = "scheduling"
    TRIGGERED = "triggered"
    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ABORTED = "aborted"
    ERROR = "error"


FINAL_STATES = frozenset({JobState.SUCCESS, JobState.FAILURE, JobState.ABORTED, JobState.ERROR})

KUBERNETES_AGENT = "kubernetes"
JENKINS_AGENT = "jenkins"


class ObjectMeta(Noun, frozen=True, rename="camel"):
    """Kubernetes object metadata: the parts Prow reads and writes."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: datetime | None = always(None)
    deletion_timestamp: datetime | None = None
    finalizers: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class SlackReporterConfig(Noun, frozen=True):
    host: str = ""
    """Key of the Slack token, where there are tokens for several workspaces. Empty: the default one."""
    channel: str = ""
    """Channel to write to. Required in `slack_reporter_configs`."""
    job_states_to_report: tuple[str, ...] | None = None
    """States that are told, such as failure. An empty list in a job: none."""
    report_template: str = ""
    """Go template of the message; its data is the ProwJob."""
    report: bool | None = None
    """Whether anything is told at all. Unset: yes."""


class ReporterConfig(Noun, frozen=True):
    slack: SlackReporterConfig | None = None
    """Slack channel and states of this job."""


class TeamSlug(Noun, frozen=True):
    slug: str = always("")
    """Name of the team as in its address."""
    org: str = always("")
    """Organisation of the team."""


class RerunAuthConfig(Noun, frozen=True):
    allow_anyone: bool = False
    """Whether everybody may; excludes the lists."""
    github_team_ids: tuple[int, ...] = ()
    """Numbers of GitHub teams whose members may."""
    github_team_slugs: tuple[TeamSlug, ...] = ()
    """GitHub teams whose members may, by name."""
    github_users: tuple[str, ...] = ()
    """Logins of those who may."""
    github_orgs: tuple[str, ...] = ()
    """GitHub organisations whose members may."""


class JenkinsSpec(Noun, frozen=True):
    github_branch_source_job: bool = False
    """Whether the Jenkins job is one of the GitHub Branch Source plugin, with a branch of its own for each pull
    request."""


class ResultStoreConfig(Noun, frozen=True):
    project_id: str = ""
    """Google Cloud project whose ResultStore gets the results."""


class ProwJobDefault(Noun, frozen=True):
    resultstore_config: ResultStoreConfig | None = None
    """Where results are stored in ResultStore."""
    tenant_id: str = ""
    """Name of the tenant that owns the job; dashboards and gangway go by it. Unset: GlobalDefaultID."""


class ProwJobSpec(Noun, frozen=True):
    """What is to be run, fixed at creation. `pod_spec` is a core/v1 PodSpec as plain JSON."""

    type: JobType = always(JobType.PERIODIC)
    agent: str = ""
    cluster: str = ""
    namespace: str = ""
    job: str = ""
    refs: Refs | None = None
    extra_refs: tuple[Refs, ...] = ()
    report: bool = False
    context: str = ""
    rerun_command: str = ""
    max_concurrency: int = 0
    error_on_eviction: bool = False
    pod_spec: dict[str, Any] | None = None
    jenkins_spec: JenkinsSpec | None = None
    pipeline_run_spec: dict[str, Any] | None = None
    tekton_pipeline_run_spec: dict[str, Any] | None = None
    decoration_config: DecorationConfig | None = None
    reporter_config: ReporterConfig | None = None
    rerun_auth_config: RerunAuthConfig | None = None
    hidden: bool = False
    prowjob_defaults: ProwJobDefault | None = None
    job_queue_name: str = ""


class ProwJobStatus(
    Noun,
    frozen=True,
    rename={"start_time": "startTime", "pending_time": "pendingTime", "completion_time": "completionTime"},
):
    """How it went. Times have whole seconds, UTC."""

    start_time: datetime | None = always(None)
    pending_time: datetime | None = None
    completion_time: datetime | None = None
    state: JobState | None = None
    description: str = ""
    url: str = ""
    pod_revival_count: int = 0
    pod_name: str = ""
    build_id: str = ""
    jenkins_build_id: str = ""
    prev_report_states: dict[str, str] = {}

    @property
    def complete(self) -> bool:
        """The presence of `completionTime`, not the state, is what complete means."""
        return self.completion_time is not None


class ProwJob(Noun, frozen=True, rename={"api_version": "apiVersion"}):
    """One run of one job."""

    kind: str = always("ProwJob")
    api_version: str = always("prow.k8s.io/v1")
    metadata: ObjectMeta = always(ObjectMeta())
    spec: ProwJobSpec = always(ProwJobSpec())
    status: ProwJobStatus = always(ProwJobStatus())

    @property
    def name(self) -> str:
        return self.metadata.name


class Label:
    """Labels and annotations with a meaning (`spec/prowjobs-and-pods` §1.7)."""

    CREATED_BY_PROW = "created-by-prow"
    CREATED_BY_TIDE = "created-by-tide"
    TYPE = "prow.k8s.io/type"
    JOB = "prow.k8s.io/job"
    CONTEXT = "prow.k8s.io/context"
    ORG = "prow.k8s.io/refs.org"
    REPO = "prow.k8s.io/refs.repo"
    BASE_REF = "prow.k8s.io/refs.base_ref"
    PULL = "prow.k8s.io/refs.pull"
    ID = "prow.k8s.io/id"
    BUILD_ID = "prow.k8s.io/build-id"
    PLANK_VERSION = "prow.k8s.io/plank-version"
    EVENT_GUID = "event-GUID"
    IS_OPTIONAL = "prow.k8s.io/is-optional"
    RETEST = "prow.k8s.io/retest"
    RE_RUN = "prow.k8s.io/re-run"
    CRON = "prow.k8s.io/cron"
    """Ours, an annotation: the cron expression a periodic was started by. Firings are made up for only under the same one."""
