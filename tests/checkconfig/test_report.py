"""What a run shows, in each of its forms."""

from __future__ import annotations

import json

import pytest

from prow.checkconfig.model import Finding, Level
from prow.checkconfig.report import rendered
from prow.checkconfig.service import Report

ERROR = Finding(
    name="config",
    message="tide: expected a mapping, found a list",
    level=Level.ERROR,
    file="c.yaml",
    line=2,
    column=7,
    path="tide",
)
WARNING = Finding(
    name="validate-label", message="100% wrong:\n\x1b[2Jno", file="p,q:r.yaml", line=3, column=1, path="label"
)
NOTE = Finding(name="unknown-fields-all", message="unknown key 'x'", level=Level.NOTE, file="jobs/a b.yaml")


def shown(*findings: Finding, form: str = "text", strict: bool = False, colours: bool = False) -> str:
    report = Report(findings=findings, jobs=1234, strict=strict)
    return rendered(report, form, version="v1", colours=colours)


def test_text_has_place_name_path_and_message() -> None:
    assert shown(ERROR, WARNING, NOTE).split("\n") == [
        "c.yaml:2:7: [config] tide: expected a mapping, found a list",
        "p,q:r.yaml:3:1: [validate-label] label: 100% wrong:\\n\\x1b[2Jno",
        "jobs/a b.yaml: [unknown-fields-all] note: unknown key 'x'",
        "checkconfig: 1 error, 1 warning, 1 note: this configuration cannot be used",
    ]


@pytest.mark.parametrize(
    ("findings", "strict", "said", "failed"),
    [
        ((), True, "checkconfig: 1,234 jobs, nothing to say", False),
        ((WARNING, WARNING), False, "checkconfig: 1,234 jobs, 2 warnings", False),
        ((WARNING,), True, "checkconfig: 1,234 jobs, 1 warning; with --strict they are errors", True),
        ((NOTE,), True, "checkconfig: 1,234 jobs, 1 note", False),
    ],
)
def test_last_line_sums_up(findings: tuple[Finding, ...], strict: bool, said: str, failed: bool) -> None:
    assert shown(*findings, strict=strict).split("\n")[-1] == said
    assert Report(findings=findings, strict=strict).failed is failed


def test_colours_say_how_bad_it_is() -> None:
    assert "\x1b[31m[config]\x1b[0m" in shown(ERROR, colours=True)
    assert "\x1b[33m[validate-label]" in shown(WARNING, colours=True)
    assert "\x1b[31m[validate-label]" in shown(WARNING, colours=True, strict=True)
    assert "\x1b[36m[unknown" in shown(NOTE, colours=True)


def test_github_gets_annotations_that_no_text_can_break() -> None:
    assert shown(ERROR, WARNING, NOTE, form="github").split("\n")[:-1] == [
        "::error file=c.yaml,line=2,col=7,title=config::tide: expected a mapping, found a list",
        "::warning file=p%2Cq%3Ar.yaml,line=3,col=1,title=validate-label::label: 100%25 wrong:%0A\x1b[2Jno",
        "::notice file=jobs/a b.yaml,title=unknown-fields-all::unknown key 'x'",
    ]
    assert shown(WARNING, form="github", strict=True).startswith("::error ")


def test_json_is_all_there_is() -> None:
    found = json.loads(shown(ERROR, NOTE, form="json"))
    assert found["failed"] is True
    assert found["jobs"] == 1234
    assert found["findings"][0] == {
        "name": "config", "level": "error", "file": "c.yaml", "line": 2, "column": 7, "path": "tide",
        "message": "tide: expected a mapping, found a list", "hint": "",
    }  # fmt: skip


def test_sarif_names_rule_and_place() -> None:
    run = json.loads(shown(ERROR, WARNING, NOTE, form="sarif", strict=True))["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["config", "unknown-fields-all", "validate-label"]
    assert [result["level"] for result in run["results"]] == ["error", "error", "note"]
    assert run["results"][0]["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "c.yaml"}, "region": {"startLine": 2, "startColumn": 7}}}
    ]
    assert run["results"][2]["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "jobs/a%20b.yaml"}}
