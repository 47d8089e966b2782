"""GitHub's JSON → typed values, from the bytes.

Go reads `null` as "absent" where our nouns have no None. GitHub seldom sends such a null, so it costs nothing until a value
does not fit: then it is tried once more without its nulls.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Misfit(ValueError):
    """Not JSON, or not of this type. The text is one line and names the place."""


def decoded(body: bytes, kind: type[T]) -> T:
    """`body` as a `kind`. Raises Misfit."""
    try:
        value: T = _decoder(kind).decode(body)  # type: ignore[arg-type]
        return value
    except msgspec.ValidationError as error:
        first = str(error)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Misfit(str(error)) from None
    try:
        return msgspec.convert(_without_nulls(msgspec.json.decode(body)), kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Misfit(first) from None


@lru_cache(maxsize=128)
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value if inner is not None]
    return value
