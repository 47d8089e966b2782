"""The pools as JSON, by the names that deck and others read (`spec/tide` §6.2). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from prow.tide.model import PoolDecision, PoolSnapshot


def pools_json(pools: Iterable[tuple[PoolSnapshot, PoolDecision, str]]) -> bytes:
    """Snapshot, decision and the error of the last action, of every pool that is not empty."""
    raise NotImplementedError
