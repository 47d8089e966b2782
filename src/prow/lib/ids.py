"""Ids as a parameter, so that runs can be replayed; and names derived from causes, so that repeats meet themselves."""

from __future__ import annotations

import uuid
from typing import Protocol

_PROW = uuid.UUID("6f7a4d52-94a9-5c1e-8f0b-7c2b2f2f6f10")


class Ids(Protocol):
    def new(self) -> str:
        """A fresh UUID in canonical lower case."""
        ...


class RandomIds:
    def new(self) -> str:
        return str(uuid.uuid4())


class SequentialIds:
    """For tests: `00000000-0000-4000-8000-000000000001` and so on."""

    def __init__(self) -> None:
        self._last = 0

    def new(self) -> str:
        self._last += 1
        return f"00000000-0000-4000-8000-{self._last:012x}"


def named(*cause: str) -> str:
    """The UUIDv5 of a cause: equal causes, equal names. Parts are kept apart, so (`a`, `bc`) is not (`ab`, `c`)."""
    return str(uuid.uuid5(_PROW, "\x1f".join(part.replace("\x1f", " ") for part in cause)))
