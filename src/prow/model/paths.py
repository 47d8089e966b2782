"""Where a run's files lie in its bucket: the job path, the pointer files, the roots (`spec/prowjobs-and-pods` §6.1, §6.2).

Everything here is a pure function of the spec, the build id and the GCS configuration. The paths are keys inside a bucket;
`bucket_url` joins them with the bucket as the pod utilities do. They are built as Go's `path.Join` builds them, so `..` in
a prefix or a job name is resolved here and what may be left of it is refused by `storage`.
"""

from __future__ import annotations

import posixpath
from typing import Protocol
from urllib.parse import urlsplit

import msgspec

from prow.model.decoration import GCSConfiguration
from prow.model.prowjob import JobType
from prow.model.refs import Refs

LEGACY = "legacy"
SINGLE = "single"
EXPLICIT = "explicit"

STARTED = "started.json"
FINISHED = "finished.json"
PROWJOB = "prowjob.json"
PODINFO = "podinfo.json"
CLONE_RECORDS = "clone-records.json"
CLONE_LOG = "clone-log.txt"
BUILD_LOG = "build-log.txt"
SIDECAR_LOG = "sidecar-logs.json"
ARTIFACTS = "artifacts"
LATEST_BUILD = "latest-build.txt"


class RunSpec(Protocol):
    """What a path depends on: a ProwJobSpec, or what the pod utilities read from `JOB_SPEC`."""

    @property
    def type(self) -> JobType: ...

    @property
    def job(self) -> str: ...

    @property
    def refs(self) -> Refs | None: ...

    @property
    def extra_refs(self) -> tuple[Refs, ...]: ...


def join(*parts: str) -> str:
    """Go's `path.Join`: empty parts are left out, `.`, `..` and doubled slashes are resolved; nothing gives nothing."""
    given = [part for part in parts if part]
    if not given:
        return ""
    joined = posixpath.normpath("/".join(given))
    return "/" + joined.lstrip("/") if joined.startswith("//") else joined


def repo_segment(org: str, repo: str, gcs: GCSConfiguration) -> str:
    """The part of a presubmit's path that names its repository; empty for the default one. Unknown strategies: explicit."""
    if gcs.path_strategy == SINGLE and (org, repo) == (gcs.default_org, gcs.default_repo):
        return ""
    if gcs.path_strategy == LEGACY and org == gcs.default_org:
        return "" if repo == gcs.default_repo else repo
    for scheme in ("https://", "http://"):
        org = org.removeprefix(scheme)
    return f"{org.rstrip('/')}_{repo.replace('/', '_')}"


def job_path(spec: RunSpec, build_id: str, gcs: GCSConfiguration | None = None) -> str:
    """The folder of one run. `gcs` is the job's own configuration when it is left out and the spec has one."""
    gcs = configuration(spec) if gcs is None else gcs
    return join(gcs.path_prefix, _builder(spec, gcs), build_id)


def artifacts_path(spec: RunSpec, build_id: str, gcs: GCSConfiguration | None = None) -> str:
    return join(job_path(spec, build_id, gcs), ARTIFACTS)


def configuration(spec: RunSpec) -> GCSConfiguration:
    """The spec's own GCS configuration, empty when there is none."""
    decoration = getattr(spec, "decoration_config", None)
    found = decoration.gcs_configuration if decoration is not None else None
    return found if isinstance(found, GCSConfiguration) else GCSConfiguration()


def alias_file(spec: RunSpec, build_id: str) -> str:
    """The pointer from a job's name to a presubmit's run; empty for other types."""
    return join(root(spec), f"{build_id}.txt") if spec.type is JobType.PRESUBMIT else ""


def latest_build_files(spec: RunSpec, gcs: GCSConfiguration | None = None) -> tuple[str, ...]:
    """Files that hold the newest build id. No prefix is applied to them, which is upstream's way."""
    latest = join(root(spec), LATEST_BUILD)
    if spec.type is not JobType.PRESUBMIT:
        return (latest,)
    gcs = configuration(spec) if gcs is None else gcs
    return (latest, join(_builder(spec, gcs), LATEST_BUILD))


def root(spec: RunSpec) -> str:
    """The folder of a job's history."""
    if spec.type in {JobType.PRESUBMIT, JobType.BATCH}:
        return join("pr-logs/directory", spec.job)
    return join("logs", spec.job)


def _builder(spec: RunSpec, gcs: GCSConfiguration) -> str:
    if spec.type is JobType.PRESUBMIT:
        refs = spec.refs or Refs()
        number = str(refs.pulls[0].number) if refs.pulls else ""
        return join("pr-logs/pull", repo_segment(refs.org, refs.repo, gcs), number, spec.job)
    if spec.type is JobType.BATCH:
        return join("pr-logs/pull/batch", spec.job)
    return join("logs", spec.job)


class Bucket(msgspec.Struct, frozen=True):
    """A parsed bucket: `provider://name` and a path inside (`/…` or empty). `file:///srv/logs` has no name, only a path."""

    provider: str
    name: str
    path: str = ""

    @property
    def with_scheme(self) -> str:
        return f"{self.provider}://{self.name}"

    @property
    def full_path(self) -> str:
        return f"{self.name}{self.path}"


def parse_bucket(text: str) -> Bucket:
    """Read a bucket as it stands in a configuration; without a scheme it is `gs://`. `ValueError` when it cannot be one."""
    parts = urlsplit(text if "://" in text else f"gs://{text}")
    return Bucket(parts.scheme, parts.netloc, parts.path)


def bucket_url(bucket: str, path: str) -> str:
    """`path` inside `bucket`, with a scheme; a path within the bucket's text is kept, as the pod utilities keep it."""
    with_scheme = bucket if "://" in bucket else f"gs://{bucket}"
    return f"{with_scheme.rstrip('/')}/{path.lstrip('/')}"


def main_refs(spec: RunSpec) -> Refs | None:
    """What the run is about: its refs, else the first extra ref that is not auxiliary."""
    if spec.refs is not None:
        return spec.refs
    return next((refs for refs in spec.extra_refs if not refs.auxiliary), None)


def revision(spec: RunSpec) -> str:
    """The tested revision as far as the spec tells: first pull's commit, else the base's, else the branch."""
    refs = main_refs(spec)
    if refs is None:
        return ""
    if refs.pulls and refs.pulls[0].sha:
        return refs.pulls[0].sha
    return refs.base_sha or refs.base_ref
