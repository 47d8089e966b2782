"""The one decision about a pool (`spec/tide` §3). Pure, total, deterministic."""

from __future__ import annotations

from prow.tide.model import PoolDecision, PoolSnapshot


def decide(snapshot: PoolSnapshot) -> PoolDecision:
    """What to do about the pool now. `PoolDecision.again_at` says when to ask again without an event."""
    raise NotImplementedError
