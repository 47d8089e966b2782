"""Tide's nouns: the pool as it is judged, what is known of each pull request in it, and what was decided (`spec/tide` §2, §3).

The service fills a `PoolSnapshot` and hands it to `decide.decide`. All that the status, the explanation, `/` and the history show comes
out of the `PoolDecision` that it gets back, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from prow.config.job import Presubmit
from prow.config.tide import TidePriority, TideQuery
from prow.jobs.index import JobRow
from prow.lib import regex
from prow.model.base import Noun
from prow.model.decision import Decision, Reason
from prow.model.pull_facts import HeadContext, PullFacts

TIDE = "tide"
"""The context that tide writes, and the only one that it does not judge."""


class PoolKey(NamedTuple):
    """All pull requests into one branch."""

    org: str
    repo: str
    branch: str

    def __str__(self) -> str:
        return f"{self.org}/{self.repo}:{self.branch}"


class Action(StrEnum):
    """What is done about a pool. `/` and `/history` show these words."""

    WAIT = "WAIT"
    TRIGGER = "TRIGGER"
    TRIGGER_BATCH = "TRIGGER_BATCH"
    MERGE = "MERGE"
    MERGE_BATCH = "MERGE_BATCH"
    BLOCKED = "BLOCKED"


class Blocker(Noun, frozen=True):
    """An open issue that stops all merges into a branch."""

    number: int = 0
    title: str = ""
    url: str = ""


class Refusal(Noun, frozen=True):
    """GitHub refused to merge this head at `at`, for `message`; it is not tried again before `until`. `count`: refusals in a row."""

    head_sha: str = ""
    message: str = ""
    at: datetime | None = None
    until: datetime | None = None
    count: int = 1


class Policy(msgspec.Struct, frozen=True):
    """Which contexts a merge of this pull request needs (§2.4), the settled result of all levels. Made by `contexts.policy_for`."""

    required: frozenset[str] = frozenset()
    if_present: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    optional_regexes: tuple[regex.Regex, ...] = ()
    skip_unknown: bool = False


class Requirements(msgspec.Struct, frozen=True):
    """What one pull request has to fulfil: contexts, and the presubmits to pass on the newest base (§2.2, §2.4).

    Holds as long as config, head commit and changed files stay the same (with jobs from the repository: and the base). Made by
    `required.requirements_of`; worth keeping.
    """

    policy: Policy
    jobs: tuple[Presubmit, ...] = ()


class Problem(Noun, frozen=True):
    """The requirements cannot be told. `passing`: only for now (a read failed), so nothing is written about it."""

    text: str = ""
    passing: bool = False


class Candidate(msgspec.Struct, frozen=True):
    """One open pull request of the pool."""

    pull: PullFacts
    requirements: Requirements | Problem
    refusal: Refusal | None = None


class PoolRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says about one pool. Made by `settings.pool_rules`; the same for all its pull requests.

    `allowed_methods`: what the repository allows, None: not known yet. `batches`: False in a world of serial merges.
    `wait_for_reviews`: GitHub's `reviewDecision` keeps a pull request out (§9.3); upstream merges as far as GitHub lets it.
    """

    key: PoolKey
    queries: tuple[TideQuery, ...] = ()
    method: str = "merge"
    method_labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    allowed_methods: frozenset[str] | None = frozenset({"merge", "squash", "rebase"})
    github_blocks: str = "permit"
    priority: tuple[TidePriority, ...] = ()
    batches: bool = False
    batch_limit: int = 0
    prefer_existing_batches: bool = True
    wait_for_reviews: bool = False
    show_all_queries: bool = False
    target_url: str = ""
    status_base_url: str = ""


class PoolSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A pool at one moment. `jobs`: presubmits and batches into the branch, for any base; others do no harm.

    `batch_conflicts`: numbers that are known not to merge together with those before them.
    """

    rules: PoolRules
    base_sha: str
    now: datetime
    candidates: tuple[Candidate, ...] = ()
    jobs: tuple[JobRow, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    batch_conflicts: frozenset[int] = frozenset()


class ContextClass(StrEnum):
    """How a context counts (§2.4)."""

    REQUIRED = "required"
    IF_PRESENT = "required if present"
    OPTIONAL = "optional"
    UNKNOWN = "unknown"
    IGNORED = "ignored"


class Bucket(StrEnum):
    """Where a pull request of the pool stands with its tests on the newest base (§2.6)."""

    SUCCESS = "success"
    PENDING = "pending"
    MISSING = "missing"


class QueryGap(msgspec.Struct, frozen=True):
    """How far a pull request is from a query (§5.3). `differences`: in the order of the texts; `index`: place among the pool's queries."""

    index: int
    differences: tuple[Reason, ...] = ()
    weight: int = 0
    searched: bool = True
    """Whether GitHub's search would find it: all but contexts and GitHub's own rules is as the query wants."""

    @property
    def met(self) -> bool:
        return self.weight == 0


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """What was found about one pull request. `reasons`: why it is not in the pool, in the order of the checks; none: it is.

    `unmergeable`: those of `reasons` that no label can change: draft, conflict, method, GitHub's block (§2.3, 1-5).
    `unsuccessful`: contexts that are not what they have to be; one that is missing has the state EXPECTED.
    `problem`: why its requirements cannot be told. `refusal`: one that still holds.

    Of those in the pool only: `missing` and `pending` tests on the newest base, `attempts` by context that were made for these very
    commits, `proven`: tests that a description says passed, `waits_for`: pending contexts that tide did not bring about, `retry_at`: when its missing tests may be repeated,
    `passing`: every context is good, so that it may merge at once.
    """

    number: int
    gaps: tuple[QueryGap, ...] = ()
    method: str | None = None
    reasons: tuple[Reason, ...] = ()
    unmergeable: tuple[Reason, ...] = ()
    unsuccessful: tuple[HeadContext, ...] = ()
    problem: Problem | None = None
    refusal: Refusal | None = None
    missing: tuple[Presubmit, ...] = ()
    pending: tuple[str, ...] = ()
    proven: tuple[str, ...] = ()
    attempts: Mapping[str, int] = msgspec.field(default_factory=dict)
    waits_for: tuple[str, ...] = ()
    retry_at: datetime | None = None
    bucket: Bucket | None = None
    passing: bool = False

    @property
    def in_pool(self) -> bool:
        return not self.reasons

    @property
    def eligible(self) -> bool:
        """Nothing but its own tests is in the way: it may be tested again (§3.2)."""
        return self.in_pool and not self.waits_for

    @property
    def query_met(self) -> bool:
        return any(gap.met for gap in self.gaps)


class Trigger(msgspec.Struct, frozen=True):
    """A job to be started. `attempt`: how often it was started for these very commits before, so that equal causes give equal names."""

    job: Presubmit
    attempt: int = 0


class PoolDecision(msgspec.Struct, frozen=True, kw_only=True):
    """The one thing to do about the pool now, and all that was found on the way.

    `target`: numbers, in the order of merging. `triggers`: the jobs to start for the target.
    `again_at`: when to decide again although nothing happened; None: only when something happens.
    """

    key: PoolKey
    base_sha: str
    action: Action
    target: tuple[int, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    reasons: tuple[Reason, ...] = ()
    judgements: Mapping[int, Judgement] = msgspec.field(default_factory=dict)
    successes: tuple[int, ...] = ()
    pendings: tuple[int, ...] = ()
    missings: tuple[int, ...] = ()
    batch_pending: tuple[int, ...] = ()
    blockers: tuple[Blocker, ...] = ()
    again_at: datetime | None = None

    @property
    def decision(self) -> Decision[Action]:
        return Decision(self.action, self.reasons)

    @property
    def members(self) -> tuple[int, ...]:
        """The pull requests in the pool, by number."""
        return tuple(sorted(number for number, found in self.judgements.items() if found.in_pool))
