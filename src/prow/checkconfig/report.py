"""How findings are shown: text for people, JSON, annotations for GitHub Actions, SARIF for code scanning. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from prow.checkconfig.model import Finding, Level
from prow.checkconfig.service import Report
from prow.checkconfig.table import ALWAYS, TABLE

FORMATS = ("text", "json", "github", "sarif")
_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_COLOURS = {Level.ERROR: "31", Level.WARNING: "33", Level.NOTE: "36"}


def rendered(report: Report, form: str, *, version: str, colours: bool = False) -> str:
    """The whole output, in one of FORMATS."""
    if form == "json":
        return as_json(report)
    if form == "sarif":
        return as_sarif(report, version=version)
    lines = as_github(report) if form == "github" else as_text(report, colours=colours)
    return "\n".join((*lines, summary(report)))


def as_text(report: Report, *, colours: bool = False) -> Iterator[str]:
    """`file:line:column: [name] message`, one finding a line."""
    for finding in report.findings:
        name = f"[{finding.name}]"
        if colours:
            name = f"\x1b[{_COLOURS[_level(report, finding)]}m{name}\x1b[0m"
        note = "note: " if finding.level is Level.NOTE else ""
        place = _place(finding)
        yield _printable(f"{place}: " if place else "", f"{name} ", note + _message(finding))


def _printable(place: str, name: str, message: str) -> str:
    """Texts of config files may hold anything; a terminal gets no control characters of theirs."""
    clean = ["".join(char if char.isprintable() else repr(char)[1:-1] for char in text) for text in (place, message)]
    return clean[0] + name + clean[1]


def _place(finding: Finding) -> str:
    numbers = (str(number) for number in (finding.line, finding.column) if number)
    return ":".join([finding.file, *numbers]) if finding.file else ""


def _message(finding: Finding) -> str:
    """With the path in front, where the message does not begin with it already."""
    if not finding.path or finding.message.startswith(finding.path):
        return finding.message
    return f"{finding.path}: {finding.message}"


def _level(report: Report, finding: Finding) -> Level:
    """With `--strict` warnings count as errors."""
    return Level.ERROR if report.strict and finding.level is Level.WARNING else finding.level


def summary(report: Report) -> str:
    """The last line."""
    counts = [(report.count(level), level.value) for level in Level]
    found = ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in counts if count)
    jobs = f"{report.jobs:,} job{'' if report.jobs == 1 else 's'}"
    if not found:
        return f"checkconfig: {jobs}, nothing to say"
    if report.count(Level.ERROR):
        return f"checkconfig: {found}: this configuration cannot be used"
    if report.failed:
        return f"checkconfig: {jobs}, {found}; with --strict they are errors"
    return f"checkconfig: {jobs}, {found}"


def as_json(report: Report) -> str:
    return json.dumps(
        {
            "findings": [
                {
                    "name": finding.name,
                    "level": finding.level.value,
                    "file": finding.file,
                    "line": finding.line,
                    "column": finding.column,
                    "path": finding.path,
                    "message": finding.message,
                    "hint": finding.hint,
                }
                for finding in report.findings
            ],
            "jobs": report.jobs,
            "strict": report.strict,
            "failed": report.failed,
        },
        indent=2,
        ensure_ascii=False,
    )


def as_github(report: Report) -> Iterator[str]:
    """Workflow commands: GitHub Actions shows each finding beside its line."""
    for finding in report.findings:
        kind = _level(report, finding).value.replace("note", "notice")
        places = [("file", finding.file), ("line", finding.line), ("col", finding.column), ("title", finding.name)]
        fields = ",".join(f"{key}={_property(str(value))}" for key, value in places if value)
        yield f"::{kind} {fields}::{_data(_message(finding))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(report: Report, *, version: str) -> str:
    """SARIF 2.1.0."""
    names = sorted({finding.name for finding in report.findings})
    texts = {check.name: check.summary for check in (*TABLE, *ALWAYS)}
    rules = [
        {"id": name, "shortDescription": {"text": texts.get(name, "The configuration cannot be used")}}
        for name in names
    ]
    driver = {
        "name": "prow checkconfig",
        "version": version,
        "informationUri": "https://docs.prow.k8s.io/",
        "rules": rules,
    }
    results = [_result(report, finding) for finding in report.findings]
    return json.dumps(
        {"$schema": _SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]},
        indent=2,
        ensure_ascii=False,
    )


def _result(report: Report, finding: Finding) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.name,
        "level": _level(report, finding).value,
        "message": {"text": _message(finding)},
    }
    if finding.file:
        place: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.file)}}
        if finding.line:
            place["region"] = {"startLine": finding.line, **({"startColumn": finding.column} if finding.column else {})}
        result["locations"] = [{"physicalLocation": place}]
    return result
