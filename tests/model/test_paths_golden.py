"""Paths, started.json and finished.json against recorded answers of the original."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from prow.model import paths, results
from prow.model.decoration import GCSConfiguration
from prow.model.gojson import go_json
from prow.model.prowjob import ProwJobSpec

_GOLDEN = Path(__file__).parents[2].parent / "shared/data/golden/storage-paths.jsonl.gz"
_START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def _cases() -> list[Any]:
    if not _GOLDEN.exists():
        return [pytest.param({}, marks=pytest.mark.skip(reason="put the recorded answers into ../shared/data/golden"))]
    with gzip.open(_GOLDEN) as lines:
        return [pytest.param(case, id=case["case"]) for case in map(json.loads, lines)]


@pytest.mark.parametrize("case", _cases())
def test_paths_are_those_of_the_original(case: dict[str, Any]) -> None:
    given, expected = case["in"], case["out"]
    spec = msgspec.convert(given["spec"], ProwJobSpec)
    gcs = msgspec.convert(given["gcs_configuration"], GCSConfiguration)
    build = given["build_id"]
    bucket = paths.parse_bucket(gcs.bucket)
    assert {
        "path": paths.job_path(spec, build, gcs),
        "artifacts_path": paths.artifacts_path(spec, build, gcs),
        "alias": paths.alias_file(spec, build),
        "latest_build": list(paths.latest_build_files(spec, gcs)),
        "root": paths.root(spec),
        "revision": paths.revision(spec),
        "bucket": {
            "bucket": bucket.name,
            "bucket_with_scheme": bucket.with_scheme,
            "full_path": bucket.full_path,
            "path": bucket.path,
            "provider": bucket.provider,
        },
        "started": go_json(results.started(spec, _START)).decode(),
    } == {
        name: expected[name]
        for name in ("path", "artifacts_path", "alias", "latest_build", "root", "revision", "bucket", "started")
    }


def test_json_is_escaped_and_indented_as_go_does() -> None:
    value = {"a": "<b>&\u2028", "c": [], "d": {"e": [1, "  x\n  y"]}}
    assert go_json(value) == b'{"a":"\\u003cb\\u003e\\u0026\\u2028","c":[],"d":{"e":[1,"  x\\n  y"]}}'
    assert go_json({"a": {"b": [1]}, "c": "  "}, indent=True) == (
        b'{\n\t"a": {\n\t\t"b": [\n\t\t\t1\n\t\t]\n\t},\n\t"c": "  "\n}'
    )


@pytest.mark.parametrize(
    ("bucket", "path", "url"),
    [
        ("b", "logs/j/1", "gs://b/logs/j/1"),
        ("s3://b", "/abs/logs", "s3://b/abs/logs"),
        ("s3://b/inner", "logs", "s3://b/inner/logs"),
        ("file:///srv", "logs", "file:///srv/logs"),
    ],
)
def test_a_path_in_a_bucket_has_a_scheme(bucket: str, path: str, url: str) -> None:
    assert paths.bucket_url(bucket, path) == url
