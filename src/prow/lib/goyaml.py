"""YAML as Prow reads it: go-yaml v2 rules (YAML 1.1 with changes), then JSON (`spec/config` §8).

libyaml's events are walked once and plain values are built at once: dict with text keys, list, str, int, float, bool,
None. An alias shares its anchor's value, so values must not be changed. Only the first document is read. Bombs end in
a `YamlError`: the alias budget is go-yaml's own, depth and size have bounds of ours.

Positions cost nothing until they are asked for: `goyaml_positions` reads the text again and finds the line of a path.
"""

from __future__ import annotations

import base64
import codecs
import re
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from prow.lib.goyaml_errors import YamlError, syntax_error

__all__ = ["Duplicate", "Path", "YamlError", "format_float", "key_text", "load", "resolve"]

Path = tuple[str | int, ...]

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 400
MAX_NODES = 8_000_000

_TAG = "tag:yaml.org,2002:"
_RESOLVED_TAGS = frozenset(_TAG + name for name in ("str", "bool", "int", "float", "null", "timestamp"))
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_DOT_FLOAT = re.compile(r"\.[0-9]+(?:[eE][-+]?[0-9]+)?", re.ASCII)
_TIMESTAMP = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::?[0-9]{2})?))?)?",
    re.ASCII,
)
# Of 2^64 there are 20.
_MOST_DIGITS = 21
_MOST_DUPLICATES = 100
_ANCHOR = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class Duplicate(NamedTuple):
    """A key that is in its mapping already, and where it is; both count from 1. The last one wins."""

    key: str
    line: int
    column: int


class _Open:
    """Stands for an anchored collection that is still being read."""


_OPEN = _Open()
_NO_KEY = object()
_MERGE = object()


def load(
    data: bytes | str,
    *,
    max_bytes: int = MAX_BYTES,
    max_nodes: int = MAX_NODES,
    lines: dict[int, int] | None = None,
    duplicates: list[Duplicate] | None = None,
) -> Any:
    """The first document; None for an empty one. `lines` gets the line of every mapping, by `id()`; `duplicates` the keys that
    replace another one. Raises YamlError."""
    return _Builder(data, max_bytes=max_bytes, max_nodes=max_nodes, lines=lines, duplicates=duplicates).build()


def resolve(text: str) -> Any:
    """What a plain scalar means. Infinities and not-a-number are returned as floats; JSON has none, `load` refuses."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first in "0123456789+-":
        return _number(text)
    if first == "." and _DOT_FLOAT.fullmatch(text):
        value = float(text)
        return text if value in {float("inf"), float("-inf")} else value
    return text


def _number(text: str) -> Any:
    plain = text.replace("_", "")
    found = _INTEGER.fullmatch(plain)
    if found and not (text[0] in "0123456789" and _TIMESTAMP.fullmatch(text)):
        sign, hexadecimal, binary, octal, decimal = found.groups()
        if hexadecimal:
            value = int(hexadecimal, 16)
        elif binary:
            value = int(binary, 2)
        elif octal:
            value = int(octal, 8)
        else:
            # More digits than any number that is kept exactly; Python refuses to convert thousands of them.
            value = int(decimal[:_MOST_DIGITS])
        value = -value if sign == "-" else value
        if -(1 << 63) <= value < (1 << 63) or (not sign and value < (1 << 64)):
            return value
    if _FLOAT.fullmatch(plain):
        number = float(plain)
        return text if number in {float("inf"), float("-inf")} else number
    return text


class _Builder:
    def __init__(
        self,
        data: bytes | str,
        *,
        max_bytes: int,
        max_nodes: int,
        lines: dict[int, int] | None,
        duplicates: list[Duplicate] | None,
    ) -> None:
        if len(data) > max_bytes:
            raise YamlError(f"the file is larger than {max_bytes} bytes")
        self._data = data
        self._lines = lines
        self._duplicates = duplicates
        # By `id()` of a mapping: the keys that merges brought, which are there to be replaced.
        self._merged: dict[int, set[str]] = {}
        self._max_nodes = max_nodes
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._plain: dict[str, Any] = {}
        self._keys: dict[str, str] = {}
        self._count = 0
        self._aliased = 0

    def build(self) -> Any:
        try:
            parser = CParser(self._data)
            try:
                return self._document(parser.get_event)
            finally:
                parser.dispose()
        except yaml.YAMLError as error:
            raise syntax_error(error, self._data) from None

    def _document(self, get: Callable[[], Any]) -> Any:
        event = get()
        while not isinstance(event, DocumentStartEvent):
            if event is None or isinstance(event, StreamEndEvent):
                return None
            event = get()
        if event.version not in {None, (1, 1)}:
            raise _at(event, "only %YAML 1.1 is understood")
        return self._values(get)

    def _values(self, get: Callable[[], Any]) -> Any:  # the hot loop; split, it would cost a third more
        stack: list[tuple[Any, Any, str | None, int]] = []
        container: Any = None
        key: Any = _NO_KEY
        plain, anchors, lines = self._plain, self._anchors, self._lines
        while True:
            event = get()
            kind = event.__class__
            count = self._count = self._count + 1
            direct = True
            if kind is ScalarEvent:
                if event.anchor is None and event.tag is None and event.implicit[0]:
                    text = event.value
                    try:
                        value = plain[text]
                    except KeyError:
                        value = plain[text] = resolve(text)
                    if key is _NO_KEY and container.__class__ is dict:
                        key = _MERGE if text == "<<" else value if value.__class__ is str else self._key(event, value)
                        if key in container:
                            self._again(event, container, key)
                        continue
                else:
                    value = self._scalar(event)
                    if event.anchor is not None:
                        anchors[_name(event)] = (value, 1)
                if value.__class__ is float and not -1.8e308 < value < 1.8e308 and not self._is_key(container, key):
                    raise _at(event, f"{event.value} is not a number that JSON has")
            elif kind is MappingStartEvent or kind is SequenceStartEvent:
                if len(stack) >= MAX_DEPTH:
                    raise _at(event, f"nested deeper than {MAX_DEPTH} levels")
                if key is _NO_KEY and container.__class__ is dict:
                    raise _at(event, "a mapping key must be plain text, not a list or a mapping")
                stack.append((container, key, event.anchor and _name(event), count))
                if event.anchor is not None:
                    anchors[event.anchor] = (_OPEN, 0)
                container = {} if kind is MappingStartEvent else []
                if lines is not None and kind is MappingStartEvent:
                    lines[id(container)] = event.start_mark.line + 1
                key = _NO_KEY
                continue
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                value = container
                container, key, anchor, before = stack.pop()
                if anchor is not None:
                    anchors[anchor] = (value, self._count - before)
            elif kind is AliasEvent:
                value = self._alias(event)
                direct = False
            elif kind is DocumentEndEvent:
                return container
            else:
                raise _at(event, "not a document")
            # A finished value goes where it belongs.
            if container.__class__ is list:
                container.append(value)
            elif container.__class__ is dict:
                if key is _NO_KEY:
                    key = self._key(event, value)
                    if key in container:
                        self._again(event, container, key)
                    continue
                if key is _MERGE:
                    self._merge(event, container, value, direct=direct)
                else:
                    container[key] = value
                key = _NO_KEY
            else:
                self._end(get)
                return value

    @staticmethod
    def _is_key(container: Any, key: Any) -> bool:
        return key is _NO_KEY and container.__class__ is dict

    @staticmethod
    def _end(get: Callable[[], Any]) -> None:
        event = get()
        if not isinstance(event, DocumentEndEvent):
            raise _at(event, "not a document")

    def _alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise _at(event, f"the anchor {event.anchor!r} is not known")
        value, size = self._anchors[_name(event)]
        if value is _OPEN:
            raise _at(event, f"the anchor {event.anchor!r} contains itself")
        self._count += size
        self._aliased += size + 1
        if self._count > self._max_nodes:
            raise _at(event, f"the aliases make more than {self._max_nodes} values")
        if self._aliased > 100 and self._count > 1000 and self._aliased / self._count > _alias_ratio(self._count):
            raise _at(event, "too much of the document is made of aliases")
        return value

    def _scalar(self, event: Any) -> Any:
        tag, text = event.tag, event.value
        if tag is None:
            return resolve(text) if event.implicit[0] else text
        if tag == _TAG + "binary":
            return _binary(event)
        if tag not in _RESOLVED_TAGS or tag == _TAG + "str":
            return text
        value = resolve(text)
        kind = tag.removeprefix(_TAG)
        if kind == "timestamp":
            if _TIMESTAMP.fullmatch(text):
                return text
        elif kind == "float" and type(value) in {int, float}:
            return float(value)
        elif (kind, type(value)) in {("int", int), ("bool", bool), ("null", type(None))}:
            return value
        raise _at(event, f"{text!r} cannot be read as !!{kind}")

    def _key(self, event: Any, value: Any) -> str:
        if value.__class__ is str:
            return self._keys.setdefault(value, value)
        if value.__class__ is bool:
            return "true" if value else "false"
        if value.__class__ is int and value < 1 << 63:
            return str(value)
        if value.__class__ is float:
            return _float_key(value)
        raise _at(event, "a mapping key must be plain text, not " + ("empty" if value is None else "a value like this"))

    def _again(self, event: Any, container: dict[str, Any], key: str) -> None:
        """A key that is there already."""
        brought = self._merged.get(id(container))
        if brought and key in brought:
            brought.remove(key)
        elif self._duplicates is not None and len(self._duplicates) < _MOST_DUPLICATES:
            mark = event.start_mark
            self._duplicates.append(Duplicate(key, mark.line + 1, mark.column + 1))

    def _merge(self, event: Any, container: dict[str, Any], value: Any, *, direct: bool) -> None:
        """`<<`: in the order of the text; of several maps the earlier win."""
        maps = [value] if isinstance(value, dict) else value if isinstance(value, list) and direct else [None]
        for each in reversed(maps):
            if not isinstance(each, dict):
                raise _at(event, "`<<` needs a mapping, or a list of mappings")
            container.update(each)
            if self._duplicates is not None:
                self._merged.setdefault(id(container), set()).update(each)


def _name(event: Any) -> str:
    name: str = event.anchor
    if not _ANCHOR.fullmatch(name):
        raise _at(event, f"the anchor {name!r} has characters other than letters, digits, `_` and `-`")
    return name


def _alias_ratio(count: int) -> float:
    """go-yaml's budget: 99 % of a small document may come from aliases, 10 % of one with four million values."""
    low, high = 400_000, 4_000_000
    if count <= low:
        return 0.99
    return 0.10 if count >= high else 0.99 - 0.89 * (count - low) / (high - low)


def _binary(event: Any) -> str:
    try:
        data = base64.b64decode(event.value.replace("\r", "").replace("\n", "").encode(), validate=True)
    except ValueError:
        raise _at(event, "the !!binary value is not base64") from None
    return data.decode("utf-8", "go-replace")


def _go_replace(error: UnicodeError) -> tuple[str, int]:
    """One U+FFFD for each byte that is not UTF-8."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\ufffd" * (error.end - error.start), error.end


codecs.register_error("go-replace", _go_replace)


def _float_key(value: float) -> str:
    """Shortest text of the nearest 32-bit float, as Go's `FormatFloat(v, 'g', -1, 32)`."""
    if value != value:  # noqa: PLR0124 - not a number
        return ".nan"
    try:
        nearest = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        nearest = float("inf") if value > 0 else float("-inf")
    if nearest in {float("inf"), float("-inf")}:
        return ".inf" if nearest > 0 else "-.inf"
    for precision in range(9):
        text = f"{nearest:.{precision}e}"
        if struct.unpack("f", struct.pack("f", float(text)))[0] == nearest:
            break
    return _go_g(text)


def format_float(value: float) -> str:
    """Go's `FormatFloat(v, 'g', -1, 64)`: what a number becomes where text is wanted (`5.319e+10`)."""
    return _go_g(next(text for p in range(18) if float(text := f"{value:.{p}e}") == value))


def _go_g(scientific: str) -> str:
    """Go's `%g` of the shortest digits, given as `d.ddde±xx`: exponent form below 1e-4 and from 1e6."""
    mantissa, _, exponent_text = scientific.partition("e")
    exponent = int(exponent_text)
    if exponent < -4 or exponent >= 6:
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
    decimals = max(0, len(mantissa.lstrip("-").replace(".", "")) - 1 - exponent)
    return f"{float(scientific):.{decimals}f}"


def _at(event: Any, message: str) -> YamlError:
    mark = event.start_mark
    return YamlError(message, line=mark.line + 1, column=mark.column + 1)


def key_text(text: str) -> str:
    """What a plain scalar is as a key."""
    value = resolve(text)
    if isinstance(value, bool):
        return "true" if value else "false"
    return _float_key(value) if isinstance(value, float) else str(value)
