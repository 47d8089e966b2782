"""The options of every pod utility, in the JSON of their environment variables (`spec/prowjobs-and-pods` §4.4, §5).

Key order is that of upstream; empty keys are left out, except those that upstream always writes. Durations are integer
nanoseconds; 0 means the tool's default.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from prow.lib.errors import UsageError
from prow.model.base import Noun, always
from prow.model.decoration import GCSConfiguration
from prow.model.paths import EXPLICIT, LEGACY, SINGLE, parse_bucket
from prow.model.refs import Refs

CLONEREFS_ENV = "CLONEREFS_OPTIONS"
INITUPLOAD_ENV = "INITUPLOAD_OPTIONS"
ENTRYPOINT_ENV = "ENTRYPOINT_OPTIONS"
SIDECAR_ENV = "SIDECAR_OPTIONS"
GCSUPLOAD_ENV = "GCSUPLOAD_OPTIONS"

Options = TypeVar("Options", bound=Noun)


def decode(text: str | bytes, kind: type[Options], *, where: str) -> Options:
    """Options from their JSON. `where`: the variable, for the error's text."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{where}: these options cannot be read: {error}") from error


class CloneOptions(Noun, frozen=True):
    """clonerefs (§5.1). `max_parallel_workers` 0: one per ref. `fail`: a failed clone fails the program."""

    src_root: str = ""
    log: str = always("")
    git_user_name: str = ""
    git_user_email: str = ""
    refs: tuple[Refs, ...] = always(())
    key_files: tuple[str, ...] = ()
    oauth_token_file: str = ""
    host_fingerprints: tuple[str, ...] = ()
    max_parallel_workers: int = 0
    fail: bool = False
    cookie_path: str = ""
    github_api_endpoints: tuple[str, ...] = ()
    github_app_id: str = ""
    github_app_private_key_file: str = ""


class UploadOptions(Noun, frozen=True, rename={"media_types": "mediaTypes"}):
    """gcsupload, and the part that initupload and sidecar share with it (§5.5). `items`: files and folders to send."""

    items: tuple[str, ...] = ()
    sub_dir: str = ""
    bucket: str = ""
    path_prefix: str = ""
    path_strategy: str = ""
    default_org: str = ""
    default_repo: str = ""
    media_types: dict[str, str] = {}
    job_url_prefix: str = ""
    local_output_dir: str = ""
    compress_file_types: tuple[str, ...] = ()
    gcs_credentials_file: str = ""
    s3_credentials_file: str = ""
    dry_run: bool = always(False)

    def configuration(self) -> GCSConfiguration:
        """The part that decides paths."""
        return GCSConfiguration(
            bucket=self.bucket,
            path_prefix=self.path_prefix,
            path_strategy=self.path_strategy,
            default_org=self.default_org,
            default_repo=self.default_repo,
        )


class InitUploadOptions(UploadOptions, frozen=True):
    """initupload (§5.2). `log`: the record file of clonerefs, empty when nothing was cloned."""

    log: str = ""


class WrapperOptions(Noun, frozen=True):
    """One wrapped command: how it was called and where its traces are."""

    args: tuple[str, ...] = ()
    container_name: str = ""
    process_log: str = always("")
    marker_file: str = always("")
    metadata_file: str = always("")


class EntrypointOptions(Noun, frozen=True):
    """What the entrypoint program reads (§5.3)."""

    timeout: int = always(0)
    grace_period: int = always(0)
    artifact_dir: str = ""
    previous_marker: str = ""
    always_zero: bool = False
    propagate_error_code: bool = False
    copy_mode_only: bool = False
    copy_dst: str = ""
    args: tuple[str, ...] = ()
    container_name: str = ""
    process_log: str = always("")
    marker_file: str = always("")
    metadata_file: str = always("")


class CensorOptions(Noun, frozen=True):
    """What sidecar hides (§5.4)."""

    secret_directories: tuple[str, ...] = ()
    censoring_concurrency: int | None = None
    censoring_buffer_size: int | None = None
    include_directories: tuple[str, ...] = ()
    exclude_directories: tuple[str, ...] = ()
    ini_filenames: tuple[str, ...] = ()
    minimum_secret_length: int | None = None


class SidecarOptions(Noun, frozen=True):
    """sidecar (§5.4). `ignore_interrupts`: an interruption while waiting does not upload an ABORTED result."""

    gcs_options: UploadOptions | None = None
    wrapper_options: WrapperOptions | None = None
    entries: tuple[WrapperOptions, ...] = ()
    entry_error: bool = False
    ignore_interrupts: bool = False
    write_memory_profile: bool = False
    secret_directories: tuple[str, ...] = ()
    censoring_concurrency: int | None = None
    censoring_buffer_size: int | None = None
    censoring_options: CensorOptions | None = None


def validate_clone(options: CloneOptions) -> None:
    """Raise `UsageError` unless the options of clonerefs make sense."""
    if not options.src_root:
        raise UsageError("clonerefs: src_root is needed: the folder to clone into")
    if not options.log:
        raise UsageError("clonerefs: log is needed: the file for the records")
    if not options.refs:
        raise UsageError("clonerefs: refs are needed: there is nothing to clone")
    if bool(options.github_app_id) != bool(options.github_app_private_key_file):
        raise UsageError("clonerefs: github_app_id and github_app_private_key_file go together")
    if options.github_app_id and options.oauth_token_file:
        raise UsageError("clonerefs: give either a GitHub App or oauth_token_file, not both")
    if options.github_app_id and not options.github_api_endpoints:
        raise UsageError("clonerefs: a GitHub App needs github_api_endpoints")


def validate_upload(options: UploadOptions) -> None:
    """Raise `UsageError` unless something can be uploaded with these options."""
    if options.local_output_dir:
        return
    if not options.dry_run and not options.bucket:
        raise UsageError("upload: bucket is needed unless dry_run or local_output_dir is set")
    try:
        parse_bucket(options.bucket)
    except ValueError as error:
        raise UsageError(f"upload: bucket {options.bucket!r} is not a bucket's address: {error}") from error
    if options.path_strategy not in {LEGACY, EXPLICIT, SINGLE}:
        raise UsageError(f"upload: path_strategy is {options.path_strategy!r}; use explicit, single or legacy")
    if options.path_strategy != EXPLICIT and not (options.default_org and options.default_repo):
        raise UsageError(f"upload: path_strategy {options.path_strategy} needs default_org and default_repo")


def validate_sidecar(options: SidecarOptions) -> SidecarOptions:
    """The options with the deprecated keys folded in. `UsageError` when they make no sense."""
    old = options.secret_directories or options.censoring_concurrency or options.censoring_buffer_size
    if old and options.censoring_options is not None:
        raise UsageError("sidecar: give censoring_options or the deprecated top-level keys, not both")
    censoring = options.censoring_options
    if old:
        censoring = CensorOptions(
            secret_directories=options.secret_directories,
            censoring_concurrency=options.censoring_concurrency,
            censoring_buffer_size=options.censoring_buffer_size,
        )
    first = (options.wrapper_options,) if options.wrapper_options is not None else ()
    entries = first + options.entries
    if not entries:
        raise UsageError("sidecar: entries are needed: there is no command to wait for")
    for number, entry in enumerate(entries):
        if not entry.process_log or not entry.marker_file:
            raise UsageError(f"sidecar: entry {number} needs process_log and marker_file")
    if options.gcs_options is None:
        raise UsageError("sidecar: gcs_options are needed: where to upload")
    validate_upload(options.gcs_options)
    return SidecarOptions(
        gcs_options=options.gcs_options,
        entries=entries,
        entry_error=options.entry_error,
        ignore_interrupts=options.ignore_interrupts,
        write_memory_profile=options.write_memory_profile,
        censoring_options=censoring,
    )
