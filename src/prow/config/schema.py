"""JSON Schema (draft 2020-12) of configuration files, made from the types that read them.

A schema accepts what Prow's loader accepts, spelled as the keys are declared (the loader takes keys in any case): null
anywhere is "not set", durations are Go's, and where numbers become text they are allowed. Unknown keys are refused, since
that is what an editor is asked for. Values with a known set that may still be others are offered, not demanded.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from prow.config import podspec
from prow.config.decode import keeps_types
from prow.config.field_docs import field_docs, struct_doc
from prow.config.serialize import tree
from prow.lib.durations import Duration

Schema = dict[str, Any]
Override = Callable[["Writer", bool], Schema]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_UNIT = r"(ns|us|µs|μs|ms|s|m|h)"
DURATION = rf"^[-+]?(0|(([0-9]+\.?[0-9]*|\.[0-9]+){_UNIT})+)$"
_SCALARS: dict[Any, list[str]] = {str: ["string"], int: ["integer"], float: ["number"], bool: ["boolean"]}
_POD_SCALARS: dict[str, list[str]] = {
    "s": ["string"], "i": ["integer"], "b": ["boolean"], "q": ["string", "number"], "p": ["string", "integer"],
}  # fmt: skip


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """What types alone do not say: fields with decoders of their own, known values, and what must be there."""

    overrides: Mapping[tuple[type, str], Override] = {}
    values: Mapping[tuple[type, str], Sequence[str]] = {}
    """The only values of a text (or of the texts in it)."""
    offers: Mapping[tuple[type, str], Sequence[str]] = {}
    """Values that an editor may offer; others are fine."""
    required: Mapping[type, Sequence[str]] = {}


class Writer:
    """Collects the definitions of one schema. `coerce`: numbers become text here, as the decoder has it."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self.definitions: dict[str, Schema] = {}
        self._names: dict[tuple[Any, bool], str] = {}

    def of(self, kind: Any, *, coerce: bool) -> Schema:
        """The schema of values of a type."""
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin in {types.UnionType, typing.Union}:
            return self.of(next(each for each in arguments if each is not type(None)), coerce=coerce)
        if origin is tuple:
            return {"type": ["array", "null"], "items": self.of(arguments[0], coerce=coerce)}
        if origin is dict:
            return {"type": ["object", "null"], "additionalProperties": self.of(arguments[1], coerce=coerce)}
        if kind is Any:
            return {}
        if kind is Duration:
            return duration()
        if kind is datetime:
            return {"type": ["string", "null"], "format": "date-time"}
        if kind in _SCALARS:
            return scalar(_SCALARS[kind], coerce=coerce and kind is str)
        return self.struct(kind, coerce=coerce)

    def struct(self, kind: type[msgspec.Struct], *, coerce: bool) -> Schema:
        """A reference to the struct's definition."""
        name, is_new = self._name(kind, kind.__name__, coerce=coerce)
        if is_new:
            self.definitions[name] = self.object(kind, coerce=coerce)
        return {"$ref": f"#/$defs/{name}"}

    def object(self, kind: type[msgspec.Struct], *, coerce: bool) -> Schema:
        """The mapping that a struct is read from."""
        docs, properties = field_docs(kind), {}
        for field in msgspec.structs.fields(kind):
            deep = coerce and not keeps_types(kind, field.name)
            override = _declared(self._rules.overrides, kind, field.name)
            schema = override(self, deep) if override is not None else self.of(field.type, coerce=deep)
            schema = self._with_values(schema, kind, field.name)
            if field.name in docs:
                schema["description"] = docs[field.name]
                if docs[field.name].startswith("Old "):
                    schema["deprecated"] = True
            default = _default(field)
            if default not in (None, "", 0, False, [], {}):
                schema["default"] = default
            properties[field.encode_name] = schema
        result: Schema = {"type": ["object", "null"], "additionalProperties": False, "properties": properties}
        for base in kind.__mro__:
            if base in self._rules.required:
                result["required"] = list(self._rules.required[base])
        doc = struct_doc(kind)
        return {"description": doc, **result} if doc else result

    def pod(self, kind: str, *, coerce: bool) -> Schema:
        """A type of Kubernetes' table, `[]Name` and `{}Name` included."""
        kind = kind.removeprefix("?")
        if kind.startswith("[]"):
            return {"type": ["array", "null"], "items": self.pod(kind[2:], coerce=coerce)}
        if kind.startswith("{}"):
            return {"type": ["object", "null"], "additionalProperties": self.pod(kind[2:], coerce=coerce)}
        if kind == "any":
            return {}
        if kind in _POD_SCALARS:
            return scalar(_POD_SCALARS[kind], coerce=coerce and kind == "s")
        name, is_new = self._name(kind, f"k8s.{kind}", coerce=coerce)
        if is_new:
            properties = {}
            for field, field_kind in podspec.fields_of(kind):
                deep = coerce and podspec.coerces(kind, field)
                properties[field] = self.pod(field_kind, coerce=deep)
            self.definitions[name] = {
                "type": ["object", "null"],
                "additionalProperties": False,
                "properties": properties,
            }
        return {"$ref": f"#/$defs/{name}"}

    def _name(self, kind: Any, name: str, *, coerce: bool) -> tuple[str, bool]:
        """The name of a definition, and whether it has to be made; a type may be needed with and without numbers as text."""
        known = self._names.get((kind, coerce))
        if known is not None:
            return known, False
        if name in self.definitions:
            name += "Text" if coerce else "Strict"
        self._names[kind, coerce] = name
        self.definitions[name] = {}
        return name, True

    def _with_values(self, schema: Schema, kind: type, field: str) -> Schema:
        values = _declared(self._rules.values, kind, field)
        offers = _declared(self._rules.offers, kind, field)
        if values is not None:
            _innermost(schema)["enum"] = [*values, None]
        elif offers is not None:
            inner = _innermost(schema)
            inner["anyOf"] = [{"enum": list(offers)}, {"type": inner.pop("type")}]
        return schema


def schema_of(
    root: type[msgspec.Struct], rules: Rules, *, title: str, description: str, coerce: bool, name: str
) -> Schema:
    """The schema of one kind of file."""
    writer = Writer(rules)
    body = writer.object(root, coerce=coerce)
    return {
        "$schema": DIALECT,
        "$id": f"https://prow.invalid/schemas/{name}.json",
        "title": title,
        **body,
        "description": description,
        "$defs": dict(sorted(writer.definitions.items())),
    }


def duration(*, nanoseconds: bool = False) -> Schema:
    """Go's duration text; `nanoseconds`: or a whole number of them."""
    kinds = ["string", "integer", "null"] if nanoseconds else ["string", "null"]
    return {"type": kinds, "pattern": DURATION}


def scalar(kinds: Sequence[str], *, coerce: bool = False) -> Schema:
    more = [kind for kind in ("number", "boolean") if coerce and kind not in kinds]
    return {"type": [*kinds, *more, "null"]}


def _innermost(schema: Schema) -> Schema:
    """Where the values of a text, of a list of texts or of a mapping of texts are described."""
    while True:
        below = schema.get("items") or schema.get("additionalProperties")
        if not isinstance(below, dict):
            return schema
        schema = below


def _declared(table: Mapping[tuple[type, str], Any], kind: type, field: str) -> Any:
    """What the table says about a field of a struct or of one that it derives from."""
    return next((table[base, field] for base in kind.__mro__ if (base, field) in table), None)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    if isinstance(field.default, msgspec.Struct):
        return None
    if field.default is msgspec.UNSET:
        return None
    if field.default is not msgspec.NODEFAULT:
        return tree(field.default)
    if field.default_factory is not msgspec.NODEFAULT:
        return tree(field.default_factory())
    return None
