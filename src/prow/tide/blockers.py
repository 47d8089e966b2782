"""Issues that stop merges (`spec/tide` §3.5). Pure."""

from __future__ import annotations

from collections.abc import Iterable

from prow.tide.model import Blocker


def branches_of(title: str) -> frozenset[str]:
    """The branches that a title names; none: all of the repository."""
    raise NotImplementedError


def applying(issues: Iterable[Blocker], branch: str) -> tuple[Blocker, ...]:
    """Those of the repository's issues that block this branch, by number, with the title as it is shown."""
    raise NotImplementedError
