"""The documentation of fields: the text after a field's declaration, as it stands in the source of its struct.

Schemas and the reference are made of these texts; nothing that runs needs them, so they are read when they are asked for.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from functools import cache

import msgspec

# Where the fact is written down: for developers, not for who writes a config.
_SOURCE = re.compile(r" ?\(`spec/[^)]*\)")


def field_docs(struct: type[msgspec.Struct]) -> dict[str, str]:
    """Field name → what it means, on one line; inherited fields too, fields without a text are missing."""
    found: dict[str, str] = {}
    for klass in reversed(struct.__mro__):
        if issubclass(klass, msgspec.Struct) and klass is not msgspec.Struct:
            found |= _module_docs(klass.__module__).get(klass.__qualname__, {})
    return found


def struct_doc(struct: type[msgspec.Struct]) -> str:
    """What the struct is, on one line; empty: its source says nothing."""
    return _SOURCE.sub("", _line(struct.__dict__.get("__doc__") or ""))


@cache
def _module_docs(module: str) -> dict[str, dict[str, str]]:
    source = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: _class_docs(node) for node in source.body if isinstance(node, ast.ClassDef)}


def _class_docs(node: ast.ClassDef) -> dict[str, str]:
    docs = {}
    for field, after in zip(node.body, node.body[1:], strict=False):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                docs[name] = _line(text)
            case _:
                pass
    return docs


def _line(text: str) -> str:
    return " ".join(text.split())
