"""DecorationConfig and what hangs below it (`spec/prowjobs-and-pods` §1.4).

Durations are kept as the text Go would write (`2h0m0s`); `lib.durations` converts them.
"""

from __future__ import annotations

from typing import Any

from prow.model.base import Noun


class UtilityImages(Noun, frozen=True):
    clonerefs: str = ""
    initupload: str = ""
    entrypoint: str = ""
    sidecar: str = ""


class Resources(Noun, frozen=True):
    """ResourceRequirements per utility container."""

    clonerefs: dict[str, Any] | None = None
    initupload: dict[str, Any] | None = None
    place_entrypoint: dict[str, Any] | None = None
    sidecar: dict[str, Any] | None = None


class GCSConfiguration(Noun, frozen=True, rename={"media_types": "mediaTypes"}):
    """Where and how logs and artifacts are stored (any provider, despite the name)."""

    bucket: str = ""
    path_prefix: str = ""
    path_strategy: str = ""
    default_org: str = ""
    default_repo: str = ""
    media_types: dict[str, str] | None = None
    job_url_prefix: str = ""
    local_output_dir: str = ""
    compress_file_types: tuple[str, ...] = ()


class SecretKey(Noun, frozen=True):
    name: str = ""
    key: str = ""


class CensoringOptions(Noun, frozen=True):
    censoring_concurrency: int | None = None
    censoring_buffer_size: int | None = None
    include_directories: tuple[str, ...] = ()
    exclude_directories: tuple[str, ...] = ()
    minimum_secret_length: int | None = None


class SchedulingOptions(Noun, frozen=True):
    affinity: dict[str, Any] | None = None
    tolerations: tuple[dict[str, Any], ...] = ()


class DecorationConfig(Noun, frozen=True):
    """How the pod utilities wrap a job. Durations: Go duration text, e.g. `2h0m0s`."""

    timeout: str | None = None
    grace_period: str | None = None
    utility_images: UtilityImages | None = None
    resources: Resources | None = None
    gcs_configuration: GCSConfiguration | None = None
    gcs_credentials_secret: str | None = None
    s3_credentials_secret: str | None = None
    default_service_account_name: str | None = None
    ssh_key_secrets: tuple[str, ...] = ()
    ssh_host_fingerprints: tuple[str, ...] = ()
    blobless_fetch: bool | None = None
    sparse_checkout_files: tuple[str, ...] = ()
    skip_cloning: bool | None = None
    cookiefile_secret: str | None = None
    oauth_token_secret: SecretKey | None = None
    github_api_endpoints: tuple[str, ...] = ()
    github_app_id: str = ""
    github_app_private_key_secret: SecretKey | None = None
    censor_secrets: bool | None = None
    censoring_options: CensoringOptions | None = None
    upload_ignores_interrupts: bool | None = None
    set_limit_equals_memory_request: bool | None = None
    default_memory_request: str | None = None
    scheduling_options: SchedulingOptions | None = None
    pod_pending_timeout: str | None = None
    pod_running_timeout: str | None = None
    pod_unscheduled_timeout: str | None = None
    run_as_user: int | None = None
    run_as_group: int | None = None
    fs_group: int | None = None
