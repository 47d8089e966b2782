"""What all JSON of GitHub shares: times and node ids."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def node(kind: str, number: int) -> str:
    return f"{kind}_sim{number}"


class Base:
    """`base`: the address of this GitHub, without a slash at the end."""

    def __init__(self, base: str) -> None:
        self.base = base
