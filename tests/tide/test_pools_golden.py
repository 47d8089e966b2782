"""Whole pools against what the original did with them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from prow.config.tide import TideQuery
from prow.model.prowjob import JobType
from prow.model.pull_facts import ContextState, HeadContext, Mergeable, PullFacts, check_run_state
from prow.tide.contexts import best_check_runs
from prow.tide.decide import decide
from prow.tide.methods import method_of
from prow.tide.model import Action, Blocker, Candidate, PoolDecision, PoolKey, PoolSnapshot
from prow.tide.required import requirements_of
from prow.tide.settings import pool_rules
from tests.support.data import needs_data
from tests.tide.configs import cases, config_of
from tests.tide.pools import NOW, job_row

pytestmark = needs_data


def snapshot_of(given: dict[str, Any]) -> PoolSnapshot:
    config, pool = config_of(given), given["pool"]
    key = PoolKey(pool["org"], pool["repo"], pool["branch"])
    allowed = pool.get("allowed_merge_methods") or {"merge": True, "squash": True, "rebase": True}
    rules = pool_rules(
        config, key, allowed_methods=frozenset(name for name, yes in allowed.items() if yes), batches=True
    )
    rules = msgspec.structs.replace(rules, queries=(TideQuery(repos=(f"{key.org}/{key.repo}",)),))
    return PoolSnapshot(
        rules=rules,
        base_sha=pool["sha"],
        now=NOW,
        candidates=tuple(
            Candidate(_pull(key, pr), requirements_of(config, key, pr.get("files") or ())) for pr in pool["prs"]
        ),
        jobs=tuple(
            job_row(
                job["job"],
                JobType(job["type"]),
                job["state"],
                job["base_sha"],
                [(p["number"], p["sha"]) for p in job["pulls"]],
                bool(job.get("created_by_tide")),
                context=job["context"],
            )
            for job in pool["prowjobs"]
        ),
        blockers=tuple(Blocker(number=number) for number in pool.get("blockers") or ()),
        batch_conflicts=frozenset(pr["number"] for pr in pool["prs"] if pr.get("conflicts_in_batch")),
    )


def _pull(key: PoolKey, pr: dict[str, Any]) -> PullFacts:
    statuses = [
        HeadContext(name=c["context"], state=ContextState(c["state"]), description=c.get("description", ""))
        for c in pr["contexts"]
    ]
    runs = [
        HeadContext(name=run["name"], state=check_run_state(run["status"], run["conclusion"]), check_run=True)
        for run in pr.get("check_runs") or ()
    ]
    return PullFacts(
        org=key.org,
        repo=key.repo,
        number=pr["number"],
        base_ref=key.branch,
        head_sha=pr["sha"],
        labels=tuple(pr["labels"]),
        mergeable=Mergeable(pr.get("mergeable", "MERGEABLE")),
        merge_state=pr.get("merge_state_status", ""),
        can_be_rebased=pr.get("can_be_rebased", True),
        contexts=(*statuses, *best_check_runs(runs)),
    )


def test_every_recorded_pool_is_filtered_sorted_and_acted_on_as_upstream_does() -> None:
    seen: Counter[str] = Counter()
    for case, given, out in cases("tide-pools"):
        if out is None:
            continue
        snapshot = snapshot_of(given)
        found = decide(snapshot)
        check(case, snapshot, found, out)
        seen[str(found.action)] += 1
    assert set(seen) == set(Action), seen


def check(case: str, snapshot: PoolSnapshot, found: PoolDecision, out: dict[str, Any]) -> None:
    for each in snapshot.candidates:
        wanted = out["required_presubmits"].get(str(each.pull.number)) or []
        assert sorted(job.name for job in each.requirements.jobs) == wanted, case  # type: ignore[union-attr]
    assert list(found.members) == (out["filtered"] or []), case
    if out["action"] is None:
        assert found.action in {Action.WAIT, Action.BLOCKED}, case
        return
    judged = found.judgements
    assert list(found.successes) == (out["successes"] or []), case
    assert list(found.pendings) == (out["pendings"] or []), case
    assert list(found.missings) == (out["missings"] or []), case
    missing = {str(n): sorted(j.name for j in judged[n].missing) for n in found.missings}
    assert missing == out["missing_tests"], case
    assert {str(n): judged[n].eligible for n in found.members} == out["retest_eligible"], case
    assert {str(n): judged[n].passing for n in found.members} == out["passing"], case
    assert found.action == out["action"], case
    if found.action is not Action.BLOCKED:
        assert list(found.batch_pending) == (out["batch_pending"] or []), case
    target = (
        out["target"] or []
    )  # a batch that is taken up again is shown in the order of its first job; we go by number
    assert list(found.target) == (sorted(target) if found.action is Action.TRIGGER_BATCH else target), case
    created = sorted((job["context"], job["job"]) for job in out["created"] or ())
    assert sorted((each.job.context, each.job.name) for each in found.triggers) == created, case
    if found.action in {Action.MERGE, Action.MERGE_BATCH}:
        labels = {each.pull.number: each.pull.labels for each in snapshot.candidates}
        assert [method_of(snapshot.rules, labels[n]) for n in found.target] == out["merge_methods"], case
    assert found.reasons, case
    assert all(str(reason) for reason in found.reasons), case
    assert all(str(reason) for each in judged.values() for reason in each.reasons), case
