"""Labels and clusters that nobody seems to have are notes, with the name that may be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from prow.checkconfig.model import Level
from tests.support.checkconfig import checked, lines, written

LABELS = """\
default:
  labels: [{name: lgtm}, {name: kind/bug}, {name: area/fuel, previously: [{name: area/tanks}]}]
orgs: {acme: {labels: [{name: priority/high}]}}
repos: {acme/rockets: {labels: [{name: area/engines}]}}
"""


def told(folder: Path, config: str, *, plugins: str = "", jobs: str = "", labels: str = "", off: str = "") -> list[str]:
    files = {"config.yaml": config, "plugins.yaml": plugins, "jobs/a.yaml": jobs, "labels.yaml": labels}
    paths = written(folder, {name: text for name, text in files.items() if text})
    report = checked(paths, ["validate-urls"], strict=True, excluded=[off])
    assert {finding.level for finding in report.findings} <= {Level.NOTE}
    return lines(report, folder)


def query(labels: str, *, where: str = "orgs: [acme]") -> str:
    return f"tide:\n  queries:\n  - {where}\n    labels: [{labels}]\n"


def test_a_label_that_is_almost_one_of_a_plugin_is_told(tmp_path: Path) -> None:
    assert told(tmp_path, query("lgtm, do-not-merge/holt")) == [
        (
            "config.yaml:4:20: [unknown-label] note: tide.queries[0].labels[1]: nothing here sets the label 'do-not-merge/holt'; "
            "did you mean 'do-not-merge/hold'?"
        )
    ]
    assert told(tmp_path, query("lgtm, do-not-merge/holt"), off="unknown-label") == []


def test_a_label_that_looks_like_nothing_else_may_be_anybodys(tmp_path: Path) -> None:
    assert told(tmp_path, query("launch-ready, approved, do-not-merge/needs-kind")) == []


def test_labels_that_the_configuration_has_elsewhere_are_known(tmp_path: Path) -> None:
    plugins = "label: {additional_labels: [launch/ready]}\n"
    assert told(tmp_path, query("launch/ready"), plugins=plugins) == []
    assert "did you mean 'launch/ready'?" in told(tmp_path, query("launch/raedy"), plugins=plugins)[0]


def test_with_labels_yaml_every_other_label_is_told(tmp_path: Path) -> None:
    def found(labels: str, where: str = "orgs: [acme]") -> list[str]:
        lines = told(tmp_path, query(labels, where=where), labels=LABELS)
        return [line.partition("note: tide.queries[0].labels[0]: ")[2] for line in lines]

    assert found("LGTM") == []
    assert found("launch") == ["labels.yaml has no label 'launch' of acme"]
    assert found("'kind/bugs,lgtm'") == ["labels.yaml has no label 'kind/bugs' of acme; did you mean 'kind/bug'?"]
    assert found("priority/high") == []
    assert found("priority/high", "repos: [umbrella/x, umbrella/y]") == [
        "labels.yaml has no label 'priority/high' of umbrella/x and 1 more"
    ]
    assert found("area/engines", "repos: [acme/rockets]") == []
    assert found("area/engines", "repos: [acme/boosters]") == [
        "labels.yaml has no label 'area/engines' of acme/boosters"
    ]
    assert found("area/tanks") == ["'area/tanks' is a former name of the label 'area/fuel' of acme"]
    assert found("needs-rebase") == []  # the plugin makes it


@pytest.mark.parametrize(
    ("config", "plugins", "place"),
    [
        ("tide: {blocker_label: kind/bugg}", "", "config.yaml:1:23: [unknown-label] note: tide.blocker_label"),
        ("tide: {priority: [{labels: [kind/bugg]}]}", "", "config.yaml:1:29: [unknown-label] note: tide.priority[0].labels[0]"),
        (
            "",
            ("require_matching_label: [{org: acme, prs: true, regexp: ^kind/, missing_label: need-kind, missing_comment: x}]\n"
            "label: {restricted_labels: {'*': [{label: kind/bugg}]}}"),
            "plugins.yaml:2:43: [unknown-label] note: label.restricted_labels.*[0].label",
        ),
    ],
)  # fmt: skip
def test_labels_are_looked_for_wherever_they_stand(tmp_path: Path, config: str, plugins: str, place: str) -> None:
    (line,) = told(tmp_path, config, plugins=plugins, labels=LABELS)
    assert line == f"{place}: labels.yaml has no label 'kind/bugg'; did you mean 'kind/bug'?"


JOB = "- name: {name}\n  interval: 1h\n  cluster: {cluster}\n  spec: {{containers: [{{image: x}}]}}\n"


def test_a_cluster_that_one_job_alone_names_and_that_is_almost_another_is_told(tmp_path: Path) -> None:
    def jobs(*clusters: str) -> str:
        return "periodics:\n" + "".join(JOB.format(name=f"j{i}", cluster=each) for i, each in enumerate(clusters))

    many = ("build-trusted",) * 3
    assert told(tmp_path, "", jobs=jobs(*many, "build-trsuted")) == [
        (
            "jobs/a.yaml:16:12: [unknown-cluster] note: periodics[3].cluster: the job j3 alone names the cluster 'build-trsuted'; "
            "did you mean 'build-trusted'?"
        )
    ]
    assert told(tmp_path, "", jobs=jobs(*many, "build-trsuted"), off="unknown-cluster") == []
    assert told(tmp_path, "", jobs=jobs(*many, "build-trsuted", "build-trsuted")) == []
    assert told(tmp_path, "", jobs=jobs(*many, "gpu")) == []
    assert told(tmp_path, "disabled_clusters: [build-trsuted]", jobs=jobs(*many, "build-trsuted")) == []
