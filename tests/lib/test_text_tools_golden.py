"""YAML, regular expressions, durations, quantities, cron and templates answer as the original did (recorded answers)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from prow.lib import cron, durations, goyaml, quantities, regex
from prow.lib.gotemplate import Template, TemplateError
from tests.support.data import needs_data, replay, unlike

pytestmark = needs_data

YAML_DIFFERENCES = {
    "yaml-scalar-0337": r"libyaml knows `\/` in double quotes, as YAML 1.2 has it; go-yaml refuses",
    "yaml-doc-0409": "libyaml passes over a byte-order mark in the middle of a text; go-yaml refuses",
    "yaml-mut-1161": "the same mark, at the start of a line",
    "yaml-doc-0612": "libyaml reads `{a ? b}` as two keys; go-yaml refuses",
    "yaml-mut-1097": "the same `?` inside a flow mapping",
    "yaml-rnd-0749": "a null key is refused although a later duplicate replaces the value around it",
}


def answers(case: dict[str, Any]) -> list[dict[str, Any]]:
    """What the original said; more than one where it depends on the order of a Go map."""
    return [each.get("out", each) for each in case.get("nondeterministic", [])] or [case["out"]]


def as_floats(value: Any) -> Any:
    """What Go makes of numbers where it knows no type."""
    if isinstance(value, dict):
        return {key: as_floats(part) for key, part in value.items()}
    if isinstance(value, list):
        return [as_floats(part) for part in value]
    return float(value) if type(value) is int else value


def test_yaml_is_read_as_go_reads_it() -> None:
    def compare(case: dict[str, Any]) -> str:
        duplicates: list[goyaml.Duplicate] = []
        try:
            got = goyaml.load(case["in"]["text"], duplicates=duplicates)
        except goyaml.YamlError as error:
            return "" if any("error" in each for each in answers(case)) else f"refused here: {error}"
        said = ""
        for recorded in answers(case):
            if "error" in recorded:
                said = f"refused there: {recorded['error']}"
                continue
            said = unlike(recorded.get("json"), got)
            said = said or ("float64" in recorded and unlike(recorded["float64"], as_floats(got))) or ""
            # Merged keys are duplicates too in that mode; here they are what a merge is for. And `1` and `"1"` are none there.
            strict = "<<" not in case["in"]["text"] and "nondeterministic" not in case
            if not said and strict and bool(duplicates) is not ("strict_error" in recorded):
                said = f"duplicate keys: {recorded.get('strict_error')!r} there, {duplicates} here"
            if not said:
                break
        return said

    replay("yaml", compare, lines=1179, differences=YAML_DIFFERENCES)


def test_regular_expressions_match_as_in_go() -> None:
    def compare(case: dict[str, Any]) -> str:
        pattern, strings = case["in"]["pattern"], case["in"]["strings"]
        wrong = regex.check(pattern)
        if wrong is not None or case.get("error"):
            return "" if wrong is not None and case.get("error") else f"{case.get('message')!r} there, {wrong!r} here"
        compiled = regex.compile(pattern)
        got = {
            "match": [compiled.matches(text) for text in strings],
            "groups": [[[found.group(0), *found.groups()] for found in compiled.finditer(text)] for text in strings],
        }
        # The alternative matches anything, so that its match tells of all groups.
        match = regex.compile(f"(?:{pattern})|").search("")
        assert match is not None
        got["names"] = [len(match.groups()), sorted(match.groupdict())]
        names = case["out"]["names"] or []
        return unlike({**case["out"], "names": [len(names), sorted(filter(None, names))]}, got)

    replay("regexes", compare, lines=628)


def test_durations_are_those_of_go() -> None:
    def compare(case: dict[str, Any]) -> str:
        try:
            parsed = durations.parse(case["in"]["text"])
        except durations.DurationError as error:
            return "" if case.get("error") else f"refused here: {error}"
        return unlike(case.get("out"), {"ns": int(parsed), "canonical": str(parsed)})

    replay("durations", compare, lines=57, only=lambda case: case["in"]["form"] == "go")


QUANTITY_DIFFERENCES = dict.fromkeys(
    ("q-rnd-13", "q-rnd-17", "q-rnd-40", "q-rnd-114"),
    "below zero Go cuts digits off and adds one, whatever that makes of the number; here it is rounded away from zero",
)
FORMS = {"decimal": "DecimalSI", "binary": "BinarySI", "exponent": "DecimalExponent"}


def in_64_bits(number: int, recorded: str) -> str:
    """Ours is exact. Where Go's 64 bits are too few it answers what is left of them, or 0."""
    wrapped = (number + (1 << 63)) % (1 << 64) - (1 << 63)
    return recorded if wrapped != number and recorded in {str(wrapped), "0"} else str(number)


def test_quantities_are_those_of_kubernetes() -> None:
    def compare(case: dict[str, Any]) -> str:
        text = case["in"]["text"]
        forms = FORMS
        if case["in"].get("yaml"):
            value = goyaml.load(f"q: {text}\n")["q"]
            text = "0" if value is None else str(value) if type(value) in {int, float, str} else "not a quantity"
            forms = {"decimal": ""} if value is None else FORMS
        try:
            quantity, canonical = quantities.parse(text), quantities.canonical(text)
        except quantities.QuantityError as error:
            return "" if case.get("error") else f"refused here: {error}"
        wanted = case["out"]
        got = {
            "canonical": canonical,
            "json": canonical,
            "format": forms[quantity.form],
            "sign": (quantity.nano > 0) - (quantity.nano < 0),
            "value": in_64_bits(quantity.value, wanted["value"]),
            "milli": in_64_bits(quantity.milli, wanted["milli"]),
        }
        return unlike(wanted, got)

    replay("quantities", compare, lines=215, differences=QUANTITY_DIFFERENCES)


def test_cron_expressions_are_accepted_and_fire_as_upstream_does() -> None:
    def compare(case: dict[str, Any]) -> str:
        text = case["in"]["expr"]
        got: dict[str, Any] = {"config_valid": cron.problem(text) is None, "horologium_valid": True}
        try:
            schedule = cron.parse(text)
        except cron.CronError:
            got["horologium_valid"] = False
        else:
            got["immediate"] = isinstance(schedule, cron.Every)
            got["next"] = [firings(schedule, now, 5) for now in case["in"]["now"]]
        wanted = {key: value for key, value in case["out"].items() if key not in {"config_error", "horologium_error"}}
        return unlike(wanted, got)

    replay("cron", compare, lines=200)


def firings(schedule: cron.Schedule, now: str, count: int) -> list[str | None]:
    found: list[str | None] = []
    moment: datetime | None = datetime.fromisoformat(now)
    while moment is not None and len(found) < count:
        moment = schedule.after(moment)
        found.append(moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None)
    return found


def test_html_templates_escape_as_in_go() -> None:
    def compare(case: dict[str, Any]) -> str:
        given = case["in"]
        try:
            got = Template.parse(given["template"], html=True).render(given["data"])
        except TemplateError as error:
            return "" if case.get("error") else f"refused here: {error}"
        return unlike(case.get("out"), {"text": got})

    replay("templates", compare, lines=17, only=lambda case: case["in"]["engine"] == "html")


@pytest.mark.parametrize("number", [(1 << 63) - 1, 1 << 63, -(1 << 63) - 1])
def test_a_number_that_fits_64_bits_is_compared_as_it_is(number: int) -> None:
    fits = number < 1 << 63 and number >= -(1 << 63)
    assert (in_64_bits(number, "0") == "0") is not fits
