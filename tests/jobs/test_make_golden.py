"""ProwJobs as the original makes them, their labels and their pages."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from prow.config.config import Config
from prow.config.load import load
from prow.jobs import make
from prow.jobs.labels import labels_and_annotations
from prow.jobs.url import job_url
from prow.model.base import to_json
from prow.model.prowjob import ProwJob, ProwJobSpec
from prow.model.refs import Refs
from tests.support.data import METAL3, golden, needs_data

pytestmark = needs_data
START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
NAME = "11111111-2222-4333-8444-555555555555"
BUILD = "1899999999999999999"


@cache
def metal3() -> Config:
    return load(METAL3 / "config.yaml", METAL3 / "jobs")


def made(config: Config, given: dict[str, Any]) -> ProwJob:
    org, _, repo = given.get("repo", "").partition("/")
    refs = msgspec.convert(given.get("refs") or {}, Refs)
    extra = given.get("extra_labels") or {}
    match given["type"]:
        case "presubmit" | "batch" as kind:
            job: Any = config.presubmits_for(org, repo)[given["index"]]
            spec = make.presubmit_spec(job, refs) if kind == "presubmit" else make.batch_spec(job, refs)
        case "postsubmit":
            job = config.postsubmits_for(org, repo)[given["index"]]
            spec = make.postsubmit_spec(job, refs)
        case _:
            job = config.periodics[given["index"]]
            spec = make.periodic_spec(job)
    labels = {**job.labels, **extra}
    return make.new_prowjob(
        spec, name=NAME, namespace=config.prowjob_namespace, now=START, labels=labels, annotations=job.annotations
    )


def pruned(value: Any) -> Any:
    """Go leaves out what is empty; so do we, but for a few fields where it does not matter to readers."""
    if isinstance(value, dict):
        return {k: p for k, v in value.items() if (p := pruned(v)) not in ({}, [], None, "", False)}
    if isinstance(value, list):
        return [pruned(v) for v in value]
    return value


def test_prowjobs_and_their_pages_are_the_originals(tmp_path: Path) -> None:
    count = 0
    for name in ("prowjobs-and-pods", "prowjobs-and-pods-synthetic"):
        for line in golden(name):
            given, out = line["in"], line.get("out")
            if out is None or given.get("instance", "metal3") != "metal3":
                continue
            if "config" in given:
                path = tmp_path / f"{count}.yaml"
                path.write_text(given["config"])
                config = load(path)
            else:
                config = metal3()
            job = made(config, given)
            assert pruned(msgspec.json.decode(to_json(job))) == pruned(out["prowjob"]), line["case"]
            job = msgspec.structs.replace(job, status=msgspec.structs.replace(job.status, build_id=BUILD))
            assert job_url(job, config.plank) == out.get("url", ""), line["case"]
            count += 1
    assert count > 100


def test_labels_and_annotations_are_the_originals() -> None:
    for line in golden("labels-annotations"):
        given, out = line["in"], line["out"]
        spec = msgspec.convert(given["spec"], ProwJobSpec)
        labels, annotations = labels_and_annotations(spec, given.get("labels"), given.get("annotations"))
        assert labels == (out.get("labels") or {}), line["case"]
        assert annotations == (out.get("annotations") or {}), line["case"]


def test_job_urls_are_the_originals(tmp_path: Path) -> None:
    for number, line in enumerate(golden("job-urls")):
        path = tmp_path / f"{number}.yaml"
        path.write_text(line["in"]["config"])
        job = msgspec.convert(line["in"]["prowjob"], ProwJob)
        assert job_url(job, load(path).plank) == line["out"]["url"], line["case"]
