"""What the page of a pull request shows."""

from __future__ import annotations

import msgspec

from prow.deck.fresh import Known
from prow.deck.model import JobView, safe_link
from prow.model.explanation import Explanation
from prow.model.forge import PullKey


class PullLook(msgspec.Struct, frozen=True):
    """All that the page shows. `known.value` None: tide does not know it, or `known.error` says why nothing is known."""

    key: PullKey
    known: Known[Explanation | None]
    jobs: tuple[JobView, ...]
    connected: bool
    covered: bool
    """Whether one of tide's queries is about its repository."""
    github: str

    @property
    def explanation(self) -> Explanation | None:
        return self.known.value

    @property
    def link(self) -> str:
        """Its page at GitHub: as tide has it, else made from its name."""
        return (safe_link(self.explanation.url) if self.explanation else "") or self.github

    @property
    def current_jobs(self) -> tuple[JobView, ...]:
        """Those of the head commit, if it is known; else all."""
        head = self.explanation.head_sha if self.explanation else ""
        return tuple(job for job in self.jobs if not head or self._is_of(job, head))

    @property
    def earlier_jobs(self) -> tuple[JobView, ...]:
        current = {job.name for job in self.current_jobs}
        return tuple(job for job in self.jobs if job.name not in current)

    def _is_of(self, job: JobView, head: str) -> bool:
        return any(pull.number == self.key.number and pull.sha == head for pull in job.pulls)
