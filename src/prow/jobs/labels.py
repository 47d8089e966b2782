"""Labels and annotations of a ProwJob, pure (`spec/prowjobs-and-pods` §1.7)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from prow.model.prowjob import Label, ProwJobSpec

_LONGEST = 63
_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")


def labels_and_annotations(
    spec: ProwJobSpec, labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    """What a job with this spec carries; given values win over computed ones. Values that cannot be labels are mended or dropped."""
    refs = spec.refs or (spec.extra_refs[0] if spec.extra_refs else None)
    computed = {
        Label.CREATED_BY_PROW: "true",
        Label.TYPE: spec.type.value,
        Label.JOB: _cut(spec.job),
        Label.CONTEXT: _cut(spec.context),
    }
    if refs is not None:
        computed |= {Label.ORG: refs.org, Label.REPO: refs.repo, Label.BASE_REF: refs.base_ref}
        if refs.pulls:
            computed[Label.PULL] = str(refs.pulls[0].number)
    found: dict[str, str] = {}
    for key, value in (computed | dict(labels or {})).items():
        fitting = _fitting(value)
        if fitting is not None:
            found[key] = fitting
    return found, {Label.JOB: spec.job, Label.CONTEXT: spec.context} | dict(annotations or {})


def _cut(value: str) -> str:
    """The first 63 bytes, without what a label may not end in."""
    encoded = value.encode()
    if len(encoded) <= _LONGEST:
        return value
    return encoded[:_LONGEST].decode("utf-8", "replace").rstrip("._-")


def _valid(value: str) -> bool:
    return len(value) <= _LONGEST and _VALUE.fullmatch(value) is not None


def _fitting(value: str) -> str | None:
    """The value, else what follows its last slash (a branch `release/1.0` → `1.0`), else nothing."""
    if _valid(value):
        return value
    base = value.rstrip("/").rpartition("/")[2]
    return base if base and _valid(base) else None
