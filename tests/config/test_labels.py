"""labels.yaml: what label_sync refuses is refused, with its place; what only GitHub would refuse is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from prow.config.documents import Document, Findings
from prow.config.errors import ConfigError
from prow.config.labels import LabelsFile
from prow.config.load_labels import assemble_labels, load_labels, shared_names

FILE = """\
default:
  labels:
  - {name: lgtm, color: 15dd18, target: prs, prowPlugin: lgtm, addedBy: reviewers}
  - {name: do-not-merge/hold, color: "000000", previously: [{name: on-hold, color: ff0000}]}
orgs:
  acme:
    labels:
    - {name: area/rockets, color: 0052cc, target: both}
repos:
  acme/rockets:
    labels:
    - {name: area/fuel, color: 0052cc, deleteAfter: 2030-01-02T03:04:05Z}
  umbrella/rockets:
    labels:
    - {name: area/rockets, color: 0052cc}
"""


def document(text: str) -> Document:
    return Document("labels.yaml", text.encode())


def loaded(text: str) -> tuple[LabelsFile, list[str]]:
    findings = Findings()
    file = assemble_labels(document(text), findings)
    return file, [str(warning) for warning in findings.warnings]


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigError) as wrong:
        loaded(text)
    return str(wrong.value).splitlines()


def test_labels_of_all_of_an_org_and_of_a_repository_add_up(tmp_path: Path) -> None:
    (tmp_path / "labels.yaml").write_text(FILE)
    file = load_labels(tmp_path / "labels.yaml")
    names = ["lgtm", "do-not-merge/hold", "area/rockets", "area/fuel"]
    assert [label.name for label in file.of_repo("acme", "rockets")] == names
    assert [label.name for label in file.of_repo("acme", "boosters")] == names[:3]
    assert [label.name for label in file.of_org("acme")] == names
    assert [label.name for label in file.of_repo("umbrella", "rockets")] == [*names[:2], "area/rockets"]
    assert file.default.labels[1].color == "000000"
    moment = file.repos["acme/rockets"].labels[0].delete_after
    assert moment is not None
    assert moment.isoformat() == "2030-01-02T03:04:05+00:00"
    assert loaded(FILE)[1] == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("default: {labels: [{color: ff0000}]}", "labels.yaml:1:20: a label needs a name"),
        (
            "default: {labels: [{name: Bug}, {name: bug}]}",
            "labels.yaml:1:40: the label bug is there already: default.labels[0].name (case does not count)",
        ),
        (
            "default: {labels: [{name: bug}]}\norgs: {acme: {labels: [{name: bug}]}}",
            "labels.yaml:2:31: the label bug is there already: default.labels[0].name (case does not count)",
        ),
        (
            "orgs: {acme: {labels: [{name: bug}]}}\nrepos: {acme/rockets: {labels: [{name: bug}]}}",
            "labels.yaml:2:40: the label bug is there already: orgs.acme.labels[0].name (case does not count)",
        ),
        (
            "default: {labels: [{name: bug, previously: [{name: fault, previously: [{name: BUG}]}]}]}",
            "labels.yaml:1:79: the label BUG is there already: default.labels[0].name (case does not count)",
        ),
        (
            f"default: {{labels: [{{name: bug, description: {'ä' * 51}}}]}}",
            "labels.yaml:1:45: the description has 102 bytes, GitHub keeps 100",
        ),
        ("repos: {acme: {labels: []}}", "labels.yaml:1:15: 'acme' is not of the form org/repo"),
        ("default: {labels: bug}", "labels.yaml:1:19: default.labels: expected a list, found the text 'bug'"),
        (
            "default: {labels: [{name: x, deleteAfter: soon}]}",
            "labels.yaml:1:43: default.labels[0].deleteAfter: expected a time such as 2026-01-02T03:04:05Z, found the text 'soon'",
        ),
        ("default: [\n", "labels.yaml:2:1: "),
    ],
)
def test_what_label_sync_refuses_is_told_where_it_stands(text: str, told: str) -> None:
    (line,) = refused(text)
    assert line.startswith(told)


def test_all_mistakes_are_told_at_once() -> None:
    assert len(refused("default: {labels: [{name: a}, {name: A}, {}]}\nrepos: {rockets: {}}")) == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "{name: x, color: 000000}",
            "1:37: '0' is no colour: write six hexadecimal digits, in quotes, such as \"0e8a16\"",
        ),
        ("{name: x, color: 5319e7}", "1:37: '5.319e+10' is no colour"),
        ("{name: x, color: '#ff0000'}", "1:37: '#ff0000' is no colour"),
        ("{name: x, target: pr}", "1:38: unknown target 'pr'; did you mean 'prs'?"),
        ("{name: x, target: nobody}", "1:38: unknown target 'nobody'; say prs, issues, both"),
        ("{name: x, previously: [{name: y, color: red}]}", "1:60: 'red' is no colour"),
        ("{name: x, colour: ff0000}", "1:30: unknown key 'colour'; did you mean 'color'?"),
    ],
)
def test_what_github_would_refuse_or_nothing_reads_is_a_warning(text: str, told: str) -> None:
    (line,) = loaded(f"default: {{labels: [{text}]}}")[1]
    assert line.startswith(f"labels.yaml:{told}")


def test_former_names_may_meet_as_label_sync_lets_them_and_that_can_be_asked_for() -> None:
    text = "default: {labels: [{name: a, previously: [{name: c}]}, {name: b, previously: [{name: C}]}]}"
    assert list(shared_names(loaded(text)[0])) == [
        (
            ("default", "labels", 1, "previously", 0, "name"),
            "C is a name of two labels; the other: default.labels[0].previously[0].name",
        )
    ]
    later = "default: {labels: [{name: a, previously: [{name: b}]}, {name: b}]}"
    assert len(list(shared_names(loaded(later)[0]))) == 1
    assert not list(shared_names(loaded(FILE)[0]))
