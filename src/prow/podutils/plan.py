"""From a decorated ProwJob to the options of every pod utility (`spec/prowjobs-and-pods` §4.2, §4.4).

Pure. A pod and the local engine differ only in the `Layout`: where the folders and the credential files are.
"""

from __future__ import annotations

from typing import Any

import msgspec

from prow.lib import durations
from prow.model.decoration import DecorationConfig
from prow.model.paths import join
from prow.model.prowjob import ProwJobSpec
from prow.model.refs import Refs
from prow.podutils.options import (
    CensorOptions,
    CloneOptions,
    EntrypointOptions,
    InitUploadOptions,
    SidecarOptions,
    UploadOptions,
    WrapperOptions,
)

GIT_USER_NAME = "ci-robot"
GIT_USER_EMAIL = "ci-robot@k8s.io"
_API = "https://api.github.com"
_CREDENTIALS = "service-account.json"


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """Folders as the utilities see them; the defaults are those of a pod. `local_output_dir` replaces the bucket."""

    logs: str = "/logs"
    code: str = "/home/prow/go"
    secrets: str = "/secrets"
    gcs_credentials_file: str | None = None
    s3_credentials_file: str | None = None
    local_output_dir: str = ""

    @property
    def artifacts(self) -> str:
        return f"{self.logs}/artifacts"

    @property
    def clone_log(self) -> str:
        return f"{self.logs}/clone.json"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Options for one run. `clone` is None when there is nothing to clone; then `workdir` is None, too."""

    clone: CloneOptions | None
    init: InitUploadOptions
    entrypoints: tuple[EntrypointOptions, ...]
    sidecar: SidecarOptions
    workdir: str | None


POD = Layout()


def plan(spec: ProwJobSpec, layout: Layout = POD) -> Plan:
    """Everything for a spec with `decoration_config` and `pod_spec`; `ValueError` without them."""
    decoration = spec.decoration_config
    if decoration is None or spec.pod_spec is None:
        raise ValueError(f"{spec.job}: only a decorated job with a pod spec has a plan")
    containers: list[dict[str, Any]] = spec.pod_spec.get("containers") or []
    clone = _clone(spec, decoration, layout)
    single = len(containers) == 1
    wrappers = tuple(_wrapper(container, single=single, layout=layout) for container in containers)
    upload = _upload(decoration, layout)
    items = msgspec.structs.replace(upload, items=(layout.artifacts,))
    return Plan(
        clone=clone,
        init=InitUploadOptions(
            **{name: getattr(upload, name) for name in upload.__struct_fields__},
            log=layout.clone_log if clone is not None else "",
        ),
        entrypoints=tuple(_entrypoint(wrapper, decoration, layout) for wrapper in wrappers),
        sidecar=SidecarOptions(
            gcs_options=items,
            entries=wrappers,
            ignore_interrupts=bool(decoration.upload_ignores_interrupts),
            censoring_options=_censoring(spec.pod_spec, decoration),
        ),
        workdir=None if clone is None else working_directory(clone.src_root, clone.refs),
    )


def clone_path(src_root: str, refs: Refs) -> str:
    """The folder of one clone: `<src_root>/src/` and the alias, else the link without scheme, else `github.com/org/repo`."""
    name = refs.path_alias or refs.repo_link.rpartition("://")[2] or f"github.com/{refs.org}/{refs.repo}"
    return join(src_root, "src", name)


def working_directory(src_root: str, refs: tuple[Refs, ...]) -> str:
    """Where the command starts: the clone marked `workdir`, else the first."""
    return clone_path(src_root, next((ref for ref in refs if ref.workdir), refs[0]))


def _clone(spec: ProwJobSpec, decoration: DecorationConfig, layout: Layout) -> CloneOptions | None:
    refs = (*((spec.refs,) if spec.refs is not None else ()), *spec.extra_refs)
    if decoration.skip_cloning or not refs:
        return None
    cookie = decoration.cookiefile_secret or ""
    oauth = decoration.oauth_token_secret
    app = decoration.github_app_private_key_secret
    secret, slash, key = cookie.partition("/")
    return CloneOptions(
        src_root=layout.code,
        log=layout.clone_log,
        git_user_name=GIT_USER_NAME,
        git_user_email=GIT_USER_EMAIL,
        refs=refs,
        key_files=tuple(f"{layout.secrets}/ssh/{name}" for name in decoration.ssh_key_secrets),
        oauth_token_file=f"{layout.secrets}/oauth/{oauth.key}" if oauth is not None else "",
        host_fingerprints=decoration.ssh_host_fingerprints,
        cookie_path=f"{layout.secrets}/cookiefile/{key if slash else secret}" if cookie else "",
        github_api_endpoints=decoration.github_api_endpoints or (_API,),
        github_app_id=decoration.github_app_id if app is not None else "",
        github_app_private_key_file=f"{layout.secrets}/github-app/{app.key}" if app is not None else "",
    )


def _upload(decoration: DecorationConfig, layout: Layout) -> UploadOptions:
    gcs = decoration.gcs_configuration
    if gcs is None:
        raise ValueError("a decorated job needs gcs_configuration")
    local = layout.local_output_dir
    return UploadOptions(
        bucket=gcs.bucket,
        path_prefix=gcs.path_prefix,
        path_strategy=gcs.path_strategy,
        default_org=gcs.default_org,
        default_repo=gcs.default_repo,
        media_types=gcs.media_types or {},
        job_url_prefix=gcs.job_url_prefix,
        local_output_dir=local or gcs.local_output_dir,
        compress_file_types=gcs.compress_file_types,
        gcs_credentials_file=_credentials(
            layout.gcs_credentials_file, decoration.gcs_credentials_secret, f"{layout.secrets}/gcs", local
        ),
        s3_credentials_file=_credentials(
            layout.s3_credentials_file, decoration.s3_credentials_secret, f"{layout.secrets}/s3-storage", local
        ),
    )


def _credentials(given: str | None, secret: str | None, folder: str, local: str) -> str:
    if given is not None:
        return given
    return f"{folder}/{_CREDENTIALS}" if secret and not local else ""


def _wrapper(container: dict[str, Any], *, single: bool, layout: Layout) -> WrapperOptions:
    name = "test" if single else str(container.get("name", ""))
    return WrapperOptions(
        args=tuple(container.get("command") or ()) + tuple(container.get("args") or ()),
        container_name=name,
        process_log=f"{layout.logs}/{'process' if single else name}-log.txt",
        marker_file=f"{layout.logs}/marker-file.txt" if single else f"{layout.logs}/{name}-marker.txt",
        metadata_file=f"{layout.artifacts}/metadata.json" if single else f"{layout.artifacts}/{name}-metadata.json",
    )


def _entrypoint(wrapper: WrapperOptions, decoration: DecorationConfig, layout: Layout) -> EntrypointOptions:
    return EntrypointOptions(
        timeout=int(durations.parse(decoration.timeout)) if decoration.timeout else 0,
        grace_period=int(durations.parse(decoration.grace_period)) if decoration.grace_period else 0,
        artifact_dir=layout.artifacts,
        **{name: getattr(wrapper, name) for name in wrapper.__struct_fields__},
    )


def _censoring(pod_spec: dict[str, Any], decoration: DecorationConfig) -> CensorOptions:
    given = decoration.censoring_options
    options = CensorOptions()
    if given is not None:
        options = CensorOptions(**{name: getattr(given, name) for name in given.__struct_fields__})
    if not decoration.censor_secrets:
        return options
    secret_volumes = {volume.get("name") for volume in pod_spec.get("volumes") or () if volume.get("secret")}
    mounted: list[str] = []
    for container in pod_spec.get("containers") or ():
        for mount in container.get("volumeMounts") or ():
            if mount.get("name") in secret_volumes:
                mounted.append(str(mount.get("mountPath", "")))
    return msgspec.structs.replace(options, secret_directories=tuple(mounted))
