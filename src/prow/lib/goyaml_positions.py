"""Where the parts of a YAML text are. The text is read once more; meant for the moment when something is wrong.

Of a key that is there twice, or that a merge brings, the place is that of the value which counts (`goyaml.load`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from prow.lib.goyaml import key_text

_MERGE = "<<"


class _Node:
    """A value: where it begins, and of a collection its children; a mapping has keys and values in turn."""

    __slots__ = ("by_key", "children", "column", "is_map", "line", "plain", "text")

    def __init__(self, event: Any) -> None:
        mark = event.start_mark
        self.line: int = mark.line + 1
        self.column: int = mark.column + 1
        self.is_map = event.__class__ is MappingStartEvent
        self.children: list[_Node] = []
        scalar = event.__class__ is ScalarEvent
        self.text: str | None = event.value if scalar else None
        self.plain = scalar and event.implicit[0]
        self.by_key: dict[str, tuple[_Node, _Node]] | None = None

    def at(self, step: str | int) -> tuple[_Node, _Node] | None:
        """Key and value of one step."""
        if isinstance(step, int):
            listed = not self.is_map and step < len(self.children)
            return (self.children[step], self.children[step]) if listed else None
        return self.keys().get(step) if self.is_map else None

    def keys(self) -> Mapping[str, tuple[_Node, _Node]]:
        """The keys that count, in the order of the text."""
        if self.by_key is None:
            self.by_key = {}  # also for who asks meanwhile: a mapping that merges itself
            for name, value in zip(self.children[::2], self.children[1::2], strict=False):
                if name.text == _MERGE and name.plain:
                    for merged in reversed(value.children) if not value.is_map else (value,):
                        self.by_key.update(merged.keys() if merged.is_map else {})
                elif name.text is not None:
                    self.by_key[key_text(name.text) if name.plain else name.text] = (name, value)
        return self.by_key


class Positions:
    def __init__(self, data: bytes | str) -> None:
        self._root: _Node | None = None
        parser = CParser(data)
        try:
            self._root = _read(parser.get_event)
        except yaml.YAMLError:
            return
        finally:
            parser.dispose()

    def find(self, path: Sequence[str | int], *, key: bool = False) -> tuple[int, int]:
        """Line and column, from 1, of the value at `path` (`key`: of its key), or of the nearest part around it."""
        node = mark = self._root
        for step in path:
            found = node.at(step) if node is not None else None
            if found is None:
                break
            mark, node = (found[0] if key else found[1]), found[1]
        return (mark.line, mark.column) if mark is not None else (0, 0)


def _read(get: Any) -> _Node | None:
    """The first document."""
    event = get()
    while event is not None and event.__class__ not in {DocumentStartEvent, StreamEndEvent}:
        event = get()
    anchors: dict[str, _Node] = {}
    around: list[_Node] = []
    while (kind := (event := get()).__class__) in _VALUES:
        if kind in _ENDS:
            node = around.pop()
        else:
            node = anchors.get(event.anchor) or _Node(event) if kind is AliasEvent else _Node(event)
            if event.anchor is not None:
                anchors[event.anchor] = node
            if around:
                around[-1].children.append(node)
            if kind in _BEGINS:
                around.append(node)
                continue
        if not around:
            return node
    return None


_BEGINS = frozenset({MappingStartEvent, SequenceStartEvent})
_ENDS = frozenset({MappingEndEvent, SequenceEndEvent})
_VALUES = frozenset({ScalarEvent, AliasEvent, *_BEGINS, *_ENDS})
