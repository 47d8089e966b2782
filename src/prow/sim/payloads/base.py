"""What all JSON of GitHub shares: times and node ids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from prow.sim.state import Repo, User

Json = dict[str, Any]


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def node(kind: str, number: int) -> str:
    return f"{kind}_sim{number}"


class Base:
    """`base`: the address of this GitHub, without a slash at the end. `association`: what somebody is to a repository."""

    def __init__(self, base: str, association: Callable[[Repo, User], str] = lambda _, __: "NONE") -> None:
        self.base = base
        self.association = association
