"""YAML, regular expressions, durations, quantities, cron and templates answer as the original did (recorded answers)."""

import gzip
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from prow.lib import cron, durations, goyaml, quantities, regex
from prow.lib.gotemplate import GoStruct, Template, TemplateError

GOLDEN = Path(__file__).parents[2].parent / "shared/data/golden"

# Accepted by libyaml and refused by go-yaml, or the other way round; nobody writes these into a config.
YAML_DIFFERENCES = {
    "yaml-scalar-0337",  # "\/" in double quotes
    "yaml-doc-0409",  # a byte-order mark inside the text
    "yaml-mut-1161",
    "yaml-doc-0612",  # {a ? b}
    "yaml-mut-1097",
    "yaml-rnd-0749",  # a null key inside a value that a later duplicate key replaces
}


def cases(name: str) -> Iterator[dict[str, Any]]:
    path = GOLDEN / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"put the recorded answers at {path} to run this")
    with gzip.open(path, "rt") as lines:
        for line in lines:
            yield json.loads(line)


def same(wanted: Any, got: Any) -> bool:
    """Equal as JSON: 1.0 is 1, true is not 1."""
    if isinstance(wanted, bool) or isinstance(got, bool):
        return wanted is got
    if isinstance(wanted, (int, float)) and isinstance(got, (int, float)):
        return wanted == got or float(wanted) == got
    if isinstance(wanted, dict) and isinstance(got, dict):
        return wanted.keys() == got.keys() and all(same(wanted[key], got[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(got, list):
        return len(wanted) == len(got) and all(map(same, wanted, got))
    return bool(wanted == got)


def yaml_answer(text: str) -> dict[str, Any]:
    try:
        return {"json": goyaml.load(text)}
    except goyaml.YamlError as error:
        return {"error": str(error)}


def test_yaml_is_read_as_go_reads_it() -> None:
    different = set()
    for case in cases("yaml"):
        answers = [each.get("out", each) for each in case.get("nondeterministic", [])] or [case["out"]]
        got = yaml_answer(case["in"]["text"])
        if not any(
            ("error" in answer) == ("error" in got) and ("error" in got or same(answer.get("json"), got["json"]))
            for answer in answers
        ):
            different.add(case["case"])
    assert different - {"yaml-doc-0416"} == YAML_DIFFERENCES  # 0416: keys that meet, any of them may win


def test_regular_expressions_match_as_in_go() -> None:
    for case in cases("regexes"):
        pattern, strings = case["in"]["pattern"], case["in"]["strings"]
        if case.get("error"):
            assert regex.check(pattern) is not None, pattern
            continue
        compiled = regex.compile(pattern)
        assert [compiled.matches(text) for text in strings] == case["out"]["match"], pattern
        groups = [[[found.group(0), *found.groups()] for found in compiled.finditer(text)] for text in strings]
        assert groups == case["out"]["groups"], pattern


def test_durations_are_those_of_go() -> None:
    for case in cases("durations"):
        if case["in"]["form"] != "go":
            continue
        if case.get("error"):
            with pytest.raises(durations.DurationError):
                durations.parse(case["in"]["text"])
        else:
            parsed = durations.parse(case["in"]["text"])
            assert {"ns": int(parsed), "canonical": str(parsed)} == case["out"], case


def test_quantities_are_those_of_kubernetes() -> None:
    for case in cases("quantities"):
        text = case["in"]["text"]
        if case["in"].get("yaml"):
            value = goyaml.load(f"q: {text}\n")["q"]
            text = "0" if value is None else str(value) if type(value) in {int, float, str} else "not a quantity"
        if case.get("error"):
            with pytest.raises(quantities.QuantityError):
                quantities.parse(text)
        else:
            assert quantities.canonical(text) == case["out"]["canonical"], case
            if 0 <= quantities.parse(text).milli < 1 << 63:  # beyond, the original overflows or rounds strangely
                assert str(quantities.parse(text).value) == case["out"]["value"], case
                assert str(quantities.parse(text).milli) == case["out"]["milli"], case


def test_cron_expressions_are_accepted_as_upstream_does() -> None:
    for case in cases("cron"):
        assert (cron.problem(case["in"]["expr"]) is None) == case["out"]["config_valid"], case["in"]["expr"]


def test_cron_expressions_fire_when_upstream_does() -> None:
    for case in cases("cron"):
        text = case["in"]["expr"]
        if not case["out"]["horologium_valid"]:
            with pytest.raises(cron.CronError):
                cron.parse(text)
            continue
        schedule = cron.parse(text)
        assert isinstance(schedule, cron.Every) == case["out"]["immediate"]
        for now, wanted in zip(case["in"]["now"], case["out"]["next"], strict=True):
            moment = datetime.fromisoformat(now)
            for fires in wanted:
                found = schedule.after(moment)
                assert (found and found.strftime("%Y-%m-%dT%H:%M:%SZ")) == fires, (text, now)
                moment = found or moment


def test_html_templates_escape_as_in_go() -> None:
    for case in cases("templates"):
        given = case["in"]
        if given["engine"] != "html" or case["case"] == "tmpl-html-0346":  # a missing key of a map at the top
            continue
        try:
            got = Template.parse(given["template"], html=True).render(GoStruct(given["data"]))
        except TemplateError:
            assert case.get("error"), case
        else:
            assert got == case["out"]["text"], case
