"""What every noun shares: frozen structs, JSON as Go writes it, RFC 3339 times.

Upstream's JSON omits empty fields (`omitempty`); some fields are always written. A field declared with `always(value)` is
written even when it is empty, every other field is left out when it has its default.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


class Noun(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A value. Unknown JSON fields are ignored; empty fields are not written."""


def always(value: T) -> Any:
    """A field default that is written to JSON even when the field has it (Go without `omitempty`)."""
    factory: Callable[[], T] = lambda: value  # noqa: E731 - msgspec omits a default, but never a factory's value
    return msgspec.field(default_factory=factory)


def go_time(moment: datetime) -> datetime:
    """Kubernetes' resolution: whole seconds, UTC."""
    return moment.astimezone(UTC).replace(microsecond=0)


_ENCODER = msgspec.json.Encoder()


def to_json(value: object) -> bytes:
    """Compact JSON."""
    return _ENCODER.encode(value)
