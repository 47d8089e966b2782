"""The state as records and back: every noun a record with a number, so that cycles and shared things stay what they are.

A record is JSON of a dataclass' fields. Fields that a class has got since are filled with their defaults, fields that it has no more
are dropped: a state file outlives small changes of the nouns.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from prow.sim import accounts, apps, state
from prow.sim.gitrepo import Compared

_MODULES = (state, apps, accounts)
KINDS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (Compared, *(value for module in _MODULES for value in vars(module).values()))
    if isinstance(kind, type) and is_dataclass(kind)
}


_STAMPS: dict[type[Any], Callable[[Any], Any]] = {
    state.Delivery: lambda one: (one.status, one.duration),
    state.Comment: lambda one: (one.updated_at, one.minimized, id(one.user), tuple(map(id, one.reactions))),
    state.IssueEvent: lambda one: id(one.actor),
    state.Status: lambda one: id(one.creator),
}
"""What there is most of, and hardly changes: while this is the same, so is the record."""


class Unreadable(ValueError):
    """The records are not those of a state."""


class Record(NamedTuple):
    kind: str
    data: bytes


class Writer:
    """Numbers things as it meets them; a thing keeps its number from one time to the next. `root`: paths are kept relative to it."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._numbers: dict[int, int] = {}
        self._kept: dict[int, Any] = {}
        self._next = 1
        self._stamped: dict[int, tuple[Any, Record, list[Any]]] = {}

    def known(self, things: Mapping[int, Any]) -> None:
        """Numbers that a reader gave."""
        for number, thing in things.items():
            self._numbers[id(thing)] = number
            self._kept[number] = thing
            self._next = max(self._next, number + 1)

    def records(self, roots: Mapping[str, Any]) -> dict[int, Record]:
        """Everything that can be reached; number 0 are the roots themselves."""
        found: dict[int, Record] = {}
        todo: list[Any] = []
        found[0] = Record("", msgspec.json.encode({name: self._value(value, todo) for name, value in roots.items()}))
        while todo:
            thing = todo.pop()
            number = self._numbers[id(thing)]
            if number not in found:
                found[number] = self._record(number, thing, todo)
        gone = self._kept.keys() - found.keys()
        for number in gone:
            del self._numbers[id(self._kept.pop(number))]
            self._stamped.pop(number, None)
        return found

    def _record(self, number: int, thing: Any, todo: list[Any]) -> Record:
        stamped = _STAMPS.get(type(thing))
        stamp = stamped(thing) if stamped is not None else None
        known = self._stamped.get(number)
        if known is not None and known[0] == stamp:
            todo += known[2]
            return known[1]
        meant: list[Any] = []
        told = {one.name: self._value(getattr(thing, one.name), meant) for one in fields(thing)}
        made = Record(type(thing).__name__, msgspec.json.encode(told))
        if stamped is not None:
            self._stamped[number] = stamp, made, meant
        todo += meant
        return made

    def _value(self, value: Any, todo: list[Any]) -> Any:
        match value:
            case None | bool() | int() | float() | str():
                return value
            case list():
                return [self._value(one, todo) for one in value]
            case tuple():
                return {"tuple": [self._value(one, todo) for one in value]}
            case set() | frozenset():
                return {type(value).__name__: sorted(value)}
            case dict():
                return {"dict": [[self._value(k, todo), self._value(v, todo)] for k, v in value.items()]}
            case datetime():
                return {"time": value.isoformat()}
            case bytes():
                return {"bytes": base64.b64encode(value).decode()}
            case Path():
                return {"path": value.relative_to(self._root).as_posix()}
        if type(value).__name__ not in KINDS:
            raise TypeError(f"{type(value).__name__} has no place in the state")
        if id(value) not in self._numbers:
            self._numbers[id(value)] = self._next
            self._kept[self._next] = value
            self._next += 1
        todo.append(value)
        return {"ref": self._numbers[id(value)]}


def read(root: Path, records: Iterable[tuple[int, str, bytes]]) -> tuple[dict[str, Any], dict[int, Any]]:
    """The roots, and everything by its number."""
    told: dict[int, Any] = {}
    things: dict[int, Any] = {}
    try:
        for number, name, data in records:
            if number and name not in KINDS:
                raise Unreadable(f"it has a {name}, which this version does not know")
            told[number] = msgspec.json.decode(data)
            if number:
                things[number] = object.__new__(KINDS[name])
        for number, thing in things.items():
            for one in fields(thing):
                if one.name in told[number]:
                    value = _restored(told[number][one.name], root, things)
                elif one.default is not MISSING:
                    value = one.default
                elif one.default_factory is not MISSING:
                    value = one.default_factory()
                else:
                    raise Unreadable(f"a {type(thing).__name__} without {one.name}")
                object.__setattr__(thing, one.name, value)
        return {name: _restored(value, root, things) for name, value in told[0].items()}, things
    except (KeyError, TypeError, AttributeError, msgspec.DecodeError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from error


def _restored(value: Any, root: Path, things: Mapping[int, Any]) -> Any:
    match value:
        case list():
            return [_restored(one, root, things) for one in value]
        case {"ref": int(number)}:
            return things[number]
        case {"dict": list(pairs)}:
            return {_restored(k, root, things): _restored(v, root, things) for k, v in pairs}
        case {"tuple": list(items)}:
            return tuple(_restored(one, root, things) for one in items)
        case {"set": list(items)}:
            return set(items)
        case {"frozenset": list(items)}:
            return frozenset(items)
        case {"time": str(text)}:
            return datetime.fromisoformat(text)
        case {"bytes": str(text)}:
            return base64.b64decode(text)
        case {"path": str(text)}:
            return root / text
        case _:
            return value
