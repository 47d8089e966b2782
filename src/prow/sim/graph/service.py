"""Answering a GraphQL request: parse, validate, execute; errors as GitHub words them."""

from __future__ import annotations

from collections import OrderedDict
from inspect import isawaitable
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    GraphQLUnionType,
    OverlappingFieldsCanBeMergedRule,
    build_schema,
    execute,
    parse,
    specified_rules,
    validate,
)

from prow.sim.accounts import Identity
from prow.sim.errors import Refused
from prow.sim.graph import blame, commits, mutations, people, repositories, resolvers, talk, threads
from prow.sim.graph.cost import MOST_NODES, cost_of
from prow.sim.graph.reading import Reading
from prow.sim.graph.resolvers import type_of
from prow.sim.limits import Budget
from prow.sim.payloads import Json
from prow.sim.world import World

_KEPT = 64
_RULES = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]
"""GitHub lets one name stand for enums of two types in two branches of a union; its own program asks so."""


class Graph:
    """`answer` gives the body of a response; its status is always 200."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._schema = _schema()
        self._parsed: OrderedDict[str, tuple[DocumentNode | None, list[GraphQLError]]] = OrderedDict()

    async def answer(self, body: Any, who: Identity, budget: Budget) -> Json:
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            raise Refused(400, "A query attribute must be specified and must be a string.")
        document, errors = self._document(body["query"])
        if document is None or errors:
            return {"errors": [_error(error) for error in errors]}
        cost = cost_of(document, body.get("operationName"), body.get("variables") or {})
        if cost.nodes > MOST_NODES:
            text = f"This query requests up to {cost.nodes:,} possible nodes which exceeds the maximum limit of {MOST_NODES:,}."
            return {"errors": [{"type": "MAX_NODE_LIMIT_EXCEEDED", "message": text}]}
        budget.used = min(budget.limit, budget.used + cost.points - 1)  # the call itself is the first point
        if cost.write:
            self._world.budgets.admit_content(who)
        result = execute(
            self._schema,
            document,
            context_value=Reading(self._world, who, budget, cost),
            variable_values=body.get("variables") or {},
            operation_name=body.get("operationName"),
        )
        done = await result if isawaitable(result) else result
        assert isinstance(done, ExecutionResult)
        if cost.write and not done.errors:
            self._world.budgets.wrote(who)
            self._world.content_writes += 1
        found: Json = {"data": done.data}
        if done.errors:
            found["errors"] = [_error(error) for error in done.errors]
        return found

    def _document(self, text: str) -> tuple[DocumentNode | None, list[GraphQLError]]:
        """Programs send the same few queries all the time."""
        known = self._parsed.get(text)
        if known is None:
            try:
                document = parse(text)
                known = document, validate(self._schema, document, _RULES)
            except GraphQLError as error:
                known = None, [error]
            self._parsed[text] = known
            if len(self._parsed) > _KEPT:
                self._parsed.popitem(last=False)
        return known


def _error(error: GraphQLError) -> Json:
    """`type` stands beside the message. An error that nobody meant is a fault of this simulator and is not hidden."""
    if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        raise error.original_error
    shown: Json = dict(error.formatted)
    kind = (shown.pop("extensions", None) or {}).get("type")
    return {"type": kind} | shown if kind else shown


def declared() -> str:
    """The schema as it is served."""
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(Path(__file__).parent.glob("*.graphql")))


def _schema() -> GraphQLSchema:
    schema = build_schema(declared())
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            kind.resolve_type = _resolve_type
        elif isinstance(kind, GraphQLObjectType):
            for area in (resolvers, repositories, people, commits, blame, talk, mutations, threads):
                for field, resolver in area.FIELDS.get(name, {}).items():
                    kind.fields[field].resolve = resolver
    return schema


def _resolve_type(source: Any, _: GraphQLResolveInfo[Reading], __: object) -> str:
    return type_of(source)
