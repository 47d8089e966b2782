"""YAML becomes typed values as in the original: same value, or refused where it refuses (recorded answers)."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from prow.config.config import Config, JobConfig
from prow.config.decode import Report, decode
from prow.config.documents import Document, Findings
from prow.config.errors import Kind
from prow.config.inrepo import ProwYAML
from prow.config.plugins import PluginsConfig
from prow.config.serialize import tree
from prow.owners.parse import Filtered, Simple
from tests.support.data import needs_data, replay, without_nothing

JOB_KEYS = tuple(JobConfig.__struct_fields__)
# Read as what, and whether numbers become text where text is wanted.
KINDS: dict[str, tuple[type[msgspec.Struct], bool]] = {
    "JobConfig": (JobConfig, True),
    "ProwConfig": (Config, True),
    "Config": (Config, False),
    "Configuration": (PluginsConfig, True),
    "ProwYAML": (ProwYAML, True),
    "SimpleConfig": (Simple, False),
    "FullConfig": (Filtered, True),
}

DIFFERENCES = {
    **dict.fromkeys(
        ("ys-ProwConfig-0522", "ys-ProwConfig-0524", "ys-ProwConfig-0526", "ys-ProwConfig-0527"),
        "names of log levels are looked at while reading; in a supplemental file the key is refused in any case",
    ),
    **dict.fromkeys(
        (*(f"ys-Configuration-{number}" for number in range(1116, 1122)), "ys-Configuration-x1423"),
        "upstream's strict reading does not look inside of `plugins` and `config_updater`; unknown keys are told there too",
    ),
    "ys-ProwConfig-0826": "an explicit null is written as the year 1; here as nothing",
}


def holds(wanted: Any, got: Any) -> bool:
    """Whether everything wanted is there; defaults may be there besides."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return all(key in got and holds(part, got[key]) for key, part in wanted.items())
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(holds, wanted, got))
    return bool(wanted == got)


def compare(case: dict[str, Any]) -> str:
    kind, coerce = KINDS[case["in"]["into"]]
    out, text = case["out"], case["in"]["text"]
    findings = Findings()
    document = Document("x.yaml", text.encode())
    skipped = JOB_KEYS if kind is Config and case["in"]["into"] == "ProwConfig" else ()
    value = document.decode(kind, findings, coerce=coerce, without=skipped)
    if findings.errors or "error" in out["lenient"]:
        placed = all(error.line > 0 for error in findings.errors)
        return (
            ""
            if placed and findings.errors and "error" in out["lenient"]
            else f"{out} recorded, {findings.errors} here"
        )
    found = {warning.kind for warning in findings.warnings}
    if (Kind.UNKNOWN in found) is not ("disallow_unknown_error" in out):
        return f"unknown keys: {out.get('disallow_unknown_error')!r} recorded, {findings.warnings} here"
    if bool(found) is not ("strict_error" in out):
        return f"unknown or duplicate keys: {out.get('strict_error')!r} recorded, {findings.warnings} here"
    recorded, written = without_nothing(out["lenient"]["ok"]), without_nothing(json.loads(json.dumps(tree(value))))
    if not holds(recorded, written):
        return f"{recorded} recorded, {written} here"
    report = Report()
    again = decode(kind, recorded, report=report, coerce=False)
    # What is written and not recorded are defaults.
    same = again == decode(kind, written, report=Report(), coerce=False)
    return "" if same and not report.errors and not report.unknown else f"{recorded} is read as {again}"


@needs_data
def test_every_recorded_text_is_read_as_the_original_reads_it() -> None:
    replay("yaml-structs", compare, lines=1428, differences=DIFFERENCES)
