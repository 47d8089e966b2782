"""A validator for the part of JSON Schema that our schemas use; an unknown keyword is an error, so that none is forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_SILENT = {"$schema", "$id", "$defs", "title", "description", "default", "deprecated", "format", "examples"}
_KINDS = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any] | None = None, at: str = "") -> Iterator[str]:
    """What is wrong with a value, each with where."""
    root = schema if root is None else root
    for keyword, given in schema.items():
        if keyword in _SILENT or keyword == "additionalProperties":
            continue
        match keyword:
            case "$ref":
                yield from problems(value, root["$defs"][given.removeprefix("#/$defs/")], root, at)
            case "type":
                kinds = [given] if isinstance(given, str) else given
                if not any(_KINDS[kind](value) for kind in kinds):
                    yield f"{at}: {value!r:.80} is none of {kinds}"
            case "enum":
                if value not in given:
                    yield f"{at}: {value!r:.80} is none of {given}"
            case "pattern":
                if isinstance(value, str) and not re.search(given, value):
                    yield f"{at}: {value!r} does not match"
            case "anyOf":
                found = [list(problems(value, each, root, at)) for each in given]
                if all(found):
                    yield min(found, key=len)[0]
            case "required":
                if isinstance(value, dict):
                    yield from (f"{at}: {name} is missing" for name in given if name not in value)
            case "items":
                if isinstance(value, list):
                    for index, item in enumerate(value):
                        yield from problems(item, given, root, f"{at}[{index}]")
            case "properties":
                if isinstance(value, dict):
                    for key in value.keys() & given.keys():
                        yield from problems(value[key], given[key], root, f"{at}.{key}")
            case _:
                raise AssertionError(f"the validator does not know {keyword}")
    more = schema.get("additionalProperties")
    if more is not None and isinstance(value, dict):
        for key in value.keys() - schema.get("properties", {}).keys():
            if more is False:
                yield f"{at}.{key}: unknown"
            else:
                yield from problems(value[key], more, root, f"{at}.{key}")
