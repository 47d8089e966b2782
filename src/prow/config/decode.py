"""From a YAML tree to typed values, by Go's JSON rules, telling everything that is wrong at once (`spec/config` §8).

A decoder is compiled once from a struct's annotations: keys match exactly, else without regard to case; null means
absent; types are strict (a bare number is no text), except where Prow's loader turns numbers and booleans into text.
Wrong parts are replaced by their zero value and reported with their path; the caller decides what to raise. Rooms add
decoders for types and single fields with `register_type` and `register_field`.
"""

from __future__ import annotations

import contextlib
import types
import typing
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from prow.lib import durations, goyaml
from prow.lib.durations import Duration, DurationError
from prow.lib.goyaml import Path

S = TypeVar("S", bound=msgspec.Struct)
_MOST_UNKNOWN = 500
_MOST_ERRORS = 1_000
# Beyond, nobody has mistyped a name.
_LONGEST_NAME = 100

# A path while decoding: a chain of (what is around, key). It costs one small tuple for each value.
Where = tuple[Any, str | int] | None


class Problem(NamedTuple):
    """`at_key`: the position of the key says more than that of its value. `hint`: the name that may be meant."""

    path: Path
    message: str
    at_key: bool = False
    hint: str = ""


class Report:
    """What was found while decoding one document."""

    __slots__ = ("errors", "unknown")

    def __init__(self) -> None:
        self.errors: list[Problem] = []
        self.unknown: list[Problem] = []

    def wrong(self, where: Where, message: str) -> None:
        if len(self.errors) <= _MOST_ERRORS:
            self.errors.append(Problem(unwind(where), message))

    def unread(self, where: Where, key: str, known: typing.Iterable[str]) -> None:
        """A key that nothing reads. Each costs a search, so only the first of a file are told."""
        if len(self.unknown) < _MOST_UNKNOWN:
            self.unknown.append(unknown_key(unwind((where, key)), known))

    def expected(self, where: Where, wanted: str, value: Any) -> None:
        if len(self.errors) > _MOST_ERRORS:
            return
        path = unwind(where)
        name = f"{spell(path)}: " if path else ""
        self.errors.append(Problem(path, f"{name}expected {wanted}, found {describe(value)}{_advice(wanted, value)}"))


Decoder = Callable[[Any, Where, Report], Any]


def unwind(where: Where) -> Path:
    steps: list[str | int] = []
    while where is not None:
        steps.append(where[1])
        where = where[0]
    return tuple(reversed(steps))


def spell(path: Path) -> str:
    """`presubmits.o/r[3].spec`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _advice(wanted: str, value: Any) -> str:
    """What to write, where one can tell."""
    if wanted == "a list" and isinstance(value, (str, int, float)):
        return "; an item begins with `- `"
    if isinstance(value, str) and isinstance(goyaml.resolve(value), (bool, int)) and wanted in _UNQUOTED:
        return "; leave the quotes away"
    return ""


_UNQUOTED = ("true or false", "a whole number")


def describe(value: Any) -> str:
    """A value in an error message: short, and without what may be secret inside."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {value}"
    if isinstance(value, str):
        return f"the text {value[:40]!r}" + ("…" if len(value) > 40 else "")
    return "a list" if isinstance(value, list) else "a mapping"


_FIELDS: dict[tuple[type, str], Callable[[bool], Decoder]] = {}
_TYPES: dict[Any, Callable[[bool], Decoder]] = {}
_NULLS: set[tuple[type, str]] = set()
_EMBEDDED: set[type] = set()
_COMPILED: dict[tuple[Any, bool], Decoder] = {}


def register_field(struct: type[msgspec.Struct], name: str, make: Callable[[bool], Decoder]) -> None:
    """A decoder of its own for one field, also in derived structs; `make` gets whether numbers become text here."""
    _FIELDS[struct, name] = make


def register_null(struct: type[msgspec.Struct], name: str) -> None:
    """An explicit null is a value of this field, other than nothing."""
    _NULLS.add((struct, name))


def register_type(kind: Any, make: Callable[[bool], Decoder]) -> None:
    _TYPES[kind] = make


def register_embedded(struct: type[msgspec.Struct]) -> None:
    """In Go this struct is embedded in others: the number-to-text conversion does not reach its fields."""
    _EMBEDDED.add(struct)


def decode(struct: type[S], tree: Any, *, report: Report, coerce: bool) -> S:
    """The document as a struct. `coerce`: numbers and booleans become text where text is wanted."""
    value: S = compiled(struct, coerce=coerce)({} if tree is None else tree, None, report)
    return value


def compiled(kind: Any, *, coerce: bool) -> Decoder:
    key = (kind, coerce)
    if key not in _COMPILED:
        # Recursive structs meet themselves here.
        _COMPILED[key] = lambda value, where, report: _COMPILED[key](value, where, report)  # noqa: PLW0108
        _COMPILED[key] = _compile(kind, coerce)
    return _COMPILED[key]


def zero(kind: Any) -> Any:
    """Go's zero value: what null is inside a list or a map."""
    origin = typing.get_origin(kind)
    if kind in {str, int, float, bool, Duration}:
        return kind()
    if origin in {tuple, dict}:
        return origin()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return kind()
    return None


def _compile(kind: Any, coerce: bool) -> Decoder:  # noqa: FBT001
    if kind in _TYPES:
        return _TYPES[kind](coerce)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {types.UnionType, typing.Union}:
        return compiled(next(each for each in arguments if each is not type(None)), coerce=coerce)
    if origin is tuple:
        return _list_of(arguments[0], coerce)
    if origin is dict:
        return _map_of(arguments[1], coerce)
    if kind is Any:
        return lambda value, _where, _report: value
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return struct_decoder(kind, coerce=coerce)
    raise TypeError(f"no decoder for {kind!r}")


def _list_of(item: Any, coerce: bool) -> Decoder:  # noqa: FBT001
    each = compiled(item, coerce=coerce)

    def decode_list(value: Any, where: Where, report: Report) -> tuple[Any, ...]:
        if value.__class__ is not list:
            report.expected(where, "a list", value)
            return ()
        return tuple(
            [zero(item) if part is None else each(part, (where, index), report) for index, part in enumerate(value)]
        )

    return decode_list


def _map_of(item: Any, coerce: bool) -> Decoder:  # noqa: FBT001
    each = compiled(item, coerce=coerce)

    def decode_map(value: Any, where: Where, report: Report) -> dict[str, Any]:
        if value.__class__ is not dict:
            report.expected(where, "a mapping", value)
            return {}
        return {
            key: zero(item) if part is None and item is not Any else each(part, (where, key), report)
            for key, part in value.items()
        }

    return decode_map


def struct_decoder(struct: type[msgspec.Struct], *, coerce: bool) -> Decoder:
    exact: dict[str, tuple[str, Decoder]] = {}
    nulls = {name for owner, name in _NULLS if owner in struct.__mro__}
    for field in msgspec.structs.fields(struct):
        owner = _owner(struct, field.name)
        deep = coerce and owner not in _EMBEDDED
        make = next((_FIELDS[each, field.name] for each in struct.__mro__ if (each, field.name) in _FIELDS), None)
        decoder = make(deep) if make is not None else compiled(field.type, coerce=deep)
        exact[field.encode_name] = (field.name, decoder)
    folded = {name.casefold(): entry for name, entry in exact.items()}

    def decode_struct(value: Any, where: Where, report: Report) -> Any:
        if value.__class__ is not dict:
            report.expected(where, "a mapping", value)
            return struct()
        arguments: dict[str, Any] = {}
        for key, part in value.items():
            entry = exact.get(key)
            if entry is None:
                entry = folded.get(key.casefold())
                if entry is None:
                    report.unread(where, key, exact)
                    continue
            if part is None:
                if entry[0] in nulls:
                    arguments[entry[0]] = None
            elif entry[0] not in arguments or _is_last(key, value):
                arguments[entry[0]] = entry[1](part, (where, key), report)
        return struct(**arguments)

    return decode_struct


def _is_last(key: str, keys: typing.Iterable[str]) -> bool:
    """Of keys that differ in case alone the last one wins, when they are sorted; as in the original."""
    return key == max(each for each in keys if each.casefold() == key.casefold())


def _owner(struct: type[msgspec.Struct], field: str) -> type:
    """The class that declares a field."""
    return next(each for each in reversed(struct.__mro__) if field in each.__dict__.get("__annotations__", {}))  # noqa: RUF063


def keeps_types(struct: type, field: str) -> bool:
    """Whether numbers never become text in this field, whatever the file."""
    return _owner(struct, field) in _EMBEDDED


def unknown_key(path: Path, known: typing.Iterable[str]) -> Problem:
    """A key that nothing reads, with the key that may be meant."""
    key = str(path[-1])
    hint = nearest(key, known)
    return Problem(
        path, f"unknown key {key[:80]!r}" + (f"; did you mean {hint!r}?" if hint else ""), at_key=True, hint=hint
    )


def nearest(name: str, known: typing.Iterable[str]) -> str:
    """The known name that may be meant, or nothing. Case, `-` and `_` do not count."""
    import difflib  # noqa: PLC0415 - only when something is wrong

    if len(name) > _LONGEST_NAME:
        return ""
    plain = {_plain(each): each for each in known}
    close = difflib.get_close_matches(_plain(name), list(plain), n=1)
    return plain[close[0]] if close else ""


def _plain(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")


def _text(coerce: bool) -> Decoder:  # noqa: FBT001
    def decode_text(value: Any, where: Where, report: Report) -> str:
        if value.__class__ is str:
            text: str = value
            return text
        if coerce and isinstance(value, (bool, int, float)):
            return number_text(value)
        if isinstance(value, bool):
            words = "y, yes, on and true" if value else "n, no, off and false"
            found = f"{describe(value)} ({words} mean that)"
            report.wrong(where, f"{spell(unwind(where))}: expected text, found {found}; put it in quotes")
        elif isinstance(value, (int, float)):
            report.wrong(where, f"{spell(unwind(where))}: expected text, found {describe(value)}; put it in quotes")
        else:
            report.expected(where, "text", value)
        return ""

    return decode_text


def number_text(value: float) -> str:
    """What Prow's loader makes of a number or a boolean where text is wanted."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else goyaml.format_float(value)


def _whole(value: Any, where: Where, report: Report) -> int:
    if value.__class__ is float and value.is_integer():
        value = int(value)
    if value.__class__ is not int:
        report.expected(where, "a whole number", value)
        return 0
    if not -(1 << 63) <= value < 1 << 63:
        report.wrong(where, f"{spell(unwind(where))}: the number {value} is too large")
        return 0
    whole: int = value
    return whole


def _number(value: Any, where: Where, report: Report) -> float:
    if value.__class__ not in {int, float}:
        report.expected(where, "a number", value)
        return 0.0
    return float(value)


def _boolean(value: Any, where: Where, report: Report) -> bool:
    if value.__class__ is not bool:
        report.expected(where, "true or false", value)
        return False
    return value is True


def duration(value: Any, where: Where, report: Report) -> Duration:
    """A Go duration, as text."""
    if value.__class__ is not str:
        report.expected(where, "a duration such as 15m", value)
        return Duration(0)
    try:
        return durations.parse(value)
    except DurationError as error:
        report.wrong(where, f"{spell(unwind(where))}: {error}")
        return Duration(0)


def _moment(value: Any, where: Where, report: Report) -> datetime | None:
    moment = None
    if isinstance(value, str) and "T" in value:
        with contextlib.suppress(msgspec.ValidationError):
            moment = msgspec.convert(value, datetime)
    if moment is None or moment.tzinfo is None:
        report.expected(where, "a time such as 2026-01-02T03:04:05Z", value)
        return None
    return moment


register_type(str, _text)
register_type(int, lambda _: _whole)
register_type(float, lambda _: _number)
register_type(bool, lambda _: _boolean)
register_type(Duration, lambda _: duration)
register_type(datetime, lambda _: _moment)
