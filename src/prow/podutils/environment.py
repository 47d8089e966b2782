"""The environment variables of a job (`spec/prowjobs-and-pods` §4.3). A user's variables come first, these after them."""

from __future__ import annotations

from prow.model.prowjob import KUBERNETES_AGENT, JobType
from prow.model.refs import Refs
from prow.podutils.jobspec import JobSpec, encode

ARTIFACTS_DIR = "/logs/artifacts"
CODE_DIR = "/home/prow/go"

_ALWAYS = ("CI", "JOB_NAME", "JOB_SPEC", "JOB_TYPE", "PROW_JOB_ID", "BUILD_ID", "BUILD_NUMBER")
_REFS = ("REPO_OWNER", "REPO_NAME", "SRC_BASE", "SRC_HOST", "PULL_BASE_REF", "PULL_BASE_SHA", "PULL_REFS")
_PULL = ("PULL_NUMBER", "PULL_PULL_SHA", "PULL_HEAD_REF", "PULL_TITLE")


def reserved(kind: JobType) -> tuple[str, ...]:
    """Names that a job's own pod spec may not set."""
    if kind is JobType.PERIODIC:
        return _ALWAYS
    return _ALWAYS + _REFS + (_PULL if kind is JobType.PRESUBMIT else ())


def environment(
    spec: JobSpec, *, agent: str = "", artifacts: str | None = None, gopath: str | None = None
) -> dict[str, str]:
    """Variables of a run, sorted by name. `artifacts` and `gopath` are those of a decorated job, None for others."""
    variables = {
        "CI": "true",
        "JOB_NAME": spec.job,
        "JOB_TYPE": spec.type.value,
        "JOB_SPEC": encode(spec),
        "PROW_JOB_ID": spec.prowjobid,
        "BUILD_ID": spec.buildid,
    }
    if agent == KUBERNETES_AGENT:
        variables["BUILD_NUMBER"] = spec.buildid
    if spec.type is not JobType.PERIODIC and spec.refs is not None:
        variables |= _of_refs(spec.refs)
        if spec.type is JobType.PRESUBMIT and spec.refs.pulls:
            pull = spec.refs.pulls[0]
            variables |= {
                "PULL_NUMBER": str(pull.number),
                "PULL_PULL_SHA": pull.sha,
                "PULL_HEAD_REF": pull.head_ref,
                "PULL_TITLE": pull.title,
            }
    if artifacts is not None:
        variables["ARTIFACTS"] = artifacts
    if gopath is not None:
        variables["GOPATH"] = gopath
    return dict(sorted(variables.items()))


def _of_refs(refs: Refs) -> dict[str, str]:
    host, base = "github.com", refs.full_name
    if refs.path_alias:
        host, slash, rest = refs.path_alias.partition("/")
        base = rest if slash else base
    elif refs.repo_link:
        host, slash, rest = refs.repo_link.rpartition("://")[2].partition("/")
        base = rest if slash else base
    return {
        "REPO_OWNER": refs.org,
        "REPO_NAME": refs.repo,
        "SRC_HOST": host,
        "SRC_BASE": base,
        "PULL_BASE_REF": refs.base_ref,
        "PULL_BASE_SHA": refs.base_sha,
        "PULL_REFS": str(refs),
    }
