"""What all JSON of GitHub shares: times and node ids."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from prow.sim.state import Repo, User

Json = dict[str, Any]


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


def node(kind: str, number: int) -> str:
    return f"{kind}_sim{number}"


class Base:
    """`base`: the address of this GitHub, without a slash at the end. `association`: what somebody is to a repository.

    Good for one moment: what was told of a repository once is told again without looking.
    """

    def __init__(self, base: str, association: Callable[[Repo, User], str] = lambda _, __: "NONE") -> None:
        self.base = base
        self.repos: dict[int, Json] = {}
        self._association = association
        self._associations: dict[tuple[int, int], str] = {}

    def association(self, repo: Repo, user: User) -> str:
        key = (repo.id, user.id)
        if key not in self._associations:
            self._associations[key] = self._association(repo, user)
        return self._associations[key]
