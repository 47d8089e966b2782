"""The debug page from which `prow budget` learns what a process spends at GitHub: all its clients, as JSON."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from prow.github.spending import Account
from prow.lib.errors import Permanent

PAGE = "/debug/github"


class Accounts(msgspec.Struct, frozen=True):
    accounts: tuple[Account, ...] = ()


def page(accounts: Iterable[Account]) -> bytes:
    return msgspec.json.encode(Accounts(tuple(accounts)))


def parsed(body: bytes, *, source: str) -> tuple[Account, ...]:
    """Raises Permanent with one line when it is something else."""
    try:
        return msgspec.json.decode(body, type=Accounts).accounts
    except msgspec.DecodeError as error:
        raise Permanent(f"{source} does not tell what is spent at GitHub: {error}") from error
