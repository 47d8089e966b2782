"""GitHub's own OpenAPI description, as a judge: which operation a call is, and what is wrong with its request and its answer.

The description has 13 MB; what is needed of it is kept in a small file beside pytest's cache, and validators are made when they are first used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest

FOREIGN = Path(__file__).parents[1] / "foreign"
OCTOKIT = FOREIGN / "node_modules" / "@octokit"
_FILE = OCTOKIT / "openapi" / "generated" / "api.github.com.json"
_CACHE = Path(__file__).parents[2] / ".pytest_cache"
_FORMAT = 4
"""Raised when the reduced file changes its shape."""

installed = _FILE.exists()
needs_foreign = pytest.mark.skipif(not installed, reason="run `make setup-tests`")

_WITH_SLASHES = frozenset({"path", "ref", "branch", "name", "environment_name", "basehead", "tag"})
_OLD_REF = re.compile(r"/git/refs/(?=.)")
"""The form of `GET …/git/ref/…` that GitHub described before and still answers; upstream's client asks so."""
_OLD_STATUSES = re.compile(r"^(/repos/[^/]+/[^/]+)/statuses/(.+)$")
"""The same of `GET …/commits/…/statuses`."""
_WHOLE_TREE = re.compile(r"/contents/?$")
"""The root folder, whose path is empty."""
_PROSE = frozenset({"description", "title", "example", "examples", "externalDocs", "x-github", "default", "deprecated"})
_OTHER_MEDIA = re.compile(r"application/vnd\.github\.(?:diff|patch|sha|raw|html)|application/octet-stream")
"""Forms that a caller may ask for by `Accept`; the description has only JSON."""


class Operation(msgspec.Struct, frozen=True):
    """`responses`: status → content type → schema; a schema is None where the answer has no body."""

    method: str
    template: str
    responses: dict[str, dict[str, Any]]
    request: Any = None
    query: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.method.upper()} {self.template}"


class _Reduced(msgspec.Struct):
    schemas: dict[str, Any]
    operations: list[Operation]


class Description:
    def __init__(self, reduced: _Reduced) -> None:
        self._schemas = reduced.schemas
        self.operations = {(op.method, op.template): op for op in reduced.operations}
        templates = sorted({op.template for op in reduced.operations}, key=_special, reverse=True)
        self._templates = [(frozenset(re.sub(r"\{[^}]*\}", "", t).split("/")), t) for t in templates]
        self._found: dict[tuple[str, str], Operation | None] = {}
        self._validators: dict[tuple[str, str, str], jsonschema_rs.Validator | None] = {}

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation that a path belongs to; of several templates that fit, the one with the most literal parts."""
        if method == "GET":
            path = _OLD_STATUSES.sub(r"\1/commits/\2/statuses", _OLD_REF.sub("/git/ref/", path))
            path = re.sub(r"/contents/?$", "/contents/.", path)
        path = _WHOLE_TREE.sub("/contents/.", path) or "/"
        key = (method.lower(), path)
        if key not in self._found:
            parts = {"", *path.split("/")}
            near = (t for literal, t in self._templates if literal <= parts and (key[0], t) in self.operations)
            fits = (t for t in near if re.fullmatch(_pattern(t), path))
            self._found[key] = self.operations.get((key[0], next(fits, "")))
        return self._found[key]

    def wrong_request(self, operation: Operation, body: Any) -> str:
        if operation.request is None:
            return "" if body in (None, {}) else "the operation takes no body"
        return self._wrong((operation.name, "request", ""), operation.request, body)

    def wrong_query(self, operation: Operation, names: set[str]) -> str:
        unknown = sorted(names - operation.query)
        return f"unknown query parameters: {', '.join(unknown)}" if unknown else ""

    def wrong_response(self, operation: Operation, status: int, kind: str, body: bytes) -> str:
        """What is wrong with an answer; empty when it is as described. Errors that may happen to any call need not be listed for it."""
        if status == 304 and operation.method == "get":
            return "a body with a 304" if body else ""
        described = operation.responses.get(str(status))
        if described is None:
            if status < 400:
                return f"status {status} is not described, only {', '.join(operation.responses)}"
            described = {"application/json": {"$ref": "#/components/schemas/basic-error"}}
        if not described:
            return f"a body of {len(body)} bytes where none is described" if body and status < 400 else ""
        plain = kind.partition(";")[0]
        if _OTHER_MEDIA.fullmatch(plain):
            return ""
        if plain not in described:
            return f"content type {kind!r} is not described, only {', '.join(described)}"
        if plain != "application/json":
            return ""
        try:
            value = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            return f"not JSON: {error}"
        return self._wrong((operation.name, str(status), plain), described[plain], value)

    def _wrong(self, key: tuple[str, str, str], schema: Any, value: Any) -> str:
        if key not in self._validators:
            self._validators[key] = self._validator(schema)
        validator = self._validators[key]
        if validator is None or validator.is_valid(value):
            return ""
        wrong = [one for one in map(told, validator.iter_errors(value)) if not _erratum(key[0], one)]
        return "; ".join(wrong[:4])

    def _validator(self, schema: Any) -> jsonschema_rs.Validator:
        needed: dict[str, Any] = {}
        todo = list(refs(schema))
        while todo:
            name = todo.pop()
            if name not in needed:
                needed[name] = self._schemas[name]
                todo += refs(needed[name])
        return jsonschema_rs.Draft202012Validator(
            {**schema, "components": {"schemas": needed}}, validate_formats=True, formats={"uri": is_uri}
        )


def is_uri(text: str) -> bool:
    """GitHub itself sends templates with braces where a `uri` is described."""
    return re.match(r"(?:https?|git|ssh|svn|[a-z]+)://\S+|git@\S+", text) is not None


ERRATA = (
    # operation and what a judge who believes its description would say, as regular expressions
    (r".*/deployments/.*statuses.*", r"(?:\d+/)?target_url: \"\" "),  # its own default, which is no address
    (r"GET /app/installations", r"\d+/account: "),  # an account that is a user and an enterprise at once (allOf)
    (r"POST .*/issues/\{issue_number\}/labels", r"\(whole\): \["),  # its prose allows a list of names alone
    (r".*/pulls/.*comments.*", r"(?:\d+/)?(?:position|(?:original_)?line): null "),  # outdated, or on a file as a whole
    (
        r".*/pulls\b.*",
        r"(?:\d+/)?labels/\d+/description: null ",
    ),  # a label without a description; elsewhere it may be null
)


def _erratum(operation: str, wrong: str) -> bool:
    return any(re.fullmatch(where, operation) and re.match(what, wrong) for where, what in ERRATA)


def told(error: Any) -> str:
    where = "/".join(str(part) for part in error.instance_path)
    return f"{where or '(whole)'}: {error.message[-200:]}"


def _special(template: str) -> tuple[int, int]:
    return len(re.sub(r"\{[^}]*\}", "", template).split("/")), len(re.sub(r"\{[^}]*\}", "", template))


def _pattern(template: str) -> str:
    parts = re.split(r"\{([^}]*)\}", template)
    texts = [
        re.escape(part) if i % 2 == 0 else ".+" if part in _WITH_SLASHES else "[^/]+" for i, part in enumerate(parts)
    ]
    return "".join(texts)


def refs(schema: Any) -> Iterator[str]:
    match schema:
        case {"$ref": str(ref)}:
            yield ref.rpartition("/")[2]
        case dict():
            for value in schema.values():
                yield from refs(value)
        case list():
            for value in schema:
                yield from refs(value)


def _converted(schema: Any) -> Any:
    """JSON Schema of an OpenAPI 3.0 schema: `nullable` becomes a type, prose goes."""
    if isinstance(schema, list):
        return [_converted(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    found = {k: _converted(v) for k, v in schema.items() if k not in {*_PROSE, "properties", "nullable"}}
    found = {k: v for k, v in found.items() if not k.startswith("x-")}
    if "oneOf" in found:  # its alternatives are not told apart so well that only one would ever fit
        found["anyOf"] = found.pop("oneOf")
    if "properties" in schema:
        found["properties"] = {name: _converted(part) for name, part in schema["properties"].items()}
    found.pop("discriminator", None)
    if schema.get("nullable") is not True:
        return found
    if len(found.get("allOf", ())) > 1:  # GitHub's own text says "any of" here, the bundled one "all of"
        found["anyOf"] = found.pop("allOf")
    if "type" in found:
        found["type"] = [found["type"], "null"]
        if "enum" in found and None not in found["enum"]:
            found["enum"] = [*found["enum"], None]
        return found
    return {"anyOf": [found, {"type": "null"}]}


def _reduce(source: Mapping[str, Any]) -> _Reduced:
    parts = source["components"]

    def followed(thing: Any, kind: str) -> Any:
        return parts[kind][thing["$ref"].rpartition("/")[2]] if "$ref" in thing else thing

    operations = []
    for template, methods in source["paths"].items():
        for method, op in methods.items():
            responses = {
                status: {ct: _converted(one.get("schema", {})) for ct, one in followed(r, "responses").get("content", {}).items()}
                for status, r in op["responses"].items()
            }  # fmt: skip
            content = op.get("requestBody", {}).get("content", {})
            request = _converted(content["application/json"]["schema"]) if "application/json" in content else None
            query = frozenset(
                p["name"] for p in (followed(p, "parameters") for p in op.get("parameters", ())) if p["in"] == "query"
            )
            operations.append(Operation(method, template, responses, request, query))
    return _Reduced({name: _converted(s) for name, s in parts["schemas"].items()}, operations)


@cache
def description() -> Description:
    """GitHub's description, read once a process."""
    stat = _FILE.stat()
    small = _CACHE / f"github-description-{_FORMAT}-{stat.st_size}-{int(stat.st_mtime)}.json"
    try:
        return Description(msgspec.json.decode(small.read_bytes(), type=_Reduced))
    except (OSError, msgspec.MsgspecError):
        reduced = _reduce(msgspec.json.decode(_FILE.read_bytes()))
    _CACHE.mkdir(exist_ok=True)
    partial = small.with_suffix(f".{os.getpid()}")
    partial.write_bytes(msgspec.json.encode(reduced))
    partial.replace(small)
    return Description(reduced)
