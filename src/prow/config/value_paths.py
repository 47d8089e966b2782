"""Paths of values in a config as people write them: `tide.queries[0].labels`, `presubmits["org/repo"][2].spec`. Pure.

Names without quotes may hold dots where the config has such a key (`presubmits.kubernetes/k8s.io[0]`), so the paths in our
error messages can be given as they are.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from prow.lib.errors import UsageError
from prow.lib.goyaml import Path

_STEP = re.compile(r"""\.?(?P<bare>[^.\[\]"']+)|\[(?P<index>[0-9]+)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*"|'[^']*')\]""")
_PLAIN = re.compile(r"[A-Za-z0-9_/-]+", re.ASCII)
_NEAR = 3


class Step(NamedTuple):
    """`bare`: without quotes, so what follows may belong to the same key."""

    key: str | int
    bare: bool = False


def parse(text: str) -> tuple[Step, ...]:
    """The steps of a path; none for the empty text. Raises UsageError."""
    steps: list[Step] = []
    position = 0
    while position < len(text):
        found = _STEP.match(text, position)
        if found is None:
            raise UsageError(f'{text}: not a path such as tide.queries[0].labels or presubmits["org/repo"][2]')
        if found["bare"] is not None:
            steps.append(Step(found["bare"], bare=True))
        elif found["index"] is not None:
            steps.append(Step(int(found["index"])))
        else:
            quoted = found["quoted"]
            steps.append(Step(json.loads(quoted) if quoted[0] == '"' else quoted[1:-1]))
        position = found.end()
    return tuple(steps)


def spell(path: Path) -> str:
    """The path as `parse` reads it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{json.dumps(step, ensure_ascii=False)}]"
    return text


def find(root: Any, steps: Sequence[Step]) -> tuple[Path, Any]:
    """The exact path and the value there; what is not set has its zero value. Raises UsageError, with what is there instead."""
    value, position = root, 0
    path: Path = ()
    while position < len(steps):
        key, used = _key(value, steps[position:])
        if not used:
            raise UsageError(_missing(value, path, steps[position].key))
        value = _child(value, key)
        path = (*path, key)
        position += used
    return path, value


def _key(value: Any, steps: Sequence[Step]) -> tuple[str | int, int]:
    """The key of the next step, and how many steps it takes; 0: there is none."""
    first = steps[0].key
    if isinstance(value, (list, tuple)):
        index = first if isinstance(first, int) else int(first) if first.isdecimal() else -1
        return index, int(0 <= index < len(value))
    known = _keys(value)
    bare = 1
    while steps[0].bare and bare < len(steps) and steps[bare].bare:
        bare += 1
    for used in range(bare, 0, -1):
        name = ".".join(str(step.key) for step in steps[:used])
        if name in known:
            return name, used
        close = next((key for key in known if key.casefold() == name.casefold()), None)
        if isinstance(value, msgspec.Struct) and close is not None:
            return close, used
    return first, 0


def _keys(value: Any) -> list[str]:
    if isinstance(value, msgspec.Struct):
        return [field.encode_name for field in msgspec.structs.fields(value)]
    return list(value) if isinstance(value, dict) else []


def _child(value: Any, key: str | int) -> Any:
    if isinstance(value, msgspec.Struct):
        name = next(field.name for field in msgspec.structs.fields(value) if field.encode_name == key)
        return getattr(value, name)
    return value[key]


def _missing(value: Any, path: Path, key: str | int) -> str:
    where = spell(path) or "the config"
    if isinstance(value, (list, tuple)):
        return f"{where} has {len(value)} item{'s' * (len(value) != 1)}; there is no [{key}]"
    known = _keys(value)
    if not known:
        return f"{where} has nothing below it; there is no {key}"
    near = difflib.get_close_matches(str(key), known, n=_NEAR)
    return f"{where} has no {key}" + (f"; did you mean {' or '.join(near)}?" if near else "")
