"""Recorded answers and real configs beside the checkout, used when they are there."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

DATA = Path(__file__).parents[2].parent / "shared" / "data"
METAL3 = DATA / "metal3"

needs_data = pytest.mark.skipif(not DATA.exists(), reason="put the recorded answers and configs into ../shared/data")


def golden(name: str) -> Iterator[dict[str, Any]]:
    """The cases of one recorded file: `{"case", "in", "out"}`."""
    with gzip.open(DATA / "golden" / f"{name}.jsonl.gz") as lines:
        for line in lines:
            yield msgspec.json.decode(line)


def replay(
    name: str,
    compare: Callable[[dict[str, Any]], str],
    *,
    lines: int,
    differences: Mapping[str, str] = MappingProxyType({}),
    only: Callable[[dict[str, Any]], bool] = bool,
) -> None:
    """Ask `compare` about every recorded line: empty when we answer the same, else what differs.

    `lines`: how many there are, so that none is passed over. `differences`: the lines where we differ on purpose, each with its reason;
    one that has become equal fails too.
    """
    cases = [case for case in golden(name) if only(case)]
    assert len(cases) == lines
    found = {case["case"]: said for case in cases if (said := compare(case))}
    unexpected = {case: said for case, said in found.items() if case not in differences}
    assert not unexpected, f"{len(unexpected)} of {name}: " + "\n".join(
        f"{case}: {said}" for case, said in list(unexpected.items())[:10]
    )
    stale = sorted(differences.keys() - found.keys())
    assert not stale, f"these answer as recorded by now, take them off the list: {stale}"


def unlike(wanted: Any, got: Any, *, where: str = "") -> str:
    """Where two values first differ, as JSON: 1.0 is 1, true is not 1. Empty: nowhere."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        for key in [*wanted, *(key for key in got if key not in wanted)]:
            below = f"{where}.{key}"
            if (key in wanted) is not (key in got):
                return f"{below}: {wanted.get(key, 'nothing')!r:.200} recorded, {got.get(key, 'nothing')!r:.200} here"
            if said := unlike(wanted[key], got[key], where=below):
                return said
        return ""
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        parts = (
            unlike(one, other, where=f"{where}[{i}]") for i, (one, other) in enumerate(zip(wanted, got, strict=True))
        )
        return next(filter(None, parts), "")
    numbers = {type(wanted), type(got)} == {int, float}
    if (type(wanted) is type(got) and wanted == got) or (numbers and float(wanted) == float(got)):
        return ""
    return f"{where}: {wanted!r:.200} recorded, {got!r:.200} here"


def without_nothing(value: Any) -> Any:
    """Without what Go omits: empty and missing are the same."""
    if isinstance(value, dict):
        small = {key: without_nothing(part) for key, part in value.items()}
        return {key: part for key, part in small.items() if part not in (None, [], {}, "", 0, False)}
    return [without_nothing(part) for part in value] if isinstance(value, (list, tuple)) else value
