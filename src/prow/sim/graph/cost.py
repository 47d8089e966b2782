"""What a query costs, as GitHub computes it from its text alone, before anything is read. No I/O.

Each list is one request for each of its possible parents; a hundred requests are a point, and every query costs one at least. All nodes
of all lists together may be half a million.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)

MOST_NODES = 500_000
_REQUESTS_A_POINT = 100


@dataclass(frozen=True)
class Cost:
    """`write`: it is a mutation."""

    points: int = 1
    nodes: int = 0
    write: bool = False


def cost_of(document: DocumentNode, operation: str | None, variables: Mapping[str, Any]) -> Cost:
    """Of the operation of that name, or of the only one."""
    fragments = {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}
    found = [
        d
        for d in document.definitions
        if isinstance(d, OperationDefinitionNode) and operation in {None, "", d.name.value if d.name else None}
    ]
    if not found:
        return Cost()
    counted = _Counted(fragments, variables)
    counted.walk(found[0].selection_set, 1)
    points = max(1, (counted.requests + _REQUESTS_A_POINT // 2) // _REQUESTS_A_POINT)
    return Cost(points, counted.nodes, write=found[0].operation is OperationType.MUTATION)


class _Counted:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], variables: Mapping[str, Any]) -> None:
        self._fragments = fragments
        self._variables = variables
        self.requests = 0
        self.nodes = 0

    def walk(self, selection: SelectionSetNode | None, parents: int) -> None:
        for one in selection.selections if selection is not None else ():
            match one:
                case FieldNode():
                    size = self._size(one)
                    if size is not None:
                        self.requests += parents
                        self.nodes += parents * size
                    self.walk(one.selection_set, parents if size is None else parents * size)
                case InlineFragmentNode():
                    self.walk(one.selection_set, parents)
                case FragmentSpreadNode():
                    fragment = self._fragments.get(one.name.value)
                    self.walk(fragment.selection_set if fragment is not None else None, parents)

    def _size(self, field: FieldNode) -> int | None:
        """How many are asked for, where the field is a list."""
        for argument in field.arguments or ():
            if argument.name.value in {"first", "last"}:
                value = argument.value
                if isinstance(value, IntValueNode):
                    return int(value.value)
                if isinstance(value, VariableNode):
                    given = self._variables.get(value.name.value)
                    return given if isinstance(given, int) else None
        return None
