"""YAML as Prow's tools write it (go-yaml v2 over libyaml): keys sorted, two blanks, lists not indented, lines folded at 80.

Texts that would be read as something else are quoted, texts of several lines are literal blocks. `goyaml.load` reads
what comes out as what went in.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cmp_to_key, lru_cache
from typing import Any

import yaml

from prow.lib import goyaml

_STAMP = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9].*)?", re.ASCII | re.DOTALL)
_BASE_60 = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)
# Above this, and below its inverse, numbers are written with an exponent.
_EXPONENT_FROM = 1e21


def dump(value: Any) -> str:
    """JSON-like values as one YAML document. Keys are texts."""
    stream = io.StringIO()
    dumper = yaml.CDumper(stream, allow_unicode=True)
    try:
        dumper.open()
        dumper.emit(yaml.DocumentStartEvent(explicit=False))
        _emit(value, dumper.emit)
        dumper.emit(yaml.DocumentEndEvent(explicit=False))
        dumper.close()
    finally:
        dumper.dispose()
    # libyaml closes a document whose last scalar may go on; go-yaml does not.
    return stream.getvalue().removesuffix("...\n")


def _emit(value: Any, emit: Callable[[yaml.Event], None]) -> None:
    if isinstance(value, str):
        emit(_text(value))
    elif isinstance(value, Mapping):
        emit(_MAPPINGS[not value])
        for key in _ordered(tuple(value)):
            emit(_text(key))
            _emit(value[key], emit)
        emit(_MAPPING_END)
    elif isinstance(value, Sequence):
        emit(_LISTS[not value])
        for item in value:
            _emit(item, emit)
        emit(_LIST_END)
    else:
        emit(_scalar(_literal(value), None))


# Thousands of jobs have the same few keys and texts, and an event may be written many times.
_MAPPINGS = tuple(yaml.MappingStartEvent(None, None, implicit=True, flow_style=empty) for empty in (False, True))
_LISTS = tuple(yaml.SequenceStartEvent(None, None, implicit=True, flow_style=empty) for empty in (False, True))
_MAPPING_END, _LIST_END = yaml.MappingEndEvent(), yaml.SequenceEndEvent()


@lru_cache(4096)
def _ordered(keys: tuple[str, ...]) -> Sequence[str]:
    """go-yaml's order has circles (`1` < `01` < `0a` < `1`): where to begin must not depend on the mapping."""
    return sorted(sorted(keys), key=_order)


def _scalar(text: str, style: str | None) -> yaml.ScalarEvent:
    return yaml.ScalarEvent(None, None, (True, True), text, style=style)


@lru_cache(4096)
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
