"""How a pull request is merged: the method, and the text of the commit (`spec/tide` §4.1, §4.2). Pure."""

from __future__ import annotations

from prow.config.tide import Tide
from prow.model.pull_facts import PullFacts
from prow.tide.model import PoolRules


def method_of(rules: PoolRules, labels: tuple[str, ...]) -> str | None:
    """`merge`, `squash` or `rebase`; None when labels contradict each other."""
    raise NotImplementedError


def commit_text(tide: Tide, pull: PullFacts) -> tuple[str, str]:
    """Title and body of the commit; empty ones are left to GitHub, as is one whose template fails."""
    raise NotImplementedError
