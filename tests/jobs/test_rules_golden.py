"""Which jobs run, against what the original answered."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from prow.config.config import Config
from prow.config.load import load
from prow.jobs import rules
from prow.jobs.rules import How, Statuses
from tests.support.data import METAL3, golden, needs_data
from tests.support.kubernetes import kubernetes

pytestmark = needs_data


@cache
def metal3() -> Config:
    return load(METAL3 / "config.yaml", METAL3 / "jobs")


INSTANCES = {"metal3": metal3, "kubernetes": kubernetes}


@cache
def inline(text: str, folder: Path) -> Config:
    path = folder / f"{abs(hash(text))}.yaml"
    path.write_text(text)
    return load(path)


def cases(name: str, event: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for line in golden(name):
        if line["in"]["event"] == event:
            yield line["case"], line["in"], line.get("out") or {}


@pytest.mark.parametrize("name", ["job-selection", "job-selection-synthetic"])
def test_presubmits_of_a_pull_request(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("config")
    count = 0
    for case, given, out in cases(name, "pr"):
        config = inline(given["config"], folder) if "config" in given else INSTANCES[given["instance"]]()
        org, repo = given["repo"].split("/")
        files = given.get("files") or ()
        jobs = config.presubmits_for(org, repo)
        chosen = rules.select_presubmits(jobs, branch=given["branch"], filters=(How.ALL,), files=files)
        assert [c.job.name for c in chosen if c.runs] == (out.get("run") or []), case
        found = rules.available(jobs, branch=given["branch"], files=files)
        assert list(found.required) == (out.get("required_commands") or []), case
        assert list(found.optional) == (out.get("optional_commands") or []), case
        assert list(found.test_all) == (out.get("test_all_names") or []), case
        count += 1
    assert count > 20


@pytest.mark.parametrize("name", ["job-selection", "job-selection-synthetic"])
def test_presubmits_of_a_comment(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("config")
    count = 0
    for case, given, out in cases(name, "comment"):
        config = inline(given["config"], folder) if "config" in given else INSTANCES[given["instance"]]()
        org, repo = given["repo"].split("/")
        body = given["body"]
        chosen = rules.select_presubmits(
            config.presubmits_for(org, repo),
            branch=given["branch"],
            filters=rules.filters_for(body, honour_ok_to_test=given.get("honor_ok_to_test", False)),
            body=body,
            files=given.get("files") or (),
            statuses=Statuses(
                frozenset(given.get("failed_contexts") or ()), frozenset(given.get("all_contexts") or ())
            ),
        )
        assert [c.job.name for c in chosen if c.runs] == (out.get("run") or []), (case, given)
        assert all(str(reason) for c in chosen for reason in c.decision.reasons)
        count += 1
    assert count > 20


def test_postsubmits_of_a_push(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("config")
    count = 0
    for name in ("job-selection-push", "job-selection-synthetic-push"):
        for case, given, out in cases(name, "push"):
            config = inline(given["config"], folder) if "config" in given else INSTANCES[given["instance"]]()
            org, repo = given["repo"].split("/")
            jobs = config.postsubmits_for(org, repo)
            chosen = rules.select_postsubmits(jobs, branch=given["branch"], files=given.get("files") or ())
            assert [c.job.name for c in chosen if c.runs] == (out.get("run") or []), case
            count += 1
    assert count > 20
