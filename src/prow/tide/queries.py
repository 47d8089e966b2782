"""Tide's queries: the search text with dates, their scope, and how far a pull request is from one (`spec/tide` §1.1, §5.3). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from prow.config.tide import TideQuery
from prow.model.pull_facts import PullFacts
from prow.tide.model import PoolRules, QueryGap, Requirements


def dated(query: str, start: datetime | None, end: datetime | None) -> str:
    """The search with its window of `updated`."""
    raise NotImplementedError


def scope(queries: Iterable[TideQuery]) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """The overall scope (§3.5): orgs with their exceptions, and repositories that are named."""
    raise NotImplementedError


def gaps_of(rules: PoolRules, pull: PullFacts, requirements: Requirements) -> tuple[QueryGap, ...]:
    """The distance from each query of the pool, in the order of the configuration."""
    raise NotImplementedError
