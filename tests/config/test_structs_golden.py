"""YAML becomes typed values as in the original: same value, or refused where it refuses (recorded answers)."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from prow.config.config import Config, JobConfig
from prow.config.decode import Report, decode
from prow.config.documents import Document, Findings
from prow.config.inrepo import ProwYAML
from prow.config.plugins import PluginsConfig
from prow.config.serialize import tree
from prow.owners import parse
from tests.support.data import golden, needs_data

JOB_KEYS = tuple(JobConfig.__struct_fields__)
# Read as what, and whether numbers become text where text is wanted.
KINDS: dict[str, tuple[type[msgspec.Struct], bool]] = {
    "JobConfig": (JobConfig, True),
    "ProwConfig": (Config, True),
    "Config": (Config, False),
    "Configuration": (PluginsConfig, True),
    "ProwYAML": (ProwYAML, True),
}

# Names of levels are looked at while reading; in a supplemental file the key is refused in any case.
DIFFERENT = {"ProwConfig": {f"ys-ProwConfig-0{number}" for number in (522, 524, 526, 527)}}
# Upstream's strict reading does not look inside of these two sections; unknown keys are found there too.
LOOSE = {*(f"ys-Configuration-{number}" for number in range(1116, 1122)), "ys-Configuration-x1423"}
# An explicit null is written as the year 1; here as nothing.
NULL_TIME = {"ys-ProwConfig-0826"}


def without_nothing(value: Any) -> Any:
    """Without what Go omits: empty and missing are the same."""
    if isinstance(value, dict):
        small = {key: without_nothing(part) for key, part in value.items()}
        return {key: part for key, part in small.items() if part not in (None, [], {}, "", 0, False)}
    return [without_nothing(part) for part in value] if isinstance(value, list) else value


def holds(wanted: Any, got: Any) -> bool:
    """Whether everything wanted is there; defaults may be there besides."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return all(key in got and holds(part, got[key]) for key, part in wanted.items())
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(holds, wanted, got))
    return bool(wanted == got)


@needs_data
@pytest.mark.parametrize("into", KINDS)
def test_every_recorded_text_is_read_as_the_original_reads_it(into: str) -> None:
    kind, coerce = KINDS[into]
    different = set()
    for case in golden("yaml-structs"):
        if case["in"]["into"] != into:
            continue
        wanted = case["out"]["lenient"]
        findings = Findings()
        document = Document("x.yaml", case["in"]["text"].encode())
        skipped = JOB_KEYS if into == "ProwConfig" else ()
        value = document.decode(kind, findings, coerce=coerce, without=skipped)
        if bool(findings.errors) == ("ok" in wanted):
            different.add(case["case"])
            continue
        if findings.errors:
            assert all(error.line > 0 for error in findings.errors), case
            continue
        assert bool(findings.warnings) == ("disallow_unknown_error" in case["out"]) or case["case"] in LOOSE, case
        recorded, written = (without_nothing(each) for each in (wanted["ok"], json.loads(json.dumps(tree(value)))))
        if case["case"] in NULL_TIME:
            continue
        assert holds(recorded, written), case
        report = Report()
        again = decode(kind, recorded, report=report, coerce=False)
        assert again == decode(kind, written, report=Report(), coerce=False), case
        assert not report.errors, case
        assert not report.unknown, case
    assert different == DIFFERENT.get(into, set())


@needs_data
def test_every_recorded_owners_file_is_read_in_the_form_that_the_original_sees() -> None:
    for case in golden("yaml-structs"):
        wanted = case["out"]["lenient"]
        text = case["in"]["text"].encode()
        if case["in"]["into"] == "SimpleConfig" and "ok" in wanted:
            (*_, entry) = parse.owners_file(text, {}).entries or (None,)
            lists = {key: wanted["ok"].get(key) for key in ("approvers", "reviewers", "required_reviewers")}
            for key, logins in lists.items():
                given = getattr(entry.people, key) if entry is not None else None
                assert (given or frozenset()) == {parse.login_of(login) for login in logins or ()}, case
