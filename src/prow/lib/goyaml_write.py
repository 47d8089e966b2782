"""YAML as Prow's tools write it (go-yaml v2 over libyaml): keys sorted, two blanks, lists not indented, lines folded at 80.

Texts that would be read as something else are quoted, texts of several lines are literal blocks. `goyaml.load` reads
what comes out as what went in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cmp_to_key
from typing import Any

import yaml

from prow.lib import goyaml

_STAMP = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9].*)?", re.ASCII | re.DOTALL)
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
# Above this, and below its inverse, numbers are written with an exponent.
_EXPONENT_FROM = 1e21


def dump(value: Any) -> str:
    """JSON-like values as one YAML document. Keys are texts."""
    text: str = yaml.emit(_document(value), Dumper=yaml.CDumper, allow_unicode=True)
    # libyaml closes a document whose last scalar may go on; go-yaml does not.
    return text.removesuffix("...\n")


def _document(value: Any) -> Iterator[yaml.Event]:
    yield yaml.StreamStartEvent()
    yield yaml.DocumentStartEvent(explicit=False)
    yield from _events(value)
    yield yaml.DocumentEndEvent(explicit=False)
    yield yaml.StreamEndEvent()


def _events(value: Any) -> Iterator[yaml.Event]:
    if isinstance(value, Mapping):
        yield yaml.MappingStartEvent(None, None, implicit=True, flow_style=not value)
        # go-yaml's order has circles (`1` < `01` < `0a` < `1`): where to begin must not depend on the mapping.
        for key in sorted(sorted(value), key=_order):
            yield _text(key)
            yield from _events(value[key])
        yield yaml.MappingEndEvent()
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield yaml.SequenceStartEvent(None, None, implicit=True, flow_style=not value)
        for item in value:
            yield from _events(item)
        yield yaml.SequenceEndEvent()
    elif isinstance(value, str):
        yield _text(value)
    else:
        yield _scalar(_literal(value), None)


def _scalar(text: str, style: str | None) -> yaml.ScalarEvent:
    return yaml.ScalarEvent(None, None, (True, True), text, style=style)


def _text(text: str) -> yaml.ScalarEvent:
    if "\n" in text:
        return _scalar(text, "|")
    return _scalar(text, None if _is_plain(text) else '"')


def _is_plain(text: str) -> bool:
    """Whether the text, without quotes, is read as itself."""
    special = text == "<<" or _STAMP.fullmatch(text) or _BASE_60.fullmatch(text)
    return not special and goyaml.resolve(text).__class__ is str


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < _EXPONENT_FROM:
            return str(int(value))
        return goyaml.format_float(value)
    return str(value)


def _compare(left: str, right: str) -> int:
    """Numbers inside of texts by their value, letters after everything else."""
    for index, (a, b) in enumerate(zip(left, right, strict=False)):
        if a == b:
            continue
        if a.isalpha() and b.isalpha():
            return -1 if a < b else 1
        if a.isalpha() or b.isalpha():
            return -1 if b.isalpha() else 1
        return _compare_numbers(left, right, index)
    return len(left) - len(right)


def _compare_numbers(left: str, right: str, index: int) -> int:
    number = 0
    if "0" in {left[index], right[index]}:
        before = re.search(r"[0-9]*$", left[:index])
        number = 1 if before is not None and before[0].strip("0") else 0
    ours, our_end = _number(left, index, number)
    theirs, their_end = _number(right, index, number)
    if ours != theirs:
        return ours - theirs
    if our_end != their_end:
        return our_end - their_end
    return -1 if left[index] < right[index] else 1


def _number(text: str, start: int, value: int) -> tuple[int, int]:
    end = start
    while end < len(text) and text[end] in "0123456789":
        value = value * 10 + int(text[end])
        end += 1
    return value, end


_order = cmp_to_key(_compare)
