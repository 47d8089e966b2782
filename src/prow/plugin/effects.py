"""Effects once: the port through which a plugin writes to the outside, and its twin in memory.

An effect has a key, unique within one delivery and one consumer ("label hold", "comment welcome"). `once` stores the intent
before the write and the answer after it. So a handler may be run again from its start, after an error, after a deadline,
after `kill -9`, or because a person redelivered the webhook: an effect whose answer is known is not repeated, its answer is
given again; an intent without an answer is looked for at the other side (`find`) before it is repeated. The ledger on disk
is `hook.effects_store`; `tests/contract/effects.py` holds both to the same rules.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from prow.lib.errors import Permanent, RateLimited

LONGEST_ANSWER = 1024
"""Characters of an answer that are kept: an id, a name, a commit; never a document."""

Act = Callable[[], Awaitable[str]]
Find = Callable[[], Awaitable[str | None]]


class Effects(Protocol):
    """The ledger as one consumer sees it during one delivery."""

    async def once(self, key: str, *, act: Act, find: Find | None = None) -> str:
        """Do `act` unless it is done; its answer, at most `LONGEST_ANSWER` characters (the rest is cut).

        `find` looks at the other side whether an open intent was carried out and gives its answer, or None: it was not.
        Without `find` the effect must be harmless to repeat (adding a label). Errors of `act` and `find` are raised; after
        one that says that nothing was done (`Permanent`, `RateLimited`) the intent is forgotten, after any other it stays
        open. Two calls with one key at the same time do one effect.
        """
        ...

    async def begun(self, key: str) -> bool:
        """Whether this delivery was handled before as far as this effect: it is done, or its intent is open."""
        ...


def small(answer: str) -> str:
    """What is kept of an answer."""
    return answer[:LONGEST_ANSWER]


def undone(error: BaseException) -> bool:
    """Whether this error proves that the effect did not happen."""
    return isinstance(error, (Permanent, RateLimited))


class MemoryEffects:
    """`Effects` without a disk, for tests of plugins. `answers`: what was done; `open`: intents without an answer."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.open: set[str] = set()
        self._locks: dict[str, asyncio.Lock] = {}

    async def once(self, key: str, *, act: Act, find: Find | None = None) -> str:
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key in self.answers:
                return self.answers[key]
            answer = await find() if key in self.open and find is not None else None
            if answer is None:
                self.open.add(key)
                try:
                    answer = await act()
                except BaseException as error:
                    if undone(error):
                        self.open.discard(key)
                    raise
            self.open.discard(key)
            self.answers[key] = small(answer)
            return self.answers[key]

    async def begun(self, key: str) -> bool:
        return key in self.answers or key in self.open
