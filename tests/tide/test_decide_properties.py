"""Whatever a pool looks like: tide decides, always the same, and never merges what must not be merged."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from prow.config.job import Presubmit
from prow.config.tide import TidePriority
from prow.model.pull_facts import ContextState, HeadContext, Mergeable
from prow.model.status_text import LONGEST
from prow.tide import contexts
from prow.tide.decide import decide
from prow.tide.explain import explain
from prow.tide.model import Action, Blocker, Candidate, Policy, PoolSnapshot, Problem, Refusal, Requirements
from prow.tide.status import IN_POOL, status_of
from tests.tide.pools import BASE, NOW, OLD_BASE, candidate, context, head, pool, row

NAMES = ("unit", "lint", "dco", "tide")
LABELS = ("lgtm", "approved", "do-not-merge/hold", "needs-rebase", "squash", "rebase", "urgent")
FORBIDDEN = {"do-not-merge/hold", "needs-rebase"}
STATES = ("SUCCESS", "PENDING", "FAILURE", "ERROR", "EXPECTED")
MARKS = ("", f"ok BaseSHA:{BASE}", f"ok BaseSHA:{OLD_BASE}", "ok [prow:skip-retest]")
JOBS = tuple(
    Presubmit(name=name, context=name, always_run=True, rerun_command=f"/test {name}") for name in ("unit", "lint")
)

head_contexts = st.builds(
    context, st.sampled_from(NAMES), st.sampled_from(STATES), st.sampled_from(MARKS), check_run=st.booleans()
)
policies = st.builds(
    Policy,
    required=st.sampled_from([frozenset(), frozenset({"unit"}), frozenset({"unit", "lint"})]),
    optional=st.sampled_from([frozenset(), frozenset({"dco"})]),
    skip_unknown=st.booleans(),
)
refusals = st.none() | st.builds(
    Refusal,
    head_sha=st.sampled_from([head(1), head(2), "f" * 40]),
    message=st.text(max_size=200),
    until=st.sampled_from([NOW - timedelta(minutes=1), NOW + timedelta(minutes=1)]),
)


@st.composite
def candidates(draw: st.DrawFn, number: int) -> Candidate:
    made = candidate(
        number,
        jobs=draw(st.lists(st.sampled_from(JOBS), unique_by=lambda job: job.name)),
        policy=draw(policies),
        refusal=draw(refusals),
        contexts=draw(st.lists(head_contexts, max_size=5)),
        labels=["lgtm", "approved"] * draw(st.booleans()) + draw(st.lists(st.sampled_from(LABELS), max_size=2)),
        draft=draw(st.sampled_from([False, False, False, True])),
        mergeable=draw(st.sampled_from([Mergeable.MERGEABLE, Mergeable.UNKNOWN, Mergeable.CONFLICTING])),
        merge_state=draw(st.sampled_from(["CLEAN", "BLOCKED", "UNKNOWN"])),
        review_decision=draw(st.sampled_from(["", "APPROVED", "REVIEW_REQUIRED"])),
    )
    problem = draw(st.sampled_from([None] * 8 + [Problem(text="no"), Problem(text="not now", passing=True)]))
    return made if problem is None else msgspec.structs.replace(made, requirements=problem)


@st.composite
def snapshots(draw: st.DrawFn) -> PoolSnapshot:
    numbers = draw(st.lists(st.integers(1, 4), unique=True, max_size=4))
    rows = st.builds(
        lambda n, name, state, base, by_tide, age: row(
            *n, name=name, state=state, base=base, by_tide=by_tide, completed=int(NOW.timestamp()) - age
        ),
        st.lists(st.integers(1, 4), unique=True, min_size=1, max_size=2),
        st.sampled_from(["unit", "lint"]),
        st.sampled_from(["success", "failure", "pending", "triggered", "aborted", "error", "scheduling"]),
        st.sampled_from([BASE, OLD_BASE]),
        st.booleans(),
        st.sampled_from([1, 3_600]),
    )
    return pool(
        *(draw(candidates(number)) for number in numbers),
        jobs=draw(st.lists(rows, max_size=6)),
        blockers=draw(st.sampled_from([(), (), (), (Blocker(number=9),)])),
        batches=draw(st.booleans()),
        github_blocks=draw(st.sampled_from(["permit", "ignore", "block"])),
        method_labels={"squash": "squash", "rebase": "rebase"},
        wait_for_reviews=draw(st.booleans()),
        show_all_queries=draw(st.booleans()),
        priority=draw(st.sampled_from([(), (TidePriority(labels=("urgent",)),)])),
    )


@settings(max_examples=300, deadline=None)
@given(snapshots())
def test_a_decision_is_always_made_and_never_merges_what_must_not_be(snapshot: PoolSnapshot) -> None:
    found = decide(snapshot)
    assert found == decide(snapshot)
    assert found.reasons
    shuffled = msgspec.structs.replace(snapshot, candidates=snapshot.candidates[::-1], jobs=snapshot.jobs[::-1])
    assert (decide(shuffled).action, decide(shuffled).target) == (found.action, found.target)
    assert found.again_at is None or found.again_at > snapshot.now
    by_number = {each.pull.number: each for each in snapshot.candidates}
    for number in found.target:
        pull, needs = by_number[number].pull, by_number[number].requirements
        assert {"lgtm", "approved"} <= set(pull.labels)
        assert not FORBIDDEN & set(pull.labels)
        assert not pull.draft
        assert pull.mergeable is not Mergeable.CONFLICTING
        assert isinstance(needs, Requirements)
        bad = contexts.unsuccessful(needs.policy, pull.contexts)
        assert all(_is_our_test(each, needs) for each in bad)
        if found.action is Action.MERGE:
            assert not bad
            assert found.judgements[number].refusal is None
    assert bool(found.triggers) <= (found.action in {Action.TRIGGER, Action.TRIGGER_BATCH})
    assert len(found.target) == 1 or found.action in {Action.MERGE_BATCH, Action.TRIGGER_BATCH} or not found.target


def _is_our_test(each: HeadContext, needs: Requirements) -> bool:
    return each.state is ContextState.PENDING and each.name in {job.context for job in needs.jobs}


@settings(max_examples=200, deadline=None)
@given(snapshots())
def test_status_and_explanation_say_the_same_of_everything(snapshot: PoolSnapshot) -> None:
    found = decide(snapshot)
    for each in snapshot.candidates:
        number = each.pull.number
        status, why = status_of(snapshot, found, number), explain(snapshot, found, number)
        closed = [gate for gate in why.gates if gate.state == "closed"]
        assert len({gate.name for gate in why.gates}) == len(why.gates)
        assert why.verdict.endswith((".", ")", "...")) or status is None or "refused" in why.verdict
        if status is None:
            assert why.verdict.startswith("Not known now")
            continue
        text = status.description or ""
        assert 0 < len(text.encode()) <= LONGEST
        assert text.isprintable()
        assert text.startswith((IN_POOL, "Not mergeable."))
        if text.startswith(IN_POOL):
            assert status.state == "success"
            assert why.verdict.startswith("In the merge pool")
            assert {gate.name for gate in closed} <= {"blockers"}
        elif "Retesting" in text:
            assert why.verdict.startswith("In the merge pool; ")
        else:
            assert why.verdict.startswith("Not mergeable: ")
            assert any(gate.state != "open" for gate in why.gates)
