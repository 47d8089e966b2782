"""Tide's two documents as deck reads them (`spec/tide` §6.1, §6.2), and as `/tide.js` and `/tide-history.js` pass them on (`spec/deck` §4.4, §4.5)."""

from __future__ import annotations

from datetime import datetime

import msgspec
from msgspec import field

from prow.config.tide import TideQuery
from prow.lib.errors import Permanent
from prow.model.base import Noun, always
from prow.model.refs import Pull

_DEFAULT_TENANTS = frozenset({"", "GlobalDefaultID"})


class TidePull(msgspec.Struct, frozen=True, rename="pascal"):
    title: str = ""
    number: int = 0
    head_ref_oid: str = field(name="HeadRefOID", default="")
    mergeable: str = ""


class TideBlocker(msgspec.Struct, frozen=True, rename="pascal"):
    number: int = 0
    title: str = ""
    url: str = field(name="URL", default="")


class TidePool(msgspec.Struct, frozen=True, rename="pascal"):
    """All pull requests into one branch that tide wants to merge. Go's names; empty lists are null."""

    org: str = ""
    repo: str = ""
    branch: str = ""
    success_prs: tuple[TidePull, ...] | None = field(name="SuccessPRs", default=None)
    pending_prs: tuple[TidePull, ...] | None = field(name="PendingPRs", default=None)
    missing_prs: tuple[TidePull, ...] | None = field(name="MissingPRs", default=None)
    batch_pending: tuple[TidePull, ...] | None = None
    action: str = ""
    target: tuple[TidePull, ...] | None = None
    blockers: tuple[TideBlocker, ...] | None = None
    error: str = ""
    tenant_ids: tuple[str, ...] | None = field(name="TenantIDs", default=None)


class HistoryRecord(Noun, frozen=True, rename={"base_sha": "baseSHA", "tenant_ids": "tenantids"}):
    """One thing that tide did."""

    time: datetime
    action: str = always("")
    base_sha: str = ""
    target: tuple[Pull, ...] = ()
    err: str = ""
    tenant_ids: tuple[str, ...] | None = always(None)


class TideDocument(msgspec.Struct, frozen=True, rename="pascal"):
    """`/tide.js`. `queries` are searches, in the order of `tide_queries`."""

    queries: tuple[str, ...]
    tide_queries: tuple[TideQuery, ...]
    pools: tuple[TidePool, ...] | None


class HistoryDocument(msgspec.Struct, frozen=True, rename="pascal"):
    """`/tide-history.js`."""

    history: dict[str, tuple[HistoryRecord, ...]]


def read_pools(data: bytes) -> tuple[TidePool, ...] | None:
    """None before tide's first pass."""
    try:
        return msgspec.json.decode(data, type=tuple[TidePool, ...] | None)
    except msgspec.DecodeError as error:
        raise Permanent(f"tide's list of pools cannot be read: {error}") from error


def read_history(data: bytes) -> dict[str, tuple[HistoryRecord, ...]]:
    try:
        return msgspec.json.decode(data, type=dict[str, tuple[HistoryRecord, ...]] | None) or {}
    except msgspec.DecodeError as error:
        raise Permanent(f"tide's history cannot be read: {error}") from error


def of_default_tenant(tenant_ids: tuple[str, ...] | None) -> bool:
    """A deck without tenants shows what belongs to none (`spec/tide` §6.3)."""
    return _DEFAULT_TENANTS.issuperset(tenant_ids or ())
