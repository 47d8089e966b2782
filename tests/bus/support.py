"""A listener that notes what it takes, and a delivery for it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet

from prow.model.events import Event, EventKind


async def _nothing(_: Event) -> None:
    """Takes it at once."""


class Noting:
    """`first` runs before an event is noted and may refuse it."""

    def __init__(
        self,
        name: str,
        *,
        kinds: AbstractSet[EventKind] = frozenset({EventKind.ISSUE_COMMENT, EventKind.PUSH}),
        first: Callable[[Event], Awaitable[None]] = _nothing,
    ) -> None:
        self.name = name
        self.kinds = kinds
        self.events: list[Event] = []
        self._first = first

    @property
    def guids(self) -> list[str]:
        return [event.guid for event in self.events]

    async def take(self, event: Event) -> None:
        await self._first(event)
        self.events.append(event)


def comment(number: int, text: str) -> bytes:
    """An issue_comment as GitHub sends it."""
    user = {"login": "mia", "id": 7}
    return json.dumps(
        {
            "action": "created",
            "issue": {"number": number, "title": "A change", "user": user, "state": "open"},
            "comment": {"id": 900, "user": user, "body": text},
            "repository": {
                "id": 1,
                "name": "rockets",
                "full_name": "acme/rockets",
                "owner": {"login": "acme", "id": 2},
            },
            "sender": user,
        }
    ).encode()
