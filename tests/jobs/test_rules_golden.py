"""Which jobs run, against what the original answered."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from prow.config.config import Config
from prow.config.load import load
from prow.jobs import rules
from prow.jobs.rules import How, Statuses
from prow.plugins.trigger.rules import ANY_TEST, help_due
from tests.support.data import METAL3, needs_data, replay, unlike, without_nothing
from tests.support.kubernetes import kubernetes

pytestmark = needs_data


class Configs:
    """The configs that lines speak of, each loaded once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: Iterator[int] = count()
        self._known: dict[str, Config] = {}

    def of(self, given: dict[str, Any]) -> Config:
        if given.get("instance") == "kubernetes":
            return kubernetes()
        key = given.get("config", "metal3")
        if key not in self._known:
            self._known[key] = self._inline(key) if "config" in given else load(METAL3 / "config.yaml", METAL3 / "jobs")
        return self._known[key]

    def _inline(self, text: str) -> Config:
        path = self._folder / f"{next(self._names)}.yaml"
        path.write_text(text)
        return load(path)


@pytest.fixture(scope="module")
def configs(tmp_path_factory: pytest.TempPathFactory) -> Configs:
    return Configs(tmp_path_factory.mktemp("configs"))


def answer(configs: Configs, given: dict[str, Any]) -> dict[str, Any]:
    """What the original was asked, by event."""
    config = configs.of(given)
    org, repo = given["repo"].split("/")
    branch, files = given["branch"], given.get("files") or ()
    if given["event"] == "push":
        pushed = rules.select_postsubmits(config.postsubmits_for(org, repo), branch=branch, files=files)
        return {"run": [choice.job.name for choice in pushed if choice.runs]}
    jobs = config.presubmits_for(org, repo)
    if given["event"] == "pr":
        chosen = rules.select_presubmits(jobs, branch=branch, filters=(How.ALL,), files=files)
        found = rules.available(jobs, branch=branch, files=files)
        return {
            "run": [choice.job.name for choice in chosen if choice.runs],
            "required_commands": list(found.required),
            "optional_commands": list(found.optional),
            "test_all_names": list(found.test_all),
        }
    body = given["body"]
    statuses = Statuses(frozenset(given.get("failed_contexts") or ()), frozenset(given.get("all_contexts") or ()))
    filters = rules.filters_for(body, honour_ok_to_test=given.get("honor_ok_to_test", False))
    chosen = rules.select_presubmits(jobs, branch=branch, filters=filters, body=body, files=files, statuses=statuses)
    assert all(str(reason) for choice in chosen for reason in choice.decision.reasons)
    run = [choice.job.name for choice in chosen if choice.runs]
    return {
        "run": run,
        "trigger_matches": [job.name for job in jobs if job.trigger_matches(body)],
        "help": help_due(body, selected=bool(run)) is not None,
        "prune_help": ANY_TEST.matches(body),
    }


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("job-selection", 3400),
        ("job-selection-synthetic", 176),
        ("job-selection-push", 500),
        ("job-selection-synthetic-push", 56),
    ],
)
def test_the_jobs_of_an_event_are_those_of_the_original(name: str, lines: int, configs: Configs) -> None:
    def compare(case: dict[str, Any]) -> str:
        return unlike(without_nothing(case["out"]), without_nothing(answer(configs, case["in"])))

    replay(name, compare, lines=lines)
