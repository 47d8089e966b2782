"""An effective config as upstream's deck writes it (`spec/config` §1.10): JSON keys, Go's rules about what is left out.

`to_json` leaves out what has its default; here defaults are written, since they are what people want to see. Left out are
Go's zero values: an empty text, list or mapping, 0, false, nothing. Sections that are values in Go (`pipeline: {}`) always
appear; what is a pointer there (here: may be None) appears whenever it is set, an explicit `false` too.
"""

from __future__ import annotations

import types
import typing
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from prow.config.config import JobConfig
from prow.config.job import Preset
from prow.config.sections import Deck
from prow.lib.durations import Duration

_ZEROS: tuple[Any, ...] = ("", 0, False, None, (), {}, [])
# Pointers in Go although they have a default here: an explicit zero is shown.
_POINTERS = frozenset({"max_revivals"})


class _Field(typing.NamedTuple):
    name: str
    key: str
    always: bool
    null: bool
    """Whether null is a value."""


def tree(value: Any) -> Any:
    """The value as JSON-like data."""
    if isinstance(value, msgspec.Struct):
        written = {}
        for field in _fields(type(value)):
            part = getattr(value, field.name)
            if not field.always and _is_zero(part):
                continue
            if part is msgspec.UNSET or (part is None and not field.null):
                continue
            written[field.key] = tree(part)
        return _as_in_go(value, written)
    if isinstance(value, dict):
        return {key: tree(part) for key, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [tree(part) for part in value]
    if isinstance(value, Duration):
        return str(value)
    if isinstance(value, datetime):
        return msgspec.to_builtins(value)
    return value


def without_jobs(config: JobConfig) -> dict[str, Any]:
    """The config's settings and presets."""
    settings: dict[str, Any] = tree(
        msgspec.structs.replace(config, presubmits={}, postsubmits={}, periodics=(), prow_ignored=None)
    )
    return settings


def _as_in_go(struct: msgspec.Struct, written: dict[str, Any]) -> dict[str, Any]:
    """Two structs differ from the rule: lists of presets are null when they are empty, and the old form of deck's
    authorisation is gone once it is turned into the new one."""
    if isinstance(struct, Preset):
        return {"labels": None, "env": None, "volumes": None, "volumeMounts": None} | written
    if isinstance(struct, Deck) and struct.default_rerun_auth_configs:
        written.pop("rerun_auth_configs", None)
    return written


def _is_zero(value: Any) -> bool:
    return not isinstance(value, (Duration, msgspec.Struct)) and value in _ZEROS


@cache
def _fields(struct: type[msgspec.Struct]) -> tuple[_Field, ...]:
    return tuple(
        _Field(
            field.name,
            field.encode_name,
            always=_is_always(field) or field.default is msgspec.UNSET,
            null=field.default is msgspec.UNSET,
        )
        for field in msgspec.structs.fields(struct)
    )


def _is_always(field: msgspec.structs.FieldInfo) -> bool:
    """`always(...)`, structs that are values, and pointers: whatever is there is written."""
    if field.default_factory is not msgspec.NODEFAULT or field.name in _POINTERS:
        return field.default_factory not in {dict, list}
    origin = typing.get_origin(field.type)
    if origin in {types.UnionType, typing.Union}:
        # A list behind `omitempty` is left out when it is empty, pointer or not.
        return not any(typing.get_origin(part) in {tuple, dict} for part in typing.get_args(field.type))
    return isinstance(field.type, type) and issubclass(field.type, msgspec.Struct)
