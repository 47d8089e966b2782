"""DecorationConfig and what hangs below it (`spec/prowjobs-and-pods` §1.4).

Durations are kept as the text Go would write (`2h0m0s`); `lib.durations` converts them.
"""

from __future__ import annotations

from typing import Any

from prow.model.base import Noun


class UtilityImages(Noun, frozen=True):
    clonerefs: str = ""
    """Image that clones the sources."""
    initupload: str = ""
    """Image that uploads `started.json`."""
    entrypoint: str = ""
    """Image that brings the program which runs the job's command."""
    sidecar: str = ""
    """Image that uploads log, artifacts and result."""


class Resources(Noun, frozen=True):
    """ResourceRequirements per utility container."""

    clonerefs: dict[str, Any] | None = None
    """Requests and limits of the container that clones."""
    initupload: dict[str, Any] | None = None
    """Requests and limits of the container that uploads the start."""
    place_entrypoint: dict[str, Any] | None = None
    """Requests and limits of the container that places the entrypoint."""
    sidecar: dict[str, Any] | None = None
    """Requests and limits of the container that uploads the rest."""


class GCSConfiguration(Noun, frozen=True, rename={"media_types": "mediaTypes"}):
    """Where and how logs and artifacts are stored (any provider, despite the name)."""

    bucket: str = ""
    """Bucket for logs and artifacts: `gs://NAME`, `s3://NAME`; a bare name is gs. Required for decorated jobs."""
    path_prefix: str = ""
    """Path in front of everything in the bucket."""
    path_strategy: str = ""
    """How org and repository stand in paths. explicit: always; legacy: left out for the default org and repo; single:
    left out for the default repo alone. Required for decorated jobs."""
    default_org: str = ""
    """Organisation that the strategies legacy and single leave out; required for them."""
    default_repo: str = ""
    """Repository that the strategies legacy and single leave out; required for them."""
    media_types: dict[str, str] | None = None
    """Extension of a file → its media type at upload. Defaults win over a job's own entries."""
    job_url_prefix: str = ""
    """Start of the address of a job's page, over `plank.job_url_prefix_config`."""
    local_output_dir: str = ""
    """Folder to copy everything into instead of uploading it, for trying things out."""
    compress_file_types: tuple[str, ...] = ()
    """Extensions of files that are uploaded compressed; `*`: all."""


class SecretKey(Noun, frozen=True):
    name: str = ""
    """Name of the Secret."""
    key: str = ""
    """Key in it."""


class CensoringOptions(Noun, frozen=True):
    censoring_concurrency: int | None = None
    """How many files are censored at the same time. Unset: 10."""
    censoring_buffer_size: int | None = None
    """Bytes that are looked at in one piece. Unset: 10 MiB. Must be more than twice the longest secret."""
    include_directories: tuple[str, ...] = ()
    """Globs below $ARTIFACTS of what is censored. Empty: everything."""
    exclude_directories: tuple[str, ...] = ()
    """Globs below $ARTIFACTS of what is not censored."""
    minimum_secret_length: int | None = None
    """Shorter values count as no secret. Unset: 0."""


class SchedulingOptions(Noun, frozen=True):
    affinity: dict[str, Any] | None = None
    """Affinity of pods that have none."""
    tolerations: tuple[dict[str, Any], ...] = ()
    """Tolerations of pods that have none."""


class DecorationConfig(Noun, frozen=True):
    """How the pod utilities wrap a job. Durations: Go duration text, e.g. `2h0m0s`."""

    timeout: str | None = None
    """Longest run of the job; then it gets SIGINT. Unset: 2h. A whole number means nanoseconds."""
    grace_period: str | None = None
    """Time from SIGINT to SIGKILL. Unset: 15s. A whole number means nanoseconds."""
    utility_images: UtilityImages | None = None
    """Images of the pod utilities. All four are required for jobs in pods."""
    resources: Resources | None = None
    """Requests and limits of the utility containers."""
    gcs_configuration: GCSConfiguration | None = None
    """Where log and artifacts go, at any provider. Required."""
    gcs_credentials_secret: str | None = None
    """Secret with the service account for gs:// buckets. Empty text: no secret, also where a default names one."""
    s3_credentials_secret: str | None = None
    """Secret with the credentials for s3:// buckets."""
    default_service_account_name: str | None = None
    """Service account of pods that name none."""
    ssh_key_secrets: tuple[str, ...] = ()
    """Secrets with SSH keys for cloning. Excludes `oauth_token_secret`."""
    ssh_host_fingerprints: tuple[str, ...] = ()
    """Lines of known_hosts for those hosts."""
    blobless_fetch: bool | None = None
    """Whether contents of files are fetched only when they are needed."""
    sparse_checkout_files: tuple[str, ...] = ()
    """Files and folders of the job's own repository to check out; empty: all."""
    skip_cloning: bool | None = None
    """Whether nothing is cloned."""
    cookiefile_secret: str | None = None
    """Secret with git's cookie file, for Gerrit."""
    oauth_token_secret: SecretKey | None = None
    """Secret with a GitHub token for cloning."""
    github_api_endpoints: tuple[str, ...] = ()
    """Addresses of GitHub's API for cloning as a GitHub App."""
    github_app_id: str = ""
    """Number of the GitHub App that clones."""
    github_app_private_key_secret: SecretKey | None = None
    """Secret with that App's key."""
    censor_secrets: bool | None = None
    """Whether values of mounted secrets are struck out of log and artifacts before the upload."""
    censoring_options: CensoringOptions | None = None
    """What is censored, and how."""
    upload_ignores_interrupts: bool | None = None
    """Whether an upload is finished although the pod is told to stop."""
    set_limit_equals_memory_request: bool | None = None
    """Whether the memory limit of containers becomes their request."""
    default_memory_request: str | None = None
    """Memory request of containers that have none, such as 4Gi."""
    scheduling_options: SchedulingOptions | None = None
    """Affinity and tolerations of pods that have none."""
    pod_pending_timeout: str | None = None
    """How long the pod may be pending. Unset: `plank.pod_pending_timeout`."""
    pod_running_timeout: str | None = None
    """How long the pod may run. Unset: `plank.pod_running_timeout`."""
    pod_unscheduled_timeout: str | None = None
    """How long the pod may wait for a node. Unset: `plank.pod_unscheduled_timeout`."""
    run_as_user: int | None = None
    """User id of pods that set none."""
    run_as_group: int | None = None
    """Group id of pods that set none."""
    fs_group: int | None = None
    """Group id of volumes of pods that set none."""
