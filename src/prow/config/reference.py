"""The configuration reference: a page of Markdown for each kind of file, made from its schema. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]

_POD = "k8s."
_POD_DOCS = "https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/"


def page(schema: Schema) -> str:
    """Every key of the file with its type, default and meaning, then the same for what the keys hold."""
    lines = [
        f"# {schema['title']}",
        "",
        f"{schema['description']} Made from the types by `make schemas`; do not edit.",
        "",
        "Empty default: empty text, list or mapping, 0, false, or what the description says.",
        "Nothing but what is named `required` has to be there; `null` is the same as not there.",
        "",
        *_table(schema),
    ]
    for name in _reached(schema):
        section = schema["$defs"][name]
        lines += ["", f"## {name}", ""]
        if "description" in section:
            lines += [section["description"], ""]
        lines += _table(section)
    return "\n".join(lines) + "\n"


def _table(section: Schema) -> Iterator[str]:
    required = section.get("required", ())
    yield "| key | type | default | meaning |"
    yield "| --- | --- | --- | --- |"
    for key, schema in section["properties"].items():
        default = f"`{_cell(json.dumps(schema['default'], ensure_ascii=False))}`" if "default" in schema else ""
        default = "required" if key in required else default
        yield f"| `{key}` | {_type(schema)} | {default} | {_cell(schema.get('description', ''))} |"


def _type(schema: Schema) -> str:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        if name.startswith(_POD):
            return f"[{name.removeprefix(_POD).removesuffix('Strict')}]({_POD_DOCS})"
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"] if value)
    if "anyOf" in schema:
        offered, other = schema["anyOf"][0], schema["anyOf"][-1]
        return "text" if "enum" in offered else _type(other)
    if "pattern" in schema:
        return "duration"
    match [kind for kind in _kinds(schema) if kind != "null"]:
        case ["array"]:
            return f"list of {_type(schema['items'])}"
        case ["object"] if "additionalProperties" in schema:
            return f"map to {_type(schema['additionalProperties'])}"
        case ["object"]:
            return "mapping"
        case ["integer"]:
            return "whole number"
        case ["number"]:
            return "number"
        case ["boolean"]:
            return "boolean"
        case ["string", "integer"]:
            return "text or whole number"
        case ["string", "number"]:
            return "quantity"
        case []:
            return "anything"
        case _:
            return "time" if schema.get("format") == "date-time" else "text"


def _kinds(schema: Schema) -> list[str]:
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _reached(schema: Schema) -> list[str]:
    """The definitions in the order in which a reader meets them; Kubernetes' own are left to Kubernetes."""
    order: list[str] = []
    waiting: list[Any] = [{key: part for key, part in schema.items() if key != "$defs"}]
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, dict):
            name = str(part.get("$ref", "")).removeprefix("#/$defs/")
            if name and name not in order and not name.startswith(_POD):
                order.append(name)
                waiting.append(schema["$defs"][name])
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return order


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("\n", " ")
