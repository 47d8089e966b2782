"""Pools made by hand and from recorded cases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from prow.config.job import Presubmit
from prow.config.tide import TideQuery
from prow.jobs.index import JobRow, PullRow
from prow.model.prowjob import JobState, JobType
from prow.model.pull_facts import ContextState, HeadContext, Mergeable, PullFacts
from prow.tide.model import Candidate, Policy, PoolKey, PoolRules, PoolSnapshot, Refusal, Requirements

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
KEY = PoolKey("o", "r", "main")
BASE = "b" * 40
OLD_BASE = "0" * 40
METAL3_QUERY = TideQuery(
    labels=("approved", "lgtm"),
    missing_labels=("do-not-merge", "do-not-merge/hold", "do-not-merge/work-in-progress", "needs-rebase"),
    repos=("o/r",),
)
READY = ("approved", "lgtm")
UNIT = Presubmit(name="unit", context="unit", always_run=True, rerun_command="/test unit")
POLICY = Policy(required=frozenset({"unit"}))


def head(number: int) -> str:
    return f"{number:040x}"


def context(
    name: str = "unit", state: str = "SUCCESS", description: str = "", *, check_run: bool = False
) -> HeadContext:
    return HeadContext(name=name, state=ContextState(state), description=description, check_run=check_run)


def green(base: str = BASE, name: str = "unit") -> HeadContext:
    """Passed on this base, as crier says it."""
    return context(name, description=f"Job succeeded. BaseSHA:{base}")


def pull(
    number: int, *, contexts: Sequence[HeadContext] = (), labels: Sequence[str] = READY, **facts: Any
) -> PullFacts:
    made = PullFacts(
        org=KEY.org,
        repo=KEY.repo,
        number=number,
        title=f"Change {number}",
        author="alice",
        base_ref=KEY.branch,
        base_sha=BASE,
        head_ref=f"change-{number}",
        head_sha=head(number),
        mergeable=Mergeable.MERGEABLE,
        merge_state="CLEAN",
        can_be_rebased=True,
        labels=tuple(labels),
        contexts=tuple(contexts),
    )
    return msgspec.structs.replace(made, **facts)


def candidate(
    number: int,
    *,
    jobs: Sequence[Presubmit] = (UNIT,),
    policy: Policy = POLICY,
    refusal: Refusal | None = None,
    **facts: Any,
) -> Candidate:
    return Candidate(pull(number, **facts), Requirements(policy, tuple(jobs)), refusal)


def row(
    *numbers: int,
    name: str = "unit",
    state: str = "success",
    base: str = BASE,
    by_tide: bool = True,
    completed: int = 1,
    heads: Sequence[str] = (),
) -> JobRow:
    """A job of one pull request, or of a batch of several."""
    kind = JobType.PRESUBMIT if len(numbers) == 1 else JobType.BATCH
    return job_row(name, kind, state, base, zip(numbers, heads or map(head, numbers), strict=True), by_tide, completed)


def job_row(
    name: str,
    kind: JobType,
    state: str,
    base: str,
    pulls: Iterable[tuple[int, str]],
    by_tide: bool,
    completed: int = 1,
    context: str = "",
) -> JobRow:
    return JobRow(
        name=f"{name}-{state}",
        version=1,
        type=kind,
        agent="kubernetes",
        cluster="default",
        job=name,
        context=context or name,
        org=KEY.org,
        repo=KEY.repo,
        base_ref=KEY.branch,
        base_sha=base,
        pulls=tuple(PullRow(number, sha, "alice", "") for number, sha in pulls),
        identity="",
        state=JobState(state),
        description="",
        url="",
        build_id="",
        created=1,
        started=1,
        completed=0 if state in {"triggered", "pending", "scheduling"} else completed,
        max_concurrency=0,
        queue="",
        running_timeout=0,
        retest=False,
        report=True,
        rerun_command="",
        by_tide=by_tide,
    )


def pool(
    *candidates: Candidate, jobs: Sequence[JobRow] = (), now: datetime = NOW, blockers: Any = (), **rules: Any
) -> PoolSnapshot:
    made = PoolRules(key=KEY, **{"queries": (METAL3_QUERY,), **rules})
    return PoolSnapshot(
        rules=made, base_sha=BASE, now=now, candidates=tuple(candidates), jobs=tuple(jobs), blockers=tuple(blockers)
    )
