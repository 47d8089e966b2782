"""What people are told: the `tide` status and the gates (`spec/tide` §5, §11.6)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from prow.config.job import Presubmit
from prow.config.tide import TideQuery
from prow.model.explanation import Gate, GateState, NextStep
from prow.model.forge import CommitStatus
from prow.model.pull_facts import ContextState, HeadContext, Mergeable
from prow.model.status_text import LONGEST
from prow.tide.decide import decide
from prow.tide.explain import explain, explain_done
from prow.tide.model import Action, Blocker, Candidate, Policy, PoolSnapshot, Problem, Refusal
from prow.tide.reasons import LabelsMissing, cut_list
from prow.tide.status import HINTS, differs, status_of
from tests.tide.pools import NOW, OLD_BASE, READY, candidate, context, green, head, pool, pull, row


def status(snapshot: PoolSnapshot, number: int = 1, **more: Any) -> tuple[str, str]:
    found = status_of(snapshot, decide(snapshot), number, **more)
    assert found is not None
    return found.state, found.description or ""


def gates(snapshot: PoolSnapshot, number: int = 1) -> dict[str, Gate]:
    return {gate.name: gate for gate in explain(snapshot, decide(snapshot), number).gates}


def test_the_way_of_a_pull_request_in_statuses() -> None:
    opened = candidate(1, labels=(), contexts=[green()])
    assert status(pool(opened)) == (
        "pending",
        "Not mergeable. Needs approved, lgtm labels. (/approve by an approver; /lgtm by a reviewer)",
    )
    named = {**HINTS, "approved": NextStep(who="katherine", what="/approve")}
    reviewed = candidate(1, labels=("lgtm",), contexts=[green()])
    assert status(pool(reviewed), hints=named)[1] == "Not mergeable. Needs approved label. (/approve by katherine)"
    held = candidate(1, labels=(*READY, "do-not-merge/hold"), contexts=[green()])
    assert status(pool(held))[1] == "Not mergeable. Should not have do-not-merge/hold label. (/hold cancel by anyone)"
    outdated = candidate(1, contexts=[green(OLD_BASE)])
    assert status(pool(outdated)) == ("pending", "Not mergeable. Retesting: unit")
    assert status(pool(candidate(1, contexts=[green()]))) == ("success", "In merge pool.")


@pytest.mark.parametrize(
    ("facts", "rules", "state", "text"),
    [
        ({"merge_state": "BLOCKED"}, {}, "success", "In merge pool (despite BLOCKED)."),
        ({"merge_state": "BLOCKED"}, {"github_blocks": "ignore"}, "success", "In merge pool."),
        ({"merge_state": "BLOCKED"}, {"github_blocks": "block"}, "error", "Not mergeable. GitHub's rules for the"),
        (
            {"mergeable": Mergeable.CONFLICTING},
            {},
            "error",
            "Not mergeable. It conflicts with main. (rebase on main by",
        ),
        ({"draft": True}, {}, "pending", "Not mergeable. It is a draft. (mark it ready for review by alice)"),
        ({"draft": True, "labels": ()}, {}, "pending", "Not mergeable. It is a draft. Needs approved, lgtm labels."),
        (
            {"labels": (*READY, "a", "b")},
            {"method_labels": {"a": "merge", "b": "squash"}},
            "error",
            "Not mergeable. Labels",
        ),
        (
            {"contexts": [context("unit", "FAILURE")]},
            {},
            "pending",
            "Not mergeable. Job unit has not succeeded. (/test unit",
        ),
        ({"contexts": []}, {}, "pending", "Not mergeable. Job unit has not succeeded. (/test unit by anyone trusted)"),
        (
            {"contexts": [context("unit", "PENDING"), context("dco", "PENDING")]},
            {},
            "pending",
            "Not mergeable. Jobs dco, unit have not succeeded.",
        ),
        (
            {"review_decision": "REVIEW_REQUIRED"},
            {"wait_for_reviews": True},
            "pending",
            "Not mergeable. GitHub asks for",
        ),
    ],
)
def test_statuses(facts: dict[str, Any], rules: dict[str, Any], state: str, text: str) -> None:
    made = candidate(1, **{"contexts": [green()], **facts})
    found = status(pool(made, **rules))
    assert found[0] == state
    assert found[1].startswith(text)


def test_githubs_refusal_is_told_in_its_own_words() -> None:
    message = "At least 2 approving reviews are\nrequired by reviewers with write access."
    refusal = Refusal(head_sha=head(1), message=message, until=NOW + timedelta(minutes=1))
    snapshot = pool(candidate(1, contexts=[green()], refusal=refusal))
    assert status(snapshot) == ("error", f"Not mergeable. GitHub refused the merge: {' '.join(message.split())}")
    gate = gates(snapshot)["refusal"]
    assert gate.state is GateState.CLOSED
    assert "2 approving reviews" in gate.facts[0]
    assert gate.facts[1].startswith("Tried again after 2026-03-04 05:07:07 UTC")


def test_a_blocking_issue_is_told_outside_the_pool_and_inside() -> None:
    blocked = pool(
        candidate(1, labels=()), candidate(2, contexts=[green()]), blockers=[Blocker(number=9), Blocker(number=12)]
    )
    assert status(blocked)[0] == "error"
    assert status(blocked)[1].startswith("Not mergeable. Merging is blocked by issues 9, 12.")
    assert status(blocked, 2)[1].startswith("In merge pool, held up by issues 9, 12.")
    assert gates(blocked)["blockers"].state is GateState.CLOSED


def test_nothing_is_written_while_it_cannot_be_told() -> None:
    unknown = pool(candidate(1, contexts=[green()]), allowed_methods=None)
    assert status_of(unknown, decide(unknown), 1) is None
    unread = pool(Candidate(pull(1), Problem(text="GitHub does not answer", passing=True)))
    assert status_of(unread, decide(unread), 1) is None
    broken = pool(Candidate(pull(1), Problem(text="unit cannot be required and optional")))
    assert status(broken) == (
        "error",
        "Not mergeable. What it needs cannot be told: unit cannot be required and optional.",
    )


def test_the_query_that_is_nearest_is_told_or_all_of_them() -> None:
    queries = (
        TideQuery(repos=("o/r",), labels=("a", "b", "c")),
        TideQuery(repos=("o/r",), labels=("a,x",)),
        TideQuery(repos=("o/r",), included_branches=("next",)),
    )
    made = candidate(1, labels=(), contexts=[green()])
    assert status(pool(made, queries=queries))[1] == "Not mergeable. Needs a or x label."
    everything = status(pool(made, queries=queries, show_all_queries=True))[1]
    assert everything == "Not mergeable. Needs a, b, c labels OR Needs a or x label."
    only = status(pool(made, queries=queries[2:], show_all_queries=True))[1]
    assert only == "Not mergeable. No query is about branch main."


def test_many_tests_are_counted_when_their_names_do_not_fit() -> None:
    jobs = [Presubmit(name=f"a-long-name-of-a-job-{n}", context=f"a-long-name-of-a-job-{n}") for n in range(9)]
    made = candidate(1, jobs=jobs, policy=Policy(), contexts=())
    assert status(pool(made))[1] == "Not mergeable. Retesting 9 jobs."


def test_lists_are_cut_at_50_characters_with_one_name_at_least() -> None:
    assert cut_list(["z" * 60]) == ("z" * 60,)
    assert cut_list(["c" * 20, "b" * 20, "a" * 20]) == ("a" * 20, "b" * 20)
    assert str(LabelsMissing(labels=("b" * 60, "a"))) == "Needs a label."


def test_long_texts_are_cut_in_bytes_never_inside_a_character() -> None:
    refusal = Refusal(head_sha=head(1), message="ä" * 200, until=NOW + timedelta(minutes=1))
    text = status(pool(candidate(1, contexts=[green()], refusal=refusal)))[1]
    assert text.endswith("ä...")
    assert LONGEST - 1 <= len(text.encode()) <= LONGEST


def test_hints_are_left_out_one_by_one_when_there_is_no_room() -> None:
    hints = {"approved": NextStep(who="a", what="/approve"), "lgtm": NextStep(who="b" * 80, what="/lgtm")}
    made = pool(candidate(1, labels=(), contexts=[green()]))
    assert status(made, hints=hints)[1] == "Not mergeable. Needs approved, lgtm labels. (/approve by a)"
    assert status(made, hints={})[1] == "Not mergeable. Needs approved, lgtm labels."


def test_where_the_status_leads() -> None:
    made = candidate(1, contexts=[green()], author="dependabot", author_type="Bot", head_ref="dep/x")
    leading = pool(made, status_base_url="https://p/pr?a=b")
    found = status_of(leading, decide(leading), 1)
    assert found is not None
    assert found.target_url == ("https://p/pr?a=b&query=is%3Apr+repo%3Ao%2Fr+author%3Aapp%2Fdependabot+head%3Adep%2Fx")
    fixed = pool(made, target_url="https://x", status_base_url="https://p/pr")
    found = status_of(fixed, decide(fixed), 1)
    assert found is not None
    assert found.target_url == "https://x"


def test_a_status_is_written_only_when_it_says_something_else() -> None:
    new = CommitStatus(context="tide", state="pending", description="Not mergeable.", target_url="https://new")
    assert differs(new, None)
    assert not differs(
        new, HeadContext(name="tide", state=ContextState.PENDING, description="Not mergeable.", url="https://old")
    )
    assert differs(new, HeadContext(name="tide", state=ContextState.ERROR, description="Not mergeable."))
    assert differs(new, HeadContext(name="tide", state=ContextState.PENDING, description="In merge pool."))


def test_every_gate_of_a_fresh_pull_request() -> None:
    made = candidate(
        1,
        labels=("do-not-merge/hold", "do-not-merge/work-in-progress", "needs-rebase"),
        contexts=[context("dco", "FAILURE")],
    )
    found = gates(pool(made))
    assert {name: gate.state.value for name, gate in found.items()} == {
        "query": "open",
        "labels": "closed",
        "hold": "closed",
        "draft": "closed",
        "forbidden-labels": "closed",
        "conflict": "open",
        "method": "open",
        "reviews": "open",
        "github": "open",
        "checks": "closed",
        "base": "waiting",
        "blockers": "open",
        "pool": "waiting",
    }
    assert [step.what for step in found["labels"].next_steps] == ["/approve", "/lgtm"]
    assert found["hold"].next_steps == (NextStep(who="anyone", what="/hold cancel"),)
    assert found["checks"].facts == ("dco: failure (unknown, status)", "unit: missing (required)")
    assert [step.what for step in found["checks"].next_steps] == ["see what dco reports", "/test unit"]


def test_all_gates_are_open_before_a_merge_and_the_next_in_line_waits() -> None:
    snapshot = pool(candidate(1, contexts=[green()]), candidate(2, contexts=[green()]))
    assert all(gate.state is GateState.OPEN for gate in gates(snapshot).values())
    behind = gates(snapshot, 2)["pool"]
    assert behind.state is GateState.WAITING
    assert "The pool merges #1." in behind.facts
    assert explain(snapshot, decide(snapshot), 2).verdict == "In the merge pool, behind #1."


def test_the_base_gate_tells_how_each_test_stands() -> None:
    jobs = [Presubmit(name=name, context=name) for name in ("a", "b", "c", "d", "e")]
    contexts = [green(name="a"), *(context(name) for name in "bcde")]
    rows = [row(1, name="b"), row(1, name="c", state="pending"), row(1, name="d", state="failure")]
    facts = gates(pool(candidate(1, jobs=jobs, policy=Policy(), contexts=contexts, labels=READY), jobs=rows))
    assert facts["checks"].state is GateState.OPEN
    assert facts["base"].facts == (
        "a: passed, its status says so",
        "b: passed, by a job on this base",
        "c: running",
        "d: failed here before",
        "e: not tested here yet",
    )


def test_since_is_what_was_seen() -> None:
    snapshot = pool(candidate(1, contexts=[green()]))
    found = explain(snapshot, decide(snapshot), 1, since={"labels": NOW})
    assert {gate.name: gate.since for gate in found.gates if gate.since} == {"labels": NOW}


@pytest.mark.parametrize(
    ("facts", "rules", "gate", "fact"),
    [
        ({"mergeable": Mergeable.UNKNOWN}, {}, "conflict", "GitHub is working it out."),
        ({"review_decision": "REVIEW_REQUIRED"}, {}, "reviews", "GitHub may refuse the merge."),
        ({"merge_state": "BLOCKED"}, {}, "github", "GitHub says BLOCKED; the merge is tried all the same"),
        ({}, {"allowed_methods": None}, "method", "could not be read yet"),
    ],
)
def test_what_is_not_known_or_not_ours_waits(
    facts: dict[str, Any], rules: dict[str, Any], gate: str, fact: str
) -> None:
    made = candidate(1, contexts=[green()], **facts)
    found = gates(pool(made, **rules))[gate]
    assert found.state is GateState.WAITING
    assert fact in " ".join(found.facts)


def test_of_several_queries_each_is_told() -> None:
    queries = (TideQuery(repos=("o/r",), labels=("a",)), TideQuery(repos=("o/r",), milestone="v1"))
    facts = gates(pool(candidate(1, labels=(), contexts=[green()]), queries=queries))["query"].facts
    assert facts == ("Query 1: Needs a label.", "Query 2: Must be in milestone v1.")


def test_merged_and_closed_ones_have_a_sentence() -> None:
    merged = msgspec.structs.replace(pull(1), state="MERGED")
    assert (explain_done(merged).verdict, explain_done(merged).state) == ("Merged.", "merged")
    assert explain_done(msgspec.structs.replace(merged, state="CLOSED")).verdict == "Closed without a merge."


def test_a_repository_that_no_query_covers_is_left_alone() -> None:
    snapshot = pool(candidate(1, contexts=[green()]), queries=())
    decision = decide(snapshot)
    assert (decision.action, status_of(snapshot, decision, 1)) == (Action.WAIT, None)
    assert explain(snapshot, decision, 1).verdict == "Not merged by Prow: no query of tide covers o/r."
    assert [step.what for step in gates(snapshot)["query"].next_steps] == ["add o/r to tide.queries"]


def test_of_check_runs_of_one_name_the_best_counts() -> None:
    runs = [context("build", "FAILURE", check_run=True), context("build", "SUCCESS", check_run=True)]
    assert status(pool(candidate(1, contexts=[green(), *runs]))) == ("success", "In merge pool.")
    both = [context("build", "FAILURE", check_run=True), context("build", "SUCCESS")]
    assert status(pool(candidate(1, contexts=[green(), *both])))[1] == "Not mergeable. Job build has not succeeded."
