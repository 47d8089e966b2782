"""Why a pull request is not in the pool (`spec/tide` §2.3, with the conditions of the queries). Pure."""

from __future__ import annotations

from prow.model.decision import Reason
from prow.tide.model import Candidate, PoolRules, PoolSnapshot, QueryGap


def reasons_against(snapshot: PoolSnapshot, candidate: Candidate) -> tuple[Reason, ...]:
    """In the order of the checks; none: it is in the pool."""
    raise NotImplementedError
