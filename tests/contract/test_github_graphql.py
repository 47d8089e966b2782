"""GitHub's published GraphQL schema judges the queries of our client and the schema that the simulator serves."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_ast_schema,
    build_schema,
    parse,
    specified_scalar_types,
    validate,
)

import prow.github
from prow.sim.graph.service import declared
from tests.support.github_description import OCTOKIT, needs_foreign

pytestmark = needs_foreign
_ASKING = {"graphql", "mutate", "_hits"}


@cache
def github() -> GraphQLSchema:
    text = (OCTOKIT / "graphql-schema" / "schema.graphql").read_text(encoding="utf-8")
    return build_ast_schema(parse(text, no_location=True), assume_valid=True, assume_valid_sdl=True)


def operations() -> dict[str, str]:
    """Every operation of our client: the constants of its modules that are one."""
    found = {}
    for module in pkgutil.iter_modules(prow.github.__path__, "prow.github."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, str) and value.lstrip().startswith(("query", "mutation")):
                found[f"{module.name}.{name}"] = value
    return found


def asked() -> Iterator[tuple[str, str]]:
    """(module, name of the constant) of every place where the client asks."""
    for source in Path(prow.github.__path__[0]).glob("*.py"):
        for call in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _ASKING:
                (name,) = [a.id for a in call.args[1:2] if isinstance(a, ast.Name)]
                if name != "text":  # `_hits` hands on what it was given
                    yield f"prow.github.{source.stem}", name


@pytest.mark.parametrize("name", sorted(operations()))
def test_github_understands_every_operation_of_ours(name: str) -> None:
    errors = validate(github(), parse(operations()[name]))
    assert not errors, [error.message for error in errors]


def test_every_operation_that_is_asked_was_judged() -> None:
    places = list(asked())
    assert len(places) >= 10
    assert [f"{module}.{name}" for module, name in places if f"{module}.{name}" not in operations()] == []


def test_the_simulator_serves_a_part_of_githubs_schema() -> None:
    served = build_schema(declared())
    wrong = [
        text
        for name, kind in served.type_map.items()
        if not name.startswith("__") and name not in specified_scalar_types
        for text in differences(kind, github().type_map.get(name))
    ]
    assert wrong == []


def differences(ours: GraphQLNamedType, theirs: GraphQLNamedType | None) -> Iterator[str]:
    """What the simulator declares otherwise than GitHub does."""
    name = ours.name
    if theirs is None or type(ours) is not type(theirs):
        yield f"{name}: GitHub has {type(theirs).__name__ if theirs else 'no such type'}"
        return
    match ours, theirs:
        case GraphQLEnumType(), GraphQLEnumType():
            yield from (f"{name}.{value}: unknown" for value in ours.values.keys() - theirs.values.keys())
        case GraphQLUnionType(), GraphQLUnionType():
            known = {one.name for one in theirs.types}
            yield from (f"{name}: {one.name} is not of it" for one in ours.types if one.name not in known)
        case GraphQLInputObjectType(), GraphQLInputObjectType():
            for field, value in ours.fields.items():
                if field not in theirs.fields or str(value.type) != str(theirs.fields[field].type):
                    yield f"{name}.{field}: {value.type}, at GitHub {theirs.fields.get(field) and theirs.fields[field].type}"
        case ((GraphQLObjectType() | GraphQLInterfaceType()), (GraphQLObjectType() | GraphQLInterfaceType())):
            known = {one.name for one in theirs.interfaces}
            yield from (f"{name} is no {one.name}" for one in ours.interfaces if one.name not in known)
            for field, declared in ours.fields.items():
                there = theirs.fields.get(field)
                if there is None or str(declared.type) != str(there.type):
                    yield f"{name}.{field}: {declared.type}, at GitHub {there and there.type}"
                    continue
                for argument, one in declared.args.items():
                    known_one = there.args.get(argument)
                    if known_one is None or str(one.type) != str(known_one.type):
                        yield f"{name}.{field}({argument}: {one.type}), at GitHub {known_one and known_one.type}"


def test_a_wrong_declaration_is_told() -> None:
    wrong = build_schema("""
        enum IssueState { OPEN LOST }
        type Query { viewer(loud: Boolean): User }
        type User { login: Int!, shoes: Int }
    """)
    told = [
        text
        for name in ("IssueState", "Query", "User")
        for text in differences(wrong.type_map[name], github().type_map[name])
    ]
    assert told == [
        "IssueState.LOST: unknown",
        "Query.viewer: User, at GitHub User!",
        "User.login: Int!, at GitHub String!",
        "User.shoes: Int, at GitHub None",
    ]
