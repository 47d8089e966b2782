"""What is known of an open pull request as far as merging it goes: the record that tide keeps, judges and explains.

Names and values are those of GitHub's GraphQL API (`PullRequest`, `mergeStateStatus`, `StatusContext`, `CheckRun`): `spec/tide` §1.2, §2.5.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from prow.model.base import Noun
from prow.model.forge import PullKey


class ContextState(StrEnum):
    """`EXPECTED`: required, and nobody has reported it."""

    SUCCESS = "SUCCESS"
    PENDING = "PENDING"
    FAILURE = "FAILURE"
    ERROR = "ERROR"
    EXPECTED = "EXPECTED"

    @classmethod
    def _missing_(cls, value: object) -> ContextState:
        """A state that GitHub has and we do not know is not a success."""
        del value
        return cls.PENDING


_GOOD = frozenset({"SUCCESS", "NEUTRAL", "SKIPPED"})


def check_run_state(status: str, conclusion: str) -> ContextState:
    """What a check run is worth as a context (`spec/tide` §2.5); REST's lower case is fine."""
    if status.upper() != "COMPLETED":
        return ContextState.PENDING
    return ContextState.SUCCESS if conclusion.upper() in _GOOD else ContextState.FAILURE


class HeadContext(Noun, frozen=True):
    """A commit status or a check run of the head commit. A check run has no description."""

    name: str = ""
    state: ContextState = ContextState.EXPECTED
    description: str = ""
    url: str = ""
    check_run: bool = False


class Mergeable(StrEnum):
    MERGEABLE = "MERGEABLE"
    CONFLICTING = "CONFLICTING"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def _missing_(cls, value: object) -> Mergeable:
        del value
        return cls.UNKNOWN


class PullFacts(Noun, frozen=True):
    """`state`: OPEN, CLOSED or MERGED. `author_type`: User, Bot, Mannequin. `base_sha`: the newest commit of the base branch when
    this was read. `merge_state`: `mergeStateStatus`. `review_decision`: APPROVED, CHANGES_REQUESTED, REVIEW_REQUIRED or empty.
    `base_ref`, `head_ref`: names of branches. `contexts`: those of the head commit. `allowed_methods`: of merge, squash and rebase those
    that the repository allows; empty: not known."""

    org: str = ""
    repo: str = ""
    number: int = 0
    state: str = "OPEN"
    title: str = ""
    body: str = ""
    url: str = ""
    author: str = ""
    author_type: str = "User"
    base_ref: str = ""
    base_sha: str = ""
    head_ref: str = ""
    head_sha: str = ""
    draft: bool = False
    mergeable: Mergeable = Mergeable.UNKNOWN
    merge_state: str = "UNKNOWN"
    can_be_rebased: bool = False
    review_decision: str = ""
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    milestone: str = ""
    contexts: tuple[HeadContext, ...] = ()
    allowed_methods: tuple[str, ...] = ()
    updated_at: datetime | None = None

    @property
    def key(self) -> PullKey:
        return PullKey(self.org, self.repo, self.number)

    def has_label(self, name: str) -> bool:
        """GitHub compares names of labels without regard to case."""
        return any(label.lower() == name.lower() for label in self.labels)
