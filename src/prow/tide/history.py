"""What tide did, newest first, as `/history` shows it (`spec/tide` §6.1). Pure."""

from __future__ import annotations

from datetime import datetime

from prow.model.base import Noun, always
from prow.tide.model import PoolDecision, PoolSnapshot


class Target(Noun, frozen=True):
    number: int = always(0)
    author: str = always("")
    sha: str = always("")
    title: str = always("")
    head_ref: str = always("")


class Record(Noun, frozen=True):
    """One action. Fields are named as in JSON."""

    time: datetime
    action: str = always("")
    baseSHA: str = ""  # noqa: N815
    target: tuple[Target, ...] = ()
    err: str = ""
    tenantids: tuple[str, ...] = always(())


class History:
    """A ring of records for each pool."""

    def __init__(self, *, longest: int = 1000) -> None:
        raise NotImplementedError

    @classmethod
    def read(cls, data: bytes, *, longest: int = 1000) -> History:
        """`msgspec.DecodeError` when it is no history."""
        raise NotImplementedError

    def add(self, pool: str, record: Record) -> None:
        raise NotImplementedError

    def json(self) -> bytes:
        raise NotImplementedError


def record_of(snapshot: PoolSnapshot, decision: PoolDecision, *, error: str = "") -> Record | None:
    """None for actions that are not recorded (`WAIT`, `BLOCKED`)."""
    raise NotImplementedError
