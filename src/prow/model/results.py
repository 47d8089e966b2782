"""started.json and finished.json: what a bucket says about a run (`spec/prowjobs-and-pods` §6.3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from prow.model.base import Noun, always
from prow.model.paths import RunSpec, main_refs, revision
from prow.model.refs import Refs

SUCCESS = "SUCCESS"
FAILURE = "FAILURE"
ABORTED = "ABORTED"

UPLOADER = "uploader"
CRIER = "crier"


class Started(Noun, frozen=True, rename="kebab"):
    """`timestamp`: epoch seconds. `repos`: `org/repo` to the text of its refs. `repo_version` repeats `repo_commit`."""

    timestamp: int = always(0)
    node: str = ""
    pull: str = ""
    repos: dict[str, str] = {}
    repo_commit: str = ""
    metadata: dict[str, Any] = {}
    job_version: str = ""
    repo_version: str = ""


class Finished(Noun, frozen=True, rename="kebab"):
    """`passed` is the answer; `result` is text in two spellings (upper case from pods, lower case from crier)."""

    timestamp: int | None = None
    passed: bool | None = always(None)
    metadata: dict[str, Any] = {}
    result: str = ""
    job_version: str = ""
    revision: str = ""
    repo_version: str = ""


def started(
    spec: RunSpec,
    at: datetime,
    *,
    cloned: Iterable[tuple[Refs, str]] = (),
    metadata: dict[str, Any] | None = None,
) -> Started:
    """`cloned`: refs and final commit of every clone; the commit of the main refs wins over what the spec says."""
    repos = {refs.full_name: str(refs) for refs in (*((spec.refs,) if spec.refs else ()), *spec.extra_refs)}
    main = main_refs(spec)
    found = next((sha for refs, sha in cloned if sha and refs == main), "") if main is not None else ""
    commit = found or revision(spec)
    pulls = spec.refs.pulls if spec.refs is not None else ()
    return Started(
        timestamp=int(at.timestamp()),
        pull=str(pulls[0].number) if pulls else "",
        repos=repos,
        repo_commit=commit,
        metadata=metadata or {},
        repo_version=commit,
    )
