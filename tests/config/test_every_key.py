"""Every key of the files, one by one: it is typed, has the default that operators know, and is in schema and reference."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from prow.cli.schema import KINDS, rendered, schema_for
from prow.config.load import load
from prow.config.load_plugins import load_plugins
from prow.config.serialize import tree
from prow.lib import goyaml

SHEET: dict[str, Any] = goyaml.load((Path(__file__).parent / "every_key.yaml").read_bytes())
FILES = [name for name in SHEET if name != "shapes"]
OTHERS = {"owners", "owners-aliases"}
"""Kinds of files that are not configuration of Prow."""

Row = tuple[str, Any]


def written(shape: Any, path: str = "") -> Iterator[Row]:
    """Path → default, as the sheet has it."""
    if isinstance(shape, str) and shape.startswith("$"):
        shape = SHEET["shapes"][shape[1:]]
    if isinstance(shape, list) and shape and not isinstance(shape[0], (dict, str)):
        raise TypeError(path)
    if isinstance(shape, list) and shape and _is_shape(shape[0]):
        yield from written(shape[0], f"{path}[]") if path.count("previously") < 2 else ()
    elif isinstance(shape, dict) and "<>" in shape:
        yield from written(shape["<>"], f"{path}.<>")
    elif isinstance(shape, dict) and shape and "*" not in shape:
        for key, below in shape.items():
            yield from written(below, path) if key == "+" else written(below, f"{path}.{key}" if path else key)
    else:
        yield path, shape


def _is_shape(item: Any) -> bool:
    return isinstance(item, dict) or (isinstance(item, str) and item.startswith("$"))


def typed(kind: Any, value: Any, path: str = "") -> Iterator[Row]:
    """Path → default, as the types have it. `value`: of an empty file, or of what is not set."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {types.UnionType, typing.Union}:
        yield from typed(next(each for each in arguments if each is not type(None)), value, path)
    elif isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        made = kind() if value is None else value
        for field in msgspec.structs.fields(kind):
            below = f"{path}.{field.encode_name}" if path else field.encode_name
            yield from typed(field.type, getattr(made, field.name), below)
    elif origin is tuple and _has_structs(arguments[0]):
        yield from typed(arguments[0], None, f"{path}[]") if path.count("previously") < 2 else ()
    elif origin is dict and _has_structs(arguments[1]):
        yield from typed(arguments[1], None, f"{path}.<>")
    else:
        nothing = {} if origin is dict and value is None else [] if origin is tuple and value is None else value
        yield path, tree(nothing) if nothing is not None else None


def _has_structs(kind: Any) -> bool:
    inner = typing.get_args(kind)
    return (isinstance(kind, type) and issubclass(kind, msgspec.Struct)) or any(_has_structs(each) for each in inner)


def empty(name: str, folder: Path) -> Any:
    """What an empty file means."""
    file = folder / "empty.yaml"
    file.write_text("")
    if name == "config":
        return load(file)
    return load_plugins(file) if name == "plugins" else KINDS[name].root()


def equal(wanted: Any, found: Any) -> bool:
    """Nothing, and an empty list or mapping, are the same."""
    return wanted == found or (wanted in (None, [], {}) and found in (None, [], {}, msgspec.UNSET))


@pytest.mark.parametrize("name", FILES)
def test_every_key_is_there_with_its_default_and_no_other_is(name: str, tmp_path: Path) -> None:
    wanted = dict(written(SHEET[name]))
    found = dict(typed(KINDS[name].root, empty(name, tmp_path)))
    assert found.keys() - wanted.keys() == set(), "keys that the sheet does not list"
    assert wanted.keys() - found.keys() == set(), "keys that nothing reads"
    differ = {path: (wanted[path], found[path]) for path in wanted if not equal(wanted[path], found[path])}
    assert differ == {}
    assert len(wanted) > 10


def test_every_kind_of_configuration_is_in_the_sheet() -> None:
    assert set(FILES) == KINDS.keys() - OTHERS


@pytest.mark.parametrize("name", FILES)
def test_every_key_is_in_the_schema_and_in_the_reference(name: str) -> None:
    schema, page = schema_for(KINDS[name]), rendered(KINDS[name], form="markdown")
    missing = [path for path, _ in written(SHEET[name]) if not list(_described(schema, path))]
    assert missing == []
    keys = {path.replace("[]", "").removesuffix(".<>").rpartition(".")[2] for path, _ in written(SHEET[name])}
    assert {key for key in keys if f"| `{key}` |" not in page} == set()


def _described(schema: dict[str, Any], path: str) -> list[str]:
    """What the schema says about the key at the end of a path."""
    here: dict[str, Any] = schema
    told: list[str] = []
    for step in path.replace("[]", ".[]").split("."):
        while "$ref" in here:
            here = schema["$defs"][here["$ref"].removeprefix("#/$defs/")]
        if "anyOf" in here and "properties" not in here:
            here = here["anyOf"][-1]
        if step == "[]":
            here = here["items"]
        elif step == "<>":
            here = here["additionalProperties"]
        else:
            here = here["properties"][step]
            told = [here["description"]] if here.get("description") else []
    return told
