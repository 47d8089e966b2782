"""The form of GitHub's answers to GraphQL, as its reference tells it.

What is in `data` is checked while it is made, by a library that knows nothing of the simulator, against a schema that is a part of
GitHub's own (`tests/contract/test_github_graphql.py`).
"""

from __future__ import annotations

from typing import Any

import msgspec

_OK, _FIRST_ERROR = 200, 400


class _Place(msgspec.Struct, forbid_unknown_fields=True):
    line: int
    column: int


class _Error(msgspec.Struct, forbid_unknown_fields=True):
    message: str
    type: str | msgspec.UnsetType = msgspec.UNSET
    path: list[str | int] | msgspec.UnsetType = msgspec.UNSET
    locations: list[_Place] | msgspec.UnsetType = msgspec.UNSET
    extensions: dict[str, Any] | msgspec.UnsetType = msgspec.UNSET


class _Answer(msgspec.Struct, forbid_unknown_fields=True):
    data: dict[str, Any] | msgspec.UnsetType | None = msgspec.UNSET
    errors: list[_Error] | msgspec.UnsetType = msgspec.UNSET


class _Refusal(msgspec.Struct):
    message: str
    documentation_url: str


def wrong_answer(status: int, kind: str, body: bytes) -> str:
    """What is wrong with an answer; empty when it is as described."""
    if kind.partition(";")[0] != "application/json":
        return f"content type {kind!r}"
    try:
        if status != _OK:
            msgspec.json.decode(body, type=_Refusal)
            return "" if status >= _FIRST_ERROR else f"status {status}"
        answer = msgspec.json.decode(body, type=_Answer)
    except msgspec.MsgspecError as error:
        return str(error)
    if answer.errors == []:
        return "a list of no errors"
    if not answer.data and answer.errors is msgspec.UNSET:
        return "neither data nor errors"
    return ""
