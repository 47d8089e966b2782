"""The `tide` commit status (`spec/tide` §5.2-5.6). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from prow.model.explanation import NextStep
from prow.model.forge import CommitStatus
from prow.model.pull_facts import HeadContext
from prow.tide.model import PoolDecision, PoolSnapshot

HINTS: Mapping[str, NextStep] = {}
"""Who can do what about a label that is missing or in the way; the service may know better, by name."""


def status_of(
    snapshot: PoolSnapshot, decision: PoolDecision, number: int, *, hints: Mapping[str, NextStep] = HINTS
) -> CommitStatus | None:
    """None: nothing is written now."""
    raise NotImplementedError


def differs(status: CommitStatus, current: HeadContext | None) -> bool:
    """Whether it has to be written (§5.4)."""
    raise NotImplementedError
