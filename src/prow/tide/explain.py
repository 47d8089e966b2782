"""Why a pull request is not merging, gate by gate (`spec/tide` §11.6). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from prow.model.explanation import Explanation, NextStep
from prow.model.pull_facts import PullFacts
from prow.tide.model import PoolDecision, PoolSnapshot
from prow.tide.status import HINTS


def explain(
    snapshot: PoolSnapshot,
    decision: PoolDecision,
    number: int,
    *,
    since: Mapping[str, datetime] | None = None,
    hints: Mapping[str, NextStep] = HINTS,
) -> Explanation:
    """`since`: by name of the gate, when its state last changed. The pull request is one of the snapshot's."""
    raise NotImplementedError


def explain_done(pull: PullFacts) -> Explanation:
    """Of one that is merged or closed."""
    raise NotImplementedError


def explain_uncovered(pull: PullFacts) -> Explanation:
    """Of one that no query is about: tide leaves it alone."""
    raise NotImplementedError
