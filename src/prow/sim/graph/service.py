"""Answering a GraphQL request: parse, validate, execute; errors as GitHub words them."""

from __future__ import annotations

import re
from functools import cache, lru_cache, partial
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
    GraphQLScalarType,
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
from prow.sim.graph import (
    blame,
    branches,
    commits,
    mutations,
    objects,
    people,
    protection,
    pulls,
    releases,
    repositories,
    resolvers,
    reviewing,
    talk,
    talking,
    teams,
    threads,
)
from prow.sim.graph.cost import MOST_NODES, cost_of
from prow.sim.graph.reading import Reading
from prow.sim.graph.resolvers import type_of
from prow.sim.limits import Budget
from prow.sim.payloads import Json
from prow.sim.world import World

_KEPT = 128
_AREAS = (
    resolvers, pulls, repositories, people, commits, objects, blame, releases, protection, talk, teams, threads,
    mutations, talking, reviewing, branches,
)  # fmt: skip
"""Modules with resolvers; of two for one field the later counts."""
_SCALARS = {
    "DateTime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"),
    "GitObjectID": re.compile(r"[0-9a-f]{40}"),
    "GitTimestamp": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)"),
    "URI": re.compile(r"https?://\S+"),
}
"""What GitHub's own scalars look like; all else about an answer is checked as it is made, against the schema."""
_UNKNOWN_FIELD = re.compile(r"Cannot query field '(\w+)' on type '(\w+)'")
_RULES = [rule for rule in specified_rules if rule is not OverlappingFieldsCanBeMergedRule]
"""GitHub lets one name stand for enums of two types in two branches of a union; its own program asks so."""


class Graph:
    """`answer` gives the body of a response; its status is always 200."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def answer(self, body: Any, who: Identity, budget: Budget) -> Json:
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            raise Refused(400, "A query attribute must be specified and must be a string.")
        document, errors = _document(body["query"])
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
            _schema(),
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


@lru_cache(_KEPT)
def _document(text: str) -> tuple[DocumentNode | None, tuple[GraphQLError, ...]]:
    """Programs send the same few queries all the time."""
    try:
        document = parse(text)
    except GraphQLError as error:
        return None, (error,)
    return document, tuple(validate(_schema(), document, _RULES))


def _error(error: GraphQLError) -> Json:
    """`type` stands beside the message. An error that nobody meant is a fault of this simulator and is not hidden."""
    if error.original_error is not None and not isinstance(error.original_error, GraphQLError):
        raise error.original_error
    shown: Json = dict(error.formatted)
    unknown = _UNKNOWN_FIELD.match(error.message)
    if unknown is not None:
        field, kind = unknown.groups()
        about = {"code": "undefinedField", "typeName": kind, "fieldName": field}
        text = f"Field '{field}' doesn't exist on type '{kind}' (the simulator has a part of GitHub's schema)"
        return shown | {"message": text, "extensions": about}
    kind = (shown.pop("extensions", None) or {}).get("type")
    return {"type": kind} | shown if kind else shown


def declared() -> str:
    """The schema as it is served."""
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted(Path(__file__).parent.glob("*.graphql")))


@cache
def _schema() -> GraphQLSchema:
    """Knows of no world: what it is asked about comes with each question."""
    schema = build_schema(declared())
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLInterfaceType | GraphQLUnionType):
            kind.resolve_type = _resolve_type
        elif isinstance(kind, GraphQLScalarType) and name in _SCALARS:
            kind.coerce_output_value = partial(_scalar, name, _SCALARS[name])
        elif isinstance(kind, GraphQLObjectType):
            for area in _AREAS:
                for field, resolver in area.FIELDS.get(name, {}).items():
                    kind.fields[field].resolve = resolver
    return schema


def _resolve_type(source: Any, _: GraphQLResolveInfo[Reading], __: object) -> str:
    return type_of(source)


def _scalar(name: str, pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError(f"{value!r} is no {name}")
    return value
