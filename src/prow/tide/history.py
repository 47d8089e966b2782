"""What tide did, newest first, as `/history` shows it (`spec/tide` §6.1). Pure."""

from __future__ import annotations

from collections import deque
from datetime import datetime

import msgspec

from prow.model.base import Noun, always, to_json
from prow.tide.model import Action, PoolDecision, PoolSnapshot

_RECORDED = frozenset({Action.TRIGGER, Action.TRIGGER_BATCH, Action.MERGE, Action.MERGE_BATCH})


class Target(Noun, frozen=True):
    number: int = always(0)
    author: str = always("")
    sha: str = always("")
    title: str = always("")
    head_ref: str = always("")


class Record(Noun, frozen=True):
    """One action. Fields are named as in JSON. `tenantids`: of the pool's jobs; the empty one stands for those that have none."""

    time: datetime
    action: str = always("")
    baseSHA: str = ""  # noqa: N815
    target: tuple[Target, ...] = ()
    err: str = ""
    tenantids: tuple[str, ...] = always(())


class History:
    """A ring of records for each pool; pools are never forgotten."""

    def __init__(self, *, longest: int = 1000) -> None:
        self._longest = longest
        self._records: dict[str, deque[Record]] = {}

    @classmethod
    def read(cls, data: bytes, *, longest: int = 1000) -> History:
        """Of each pool the newest are kept. `msgspec.DecodeError` when it is no history."""
        history = cls(longest=longest)
        kept = msgspec.json.decode(data, type=dict[str, tuple[Record, ...] | None])
        for pool, records in kept.items():
            history._records[pool] = deque((records or ())[:longest], maxlen=longest)
        return history

    def add(self, pool: str, record: Record) -> None:
        self._records.setdefault(pool, deque(maxlen=self._longest)).appendleft(record)

    def of(self, pool: str) -> tuple[Record, ...]:
        """Newest first."""
        return tuple(self._records.get(pool, ()))

    def json(self) -> bytes:
        return to_json({pool: tuple(self._records[pool]) for pool in sorted(self._records)})


def record_of(snapshot: PoolSnapshot, decision: PoolDecision, *, error: str = "") -> Record | None:
    """None for actions that are not recorded (`WAIT`, `BLOCKED`)."""
    if decision.action not in _RECORDED:
        return None
    pulls = {each.pull.number: each.pull for each in snapshot.candidates}
    return Record(
        time=snapshot.now,
        action=decision.action.value,
        baseSHA=decision.base_sha,
        target=tuple(
            Target(
                number=n,
                author=pulls[n].author,
                sha=pulls[n].head_sha,
                title=pulls[n].title,
                head_ref=pulls[n].head_ref,
            )
            for n in sorted(decision.target)
            if n in pulls
        ),
        err=error,
        tenantids=tenants_of(snapshot),
    )


def tenants_of(snapshot: PoolSnapshot) -> tuple[str, ...]:
    """Rows do not tell a tenant: all jobs on this base are of the one without a name."""
    return ("",) if any(row.base_sha == snapshot.base_sha for row in snapshot.jobs) else ()
