"""Effective configs are written as upstream writes them (recorded answers), and read again as what they were."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from prow.config.config import Config
from prow.config.documents import Document, Findings
from prow.config.load import assemble, load
from prow.config.serialize import tree, without_jobs
from prow.lib import goyaml
from prow.lib.goyaml_write import dump
from tests.support.data import DATA, METAL3, golden, needs_data

# An explicit `config: null` of a lens is kept by upstream; here it is nothing, as everywhere else.
NULL_KEPT = "        config: null\n"


_loaded: list[Config] = []


def kubernetes(folder: Path) -> Config:
    """Loaded once for all tests."""
    if not _loaded:
        with tarfile.open(DATA / "kubernetes.tar.gz") as archive:
            archive.extractall(folder, filter="data")
        _loaded.append(load(folder / "config/prow/config.yaml", folder / "config/jobs"))
    return _loaded[0]


def recorded(instance: str) -> dict[str, Any]:
    return next(case["out"] for case in golden("effective-config") if case["in"]["instance"] == instance)


@needs_data
def test_the_settings_of_metal3_are_written_to_the_byte() -> None:
    config = load(METAL3 / "config.yaml", METAL3 / "jobs")
    assert dump(without_jobs(config)) == recorded("metal3")["config_without_jobs_yaml"].replace(NULL_KEPT, "")
    whole = dump(tree(config))
    assert len(whole.encode()) == recorded("metal3")["full_yaml_bytes"] - len(NULL_KEPT)


@needs_data
def test_all_of_kubernetes_is_written_to_the_byte(tmp_path: Path) -> None:
    config = kubernetes(tmp_path)
    assert dump(without_jobs(config)) == recorded("kubernetes")["config_without_jobs_yaml"]
    whole = dump(tree(config))
    assert hashlib.sha256(whole.encode()).hexdigest() == recorded("kubernetes")["full_yaml_sha256"]


@needs_data
def test_every_small_config_is_written_as_recorded(tmp_path: Path) -> None:
    for case in golden("config-load"):
        given = case["in"]
        if case.get("error") or "shards" in given or "pubsub_subscriptions" in given["config"]:
            continue
        jobs = tmp_path / case["case"]
        for name, text in given.get("jobs", {}).items():
            file = jobs / name.removeprefix("jobs/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        main = tmp_path / "config.yaml"
        main.write_text(given["config"])
        written = tree(load(main, jobs if "jobs" in given else ""))
        assert written == case["out"]["config"], case["case"]
        assert goyaml.load(dump(written)) == json.loads(json.dumps(written)), case["case"]


def read_again(text: str) -> str:
    """What is written of what is read of a text."""
    again = assemble(Document("again.yaml", text.encode()), [], Findings(strict=True), check_presets=False)
    return dump(tree(again))


@needs_data
def test_metal3_as_written_is_read_as_the_same_config() -> None:
    text = dump(tree(load(METAL3 / "config.yaml", METAL3 / "jobs")))
    assert read_again(text) == text


@needs_data
def test_kubernetes_as_written_is_read_as_the_same_config(tmp_path: Path) -> None:
    """All settings, and of its 6,079 jobs every 20th. Without presets, which the jobs have in them already, and without old keys,
    which exclude the new ones that the loader made of them."""
    whole = tree(kubernetes(tmp_path))
    del whole["presets"], whole["deck"]["spyglass"]["gcs_browser_prefix"]
    for kind in ("presubmits", "postsubmits"):
        jobs = [(repo, job) for repo, listed in whole[kind].items() for job in listed]
        whole[kind] = {}
        for repo, job in jobs[::20]:
            whole[kind].setdefault(repo, []).append(job)
    whole["periodics"] = whole["periodics"][::20]
    text = dump(whole)
    assert read_again(text) == text


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
