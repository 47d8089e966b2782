"""Whoever wants hook's events: tide, deck. Inside one process hook calls it; else `--event-endpoint NAME=URL` brings it the deliveries."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Protocol

from prow.model.events import Event, EventKind


class Listener(Protocol):
    """A consumer of the inbox of its own: at least once, in order per lane, retried when `take` fails."""

    @property
    def name(self) -> str:
        """Names its progress in the inbox: `tide`, `deck`."""
        ...

    @property
    def kinds(self) -> AbstractSet[EventKind]:
        """What it wants. `GENERIC_COMMENT` is not among them."""
        ...

    async def take(self, event: Event) -> None:
        """Note it; quick and safe to repeat. Raises what `lib.errors` has when it cannot now."""
        ...
