"""Effective configs are written as upstream writes them (recorded answers), and read again as what they were."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from prow.config.config import Config
from prow.config.load import load
from prow.config.serialize import tree, without_jobs
from prow.lib import goyaml
from prow.lib.goyaml_write import dump
from tests.support.data import METAL3, golden, needs_data, replay, unlike
from tests.support.kubernetes import kubernetes


def effective(instance: str) -> Config:
    return kubernetes() if instance == "kubernetes" else load(METAL3 / "config.yaml", METAL3 / "jobs")


@needs_data
def test_effective_configs_are_written_to_the_byte() -> None:
    def compare(case: dict[str, Any]) -> str:
        config = effective(case["in"]["instance"])
        whole = dump(tree(config)).encode()
        got = {
            "config_without_jobs": without_jobs(config),
            "config_without_jobs_yaml": dump(without_jobs(config)),
            "full_yaml_bytes": len(whole),
            "full_yaml_sha256": hashlib.sha256(whole).hexdigest(),
        }
        return unlike(case["out"], got)

    replay("effective-config", compare, lines=2)


@needs_data
def test_every_small_config_is_written_as_what_it_is() -> None:
    for case in golden("config-load"):
        if not case.get("error"):
            written = case["out"]["config"]
            assert goyaml.load(dump(written)) == written, case["case"]


def read_again_as_it_was(config: Config, folder: Path, *, every: int = 1) -> int:
    """Write all settings and every nth job as the jobs are loaded, a file for each repository, load that, and find the same; how many
    jobs. Without presets, which the jobs have in them already, and without old keys, which exclude the new ones made of them."""
    settings = without_jobs(config)
    settings.pop("presets", None)
    settings["deck"]["spyglass"].pop("gcs_browser_prefix", None)
    (folder / "config.yaml").write_text(dump(settings))
    (folder / "jobs").mkdir()
    kept = {
        kind: {repo: jobs[::every] for repo, jobs in getattr(config, kind).items()}
        for kind in ("presubmits", "postsubmits")
    }
    for kind, by_repo in kept.items():
        for number, (repo, jobs) in enumerate(by_repo.items()):
            (folder / f"jobs/{kind}-{number:04}.yaml").write_text(dump({kind: {repo: tree(jobs)}}))
    periodics = config.periodics[::every]
    (folder / "jobs/periodics.yaml").write_text(dump({"periodics": tree(periodics)}))
    again = load(folder / "config.yaml", folder / "jobs", strict=True)
    assert dump(without_jobs(again)) == dump(settings)
    for kind, by_repo in kept.items():
        assert getattr(again, kind) == by_repo
    assert again.periodics == periodics
    return sum(1 for _ in again.all_jobs())


@needs_data
@pytest.mark.parametrize(("instance", "every"), [("metal3", 1), ("kubernetes", 10)])
def test_an_instance_as_written_is_read_as_the_same_config(instance: str, every: int, tmp_path: Path) -> None:
    """Every tenth job of Kubernetes here, all of them in `make soak`."""
    assert read_again_as_it_was(effective(instance), tmp_path, every=every) >= 632


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("yes", '"yes"\n'), ("0644", '"0644"\n'), ("1:30", '"1:30"\n'), ("2026-01-02", '"2026-01-02"\n'), ("<<", '"<<"\n'),
        ("plain text", "plain text\n"), ("# no", "'# no'\n"), ("", '""\n'), ("a\nb", "|-\n  a\n  b\n"), ("~", '"~"\n'),
        (["a", ["b"], {}], "- a\n- - b\n- {}\n"), ({"b": [1], "a": None}, "a: null\nb:\n- 1\n"), (1.5, "1.5\n"), (True, "true\n"),
    ],
)  # fmt: skip
def test_texts_are_quoted_where_they_would_be_read_as_something_else(value: Any, text: str) -> None:
    assert dump(value) == text
    assert goyaml.load(text) == value


def test_keys_are_sorted_as_people_count() -> None:
    keys = ["job-10", "job-9", "job-09", "a", "B", "1", "-", "v1.10", "v1.9"]
    assert list(goyaml.load(dump(dict.fromkeys(keys, 1)))) == [
        "-",
        "1",
        "B",
        "a",
        "job-9",
        "job-09",
        "job-10",
        "v1.9",
        "v1.10",
    ]
