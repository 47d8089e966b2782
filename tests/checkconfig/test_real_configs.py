"""Checkconfig on the configurations of Metal3 and Kubernetes, with the flags of those projects."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from prow.checkconfig.reading import Paths
from tests.support.checkconfig import checked, lines, pointed
from tests.support.data import METAL3, needs_data
from tests.support.kubernetes import folder

KUBERNETES_WARNINGS = (
    "mismatched-tide-lenient", "tide-strict-branch", "needs-ok-to-test", "validate-owners", "missing-trigger",
    "validate-urls", "unknown-fields", "duplicate-job-refs", "unknown-fields-all", "non-decorated-jobs",
    "valid-decoration-config",
)  # fmt: skip
PLACES = 10

pytestmark = needs_data


def metal3(folder: Path) -> Paths:
    return Paths(config=str(folder / "config.yaml"), jobs=str(folder / "jobs"), plugins=str(folder / "plugins.yaml"))


@pytest.fixture(scope="module")
def kubernetes() -> Paths:
    config = folder() / "config"
    return Paths(
        config=str(config / "prow/config.yaml"), jobs=str(config / "jobs"), plugins=str(config / "prow/plugins.yaml")
    )


def beside(paths: Paths, labels: Path, *autobumpers: Path) -> Paths:
    return msgspec.structs.replace(paths, labels=str(labels), autobumpers=tuple(map(str, autobumpers)))


def test_the_labels_and_the_autobumper_of_metal3_load_clean() -> None:
    """But tide forbids a label there that labels.yaml has not."""
    paths = beside(metal3(METAL3), METAL3 / "labels.yaml", METAL3 / "generic-autobumper-config.yaml")
    report = checked(paths, strict=True)
    (note,) = lines(report, METAL3)
    assert note.startswith(
        "config.yaml:83:7: [unknown-label] note: tide.queries[0].missingLabels[1]: labels.yaml has no label 'do-"
    )
    assert not report.failed
    alone = checked(Paths(config="", labels=paths.labels, autobumpers=paths.autobumpers), strict=True)
    assert alone.findings == ()


def test_the_labels_of_kubernetes_load_clean(kubernetes: Paths) -> None:
    """All 553; one former name has two successors, which label_sync does not see."""
    folder = Path(kubernetes.config).parents[2]
    (note,) = checked(Paths(config="", labels=str(folder / "label_sync/labels.yaml")), strict=True).findings
    assert (note.level.value, note.line, note.column) == ("note", 1122, 19)
    assert pointed(note) == "area/cluster-infra"


def test_metal3_is_clean_with_the_flags_of_that_project() -> None:
    """Also its plugin transfer-issue, which upstream has renamed."""
    assert "transfer-issue" in (METAL3 / "plugins.yaml").read_text()
    report = checked(metal3(METAL3), strict=True)
    assert report.findings == ()
    assert report.jobs == 632


def test_kubernetes_is_clean_with_the_flags_of_that_project(kubernetes: Paths) -> None:
    report = checked(kubernetes, KUBERNETES_WARNINGS, strict=True)
    assert report.findings == ()
    assert report.jobs == 6079


def test_kubernetes_has_what_the_original_finds_by_default(kubernetes: Paths) -> None:
    report = checked(kubernetes)
    assert Counter(finding.name for finding in report.findings) == {
        "long-job-names": 320,
        "periodic-default-clone-config": 20,
        "mismatched-tide": 8,
    }
    assert not report.failed
    for finding in report.findings:
        if finding.name == "long-job-names":
            assert len(pointed(finding).strip("\"'")) > 63
        elif finding.name == "mismatched-tide":
            assert pointed(finding).strip('"').split()[0] in finding.message


@pytest.mark.parametrize("seed", range(PLACES))
def test_wrong_key_is_told_at_its_exact_place(tmp_path: Path, seed: int) -> None:
    """Somewhere in the config of Metal3 a key is misspelt."""
    shutil.copytree(METAL3, tmp_path, dirs_exist_ok=True)
    chance = random.Random(seed)
    files = [tmp_path / "config.yaml", *sorted((tmp_path / "jobs").rglob("*.yaml"))]
    known = ("always_run", "branches", "optional", "decorate", "agent", "labels", "queries", "sync_period", "plank", "sinker",
             "run_if_changed", "containers", "image", "command", "resources", "max_pod_age", "context_options")  # fmt: skip
    while True:
        file = chance.choice(files)
        rows = file.read_text().split("\n")
        number = chance.randrange(len(rows))
        key = rows[number].strip().removeprefix("- ").partition(":")[0]
        if key in known and rows[number].strip().removeprefix("- ").startswith(f"{key}:"):
            break
    column = rows[number].index(key)
    wrong = key[:-1] + "q"
    rows[number] = rows[number][:column] + wrong + rows[number][column + len(key) :]
    file.write_text("\n".join(rows))
    report = checked(metal3(tmp_path), ["unknown-fields-all"], strict=True)
    told = [finding for finding in report.findings if wrong in finding.message and "unknown key" in finding.message]
    assert [(finding.file, finding.line, finding.column) for finding in told] == [
        (str(file), number + 1, column + 1)
    ], lines(report, tmp_path)
    assert report.failed
    for finding in told:
        assert finding.hint == key
