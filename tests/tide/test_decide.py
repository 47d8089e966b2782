"""What tide does about a pool, case by case (`spec/tide` §3, §11.3, §11.7, §13)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from prow.config.job import Presubmit
from prow.config.tide import TidePriority, TideQuery
from prow.model.pull_facts import ContextState, Mergeable
from prow.tide import blockers, refusals
from prow.tide.decide import decide
from prow.tide.model import Action, Blocker, Bucket, Candidate, Policy, Problem, Refusal
from prow.tide.refusals import Answer
from tests.tide.pools import BASE, NOW, OLD_BASE, UNIT, candidate, context, green, head, pool, pull, row


def test_a_green_pull_request_with_its_labels_is_merged() -> None:
    found = decide(pool(candidate(7, contexts=[green()])))
    assert (found.action, found.target, found.decision.explain()) == (
        Action.MERGE,
        (7,),
        "#7 is green on the newest base.",
    )


def test_without_a_label_nothing_is_done() -> None:
    found = decide(pool(candidate(7, contexts=[green()], labels=["lgtm"])))
    assert (found.action, found.members) == (Action.WAIT, ())
    assert found.decision.explain() == "No pull request is ready."


def test_two_that_are_green_on_the_old_base_are_tested_and_merged_one_after_the_other() -> None:
    old = [candidate(n, contexts=[green(OLD_BASE)]) for n in (3, 5)]
    first = decide(pool(*old))
    assert (first.action, first.target, first.triggers[0].job.name) == (Action.TRIGGER, (3,), "unit")

    running = [candidate(3, contexts=[context(state="PENDING")]), old[1]]
    assert decide(pool(*running, jobs=[row(3, state="pending")])).action is Action.WAIT

    passed = [candidate(3, contexts=[green()]), old[1]]
    assert decide(pool(*passed, jobs=[row(3)])).target == (3,)

    # It merged, and with it the base moved: the result of #5 is as old as before.
    second = decide(pool(old[1]))
    assert (second.action, second.target) == (Action.TRIGGER, (5,))


def test_one_whose_retest_fails_makes_room_for_the_next() -> None:
    failed = candidate(3, contexts=[context(state="FAILURE")])
    found = decide(pool(failed, candidate(5, contexts=[green(OLD_BASE)]), jobs=[row(3, state="failure")]))
    assert (found.action, found.target) == (Action.TRIGGER, (5,))


def test_a_failure_that_github_does_not_show_yet_is_not_tested_again_at_once() -> None:
    ended = int(NOW.timestamp()) - 1
    waiting = candidate(3, contexts=[context(state="PENDING")])
    snapshot = pool(waiting, jobs=[row(3, state="failure", completed=ended)])
    found = decide(snapshot)
    assert (found.action, found.again_at) == (Action.WAIT, NOW + timedelta(seconds=59))
    assert "tried again later" in found.decision.explain()
    later = decide(pool(waiting, jobs=snapshot.jobs, now=NOW + timedelta(minutes=1)))
    assert (later.action, later.triggers[0].attempt) == (Action.TRIGGER, 1)


def test_a_test_that_fails_without_telling_is_repeated_ever_more_slowly_and_starves_nobody() -> None:
    quiet = Presubmit(name="quiet", context="quiet", run_before_merge=True, skip_report=True)
    ended = int(NOW.timestamp())
    jobs = [row(3, name="quiet", state="failure", completed=ended - n) for n in range(3)]
    silent = candidate(3, jobs=[UNIT, quiet], contexts=[green()])
    found = decide(pool(silent, candidate(5, contexts=[green(OLD_BASE)]), jobs=jobs))
    assert (found.action, found.target) == (Action.TRIGGER, (5,))
    assert found.judgements[3].retry_at == NOW + timedelta(minutes=4)


def test_a_job_that_waits_for_its_scheduler_is_under_way() -> None:
    found = decide(pool(candidate(3, contexts=[green(OLD_BASE)]), jobs=[row(3, state="scheduling")]))
    assert (found.action, found.pendings) == (Action.WAIT, (3,))


@pytest.mark.parametrize("marker", [f"Good. BaseSHA:{BASE}", f"Good. Basesha:{BASE}", "Overridden [prow:skip-retest]"])
def test_a_description_proves_a_result_for_this_base(marker: str) -> None:
    found = decide(pool(candidate(3, contexts=[context(description=marker)])))
    assert found.action is Action.MERGE


def test_a_result_of_an_older_head_counts_for_nothing() -> None:
    found = decide(pool(candidate(3, contexts=[context()]), jobs=[row(3, heads=["f" * 40])]))
    assert (found.action, found.missings) == (Action.TRIGGER, (3,))


def test_a_green_job_whose_status_is_still_pending_is_waited_for() -> None:
    found = decide(pool(candidate(3, contexts=[context(state="PENDING")]), jobs=[row(3)]))
    assert (found.action, found.successes) == (Action.WAIT, (3,))
    assert "does not show unit" in found.decision.explain()


def test_a_pending_test_that_a_person_started_on_an_older_base_is_waited_for() -> None:
    running = candidate(3, contexts=[context(state="PENDING")])
    found = decide(pool(running, jobs=[row(3, state="pending", base=OLD_BASE, by_tide=False)]))
    assert (found.action, found.decision.explain()) == (Action.WAIT, "#3 waits for unit.")
    own = decide(pool(running, jobs=[row(3, state="pending", base=OLD_BASE)]))
    assert own.action is Action.TRIGGER


def test_tiers_come_before_numbers() -> None:
    tiers = (TidePriority(labels=("urgent", "kind/bug,kind/regression")), TidePriority(labels=("urgent",)))
    ready = [
        candidate(1, contexts=[green()]),
        candidate(2, contexts=[green()], labels=["lgtm", "approved", "urgent"]),
        candidate(3, contexts=[green()], labels=["lgtm", "approved", "Urgent", "kind/regression"]),
    ]
    assert decide(pool(*ready, priority=tiers)).target == (3,)
    assert decide(pool(*ready[:2], priority=tiers)).target == (2,)


def test_one_that_github_refused_lets_the_next_one_merge_and_is_tried_again_later() -> None:
    until = NOW + timedelta(minutes=2)
    refusal = Refusal(head_sha=head(1), message="Needs a review", until=until)
    refused = candidate(1, contexts=[green()], refusal=refusal)
    found = decide(pool(refused, candidate(2, contexts=[green()])))
    assert found.target == (2,)
    alone = decide(pool(refused))
    assert (alone.action, alone.again_at) == (Action.WAIT, until)
    assert alone.decision.explain() == "GitHub refused to merge #1: Needs a review"
    assert decide(pool(refused, now=until)).target == (1,)


def test_a_refusal_of_an_older_head_is_forgotten() -> None:
    refusal = Refusal(head_sha="f" * 40, message="no", until=NOW + timedelta(hours=1))
    assert decide(pool(candidate(1, contexts=[green()], refusal=refusal))).target == (1,)


def test_one_that_was_refused_does_not_hold_up_the_tests_of_others() -> None:
    refusal = Refusal(head_sha=head(1), message="no", until=NOW + timedelta(hours=1))
    refused = candidate(1, contexts=[green()], refusal=refusal)
    found = decide(pool(refused, candidate(2, contexts=[green(OLD_BASE)])))
    assert (found.action, found.target) == (Action.TRIGGER, (2,))


def test_a_blocked_branch_stands_still() -> None:
    found = decide(pool(candidate(1, contexts=[green()]), blockers=[Blocker(number=9), Blocker(number=11)]))
    assert (found.action, found.decision.explain()) == (Action.BLOCKED, "Merging is blocked by issues 9, 11.")


def test_jobs_of_batches_do_no_harm_where_merging_is_serial() -> None:
    both = [candidate(n, contexts=[green(OLD_BASE)]) for n in (1, 2)]
    found = decide(pool(*both, jobs=[row(1, 2), row(1, 2, state="pending")]))
    assert (found.action, found.target, found.batch_pending) == (Action.TRIGGER, (1,), ())


def test_without_required_jobs_labels_are_enough() -> None:
    found = decide(pool(candidate(1, jobs=(), policy=Policy())))
    assert found.action is Action.MERGE


@pytest.mark.parametrize(
    ("facts", "rules", "text"),
    [
        ({"draft": True}, {}, "It is a draft."),
        ({"mergeable": Mergeable.CONFLICTING}, {}, "It conflicts with main."),
        ({"labels": ["lgtm", "approved", "s", "r"]}, {"method_labels": {"s": "squash", "r": "rebase"}}, "Labels ask"),
        ({"can_be_rebased": False}, {"method": "rebase"}, "GitHub cannot rebase its commits."),
        ({}, {"method": "squash", "allowed_methods": frozenset({"merge"})}, 'does not allow the merge method "squash"'),
        ({}, {"allowed_methods": None}, "could not be read yet"),
        ({"merge_state": "BLOCKED"}, {"github_blocks": "block"}, "GitHub's rules"),
        ({"review_decision": "REVIEW_REQUIRED"}, {"wait_for_reviews": True}, "more approving reviews"),
        ({"review_decision": "CHANGES_REQUESTED"}, {"wait_for_reviews": True}, "requested changes"),
        ({"contexts": [green(), context("dco", "FAILURE", check_run=True)]}, {}, "dco failed."),
        ({"contexts": [green(), context("dco", "PENDING")]}, {}, "dco is pending."),
        ({"contexts": []}, {}, "unit was not reported."),
    ],
)
def test_what_keeps_a_pull_request_out(facts: dict[str, Any], rules: dict[str, Any], text: str) -> None:
    made = candidate(1, **{"contexts": [green()], **facts})
    found = decide(pool(made, **rules))
    assert found.action is Action.WAIT
    assert not found.judgements[1].in_pool
    assert text in str(found.judgements[1].reasons[0])


@pytest.mark.parametrize(
    ("facts", "rules"),
    [
        ({"mergeable": Mergeable.UNKNOWN}, {}),
        ({"mergeable": Mergeable.UNKNOWN, "can_be_rebased": False}, {"method": "rebase"}),
        ({"merge_state": "BLOCKED"}, {"github_blocks": "permit"}),
        ({"review_decision": "REVIEW_REQUIRED"}, {}),
        ({"contexts": [green(), context("tide", "ERROR")]}, {}),
        ({"labels": ["LGTM", "Approved"]}, {}),
    ],
)
def test_what_does_not_keep_a_pull_request_out(facts: dict[str, Any], rules: dict[str, Any]) -> None:
    made = candidate(1, **{"contexts": [green()], **facts})
    assert decide(pool(made, **rules)).action is Action.MERGE


def test_github_blocking_it_because_of_our_own_test_does_not_evict_it() -> None:
    running = candidate(1, contexts=[context(state="PENDING")], merge_state="BLOCKED")
    found = decide(pool(running, jobs=[row(1, state="pending")], github_blocks="block"))
    assert (found.members, found.pendings) == ((1,), (1,))


def test_requirements_that_cannot_be_told_concern_that_pull_request_alone() -> None:
    broken = Candidate(pull(1, contexts=[green()]), Problem(text="its .prow.yaml is wrong"))
    found = decide(pool(broken, candidate(2, contexts=[green()])))
    assert found.target == (2,)
    assert "its .prow.yaml is wrong" in str(found.judgements[1].reasons[0])


@pytest.mark.parametrize(
    ("author", "login", "kind", "met"),
    [
        ("alice", "alice", "User", True),
        ("@Alice", "alice", "User", True),
        ("app/renovate", "renovate", "Bot", True),
        ("renovate[bot]", "renovate", "Bot", True),
        ("renovate", "renovate[bot]", "Bot", True),
        ("app/renovate", "renovate", "User", False),
        ("bob", "alice", "User", False),
    ],
)
def test_authors_are_compared_as_github_names_them(author: str, login: str, kind: str, met: bool) -> None:
    query = TideQuery(repos=("o/r",), author=author)
    made = candidate(1, contexts=[green()], author=login, author_type=kind)
    assert (decide(pool(made, queries=(query,))).action is Action.MERGE) is met


def test_a_query_can_want_alternatives_a_milestone_a_branch_and_a_review() -> None:
    query = TideQuery(
        repos=("o/r",), labels=("a,b",), milestone="v1", included_branches=("main",), review_approved_required=True
    )
    good: dict[str, Any] = {"labels": ["B"], "milestone": "v1", "review_decision": "APPROVED"}
    assert decide(pool(candidate(1, contexts=[green()], **good), queries=(query,))).action is Action.MERGE
    unlike: list[dict[str, Any]] = [
        {"labels": []},
        {"milestone": "v2"},
        {"review_decision": "REVIEW_REQUIRED"},
        {"base_ref": "next"},
    ]
    for bad in unlike:
        made = candidate(1, contexts=[green()], **{**good, **bad})
        assert decide(pool(made, queries=(query,))).action is Action.WAIT, bad


def test_a_green_batch_goes_before_everything_where_batches_are_on() -> None:
    both = [candidate(n, contexts=[green(OLD_BASE)]) for n in (1, 2)]
    found = decide(pool(*both, jobs=[row(2, 1)], batches=True))
    assert (found.action, found.target) == (Action.MERGE_BATCH, (2, 1))


def test_a_batch_with_a_member_that_was_pushed_to_is_ignored() -> None:
    both = [candidate(n, contexts=[green(OLD_BASE)]) for n in (1, 2)]
    found = decide(pool(*both, jobs=[row(1, 2, heads=[head(1), "f" * 40])], batches=True))
    assert (found.action, found.target) == (Action.TRIGGER_BATCH, (1, 2))


def test_a_serial_merge_waits_for_a_running_batch() -> None:
    made = [candidate(1, contexts=[green()]), *(candidate(n, contexts=[green(OLD_BASE)]) for n in (2, 3))]
    found = decide(pool(*made, jobs=[row(2, 3, state="pending")], batches=True))
    assert (found.action, found.batch_pending) == (Action.WAIT, (2, 3))


def test_a_batch_starts_only_what_neither_runs_nor_passed() -> None:
    lint = Presubmit(name="lint", context="lint", always_run=True)
    policy = Policy(required=frozenset({"unit", "lint"}))
    contexts = [green(OLD_BASE), green(OLD_BASE, "lint")]
    both = [candidate(n, jobs=(UNIT, lint), policy=policy, contexts=contexts) for n in (1, 2)]
    found = decide(pool(*both, jobs=[row(1, 2), row(1, 2, name="lint", state="failure")], batches=True))
    assert [(each.job.name, each.attempt) for each in found.triggers] == [("lint", 1)]


def test_no_batch_without_two_that_merge_together() -> None:
    both = [candidate(n, contexts=[green(OLD_BASE)]) for n in (1, 2)]
    clash = msgspec.structs.replace(pool(*both, batches=True), batch_conflicts=frozenset({2}))
    assert decide(clash).action is Action.TRIGGER
    assert decide(pool(*both, batches=True, batch_limit=-1)).action is Action.TRIGGER


def test_buckets_are_those_of_the_worst_test() -> None:
    lint = Presubmit(name="lint", context="lint", always_run=True)
    made = candidate(1, jobs=(UNIT, lint), contexts=[green(), context("lint", "PENDING")])
    assert decide(pool(made, jobs=[row(1, name="lint", state="pending")])).judgements[1].bucket is Bucket.PENDING
    assert decide(pool(made)).judgements[1].bucket is Bucket.MISSING


def test_missing_required_contexts_are_named() -> None:
    made = candidate(1, policy=Policy(required=frozenset({"unit", "cla"})), contexts=[green()])
    bad = decide(pool(made)).judgements[1].unsuccessful
    assert [(each.name, each.state) for each in bad] == [("cla", ContextState.EXPECTED)]


@pytest.mark.parametrize(
    ("status", "message", "answer"),
    [
        (405, "Base branch was modified. Review and try the merge again.", Answer.AGAIN),
        (405, "You're not authorized to push to this branch.", Answer.STOP),
        (405, "Merge commits are not allowed on this repository.", Answer.STOP),
        (405, "At least 2 approving reviews are required.", Answer.REFUSED),
        (409, "Head branch was modified.", Answer.HEAD_MOVED),
        (422, "something", Answer.REFUSED),
        (403, "something", Answer.REFUSED),
    ],
)
def test_githubs_answers_to_a_merge(status: int, message: str, answer: Answer) -> None:
    assert refusals.answer_of(status, message) is answer


def test_a_refusal_is_remembered_longer_each_time_until_something_changes() -> None:
    before: Refusal | None = None
    minutes = []
    for _ in range(7):
        before = refusals.refused(before, head_sha="a", message="no", now=NOW)
        minutes.append((before.until or NOW) - NOW)
    assert [each // timedelta(minutes=1) for each in minutes] == [1, 2, 4, 8, 16, 30, 30]
    assert refusals.refused(before, head_sha="b", message="no", now=NOW).count == 1
    assert refusals.refused(before, head_sha="a", message="other", now=NOW).count == 1


@pytest.mark.parametrize(
    ("title", "branches"),
    [
        ("Stop", set()),
        ("Stop branch:foo", {"foo"}),
        ("Stop branch: foo-bar", {"foo-bar"}),
        ('Stop BRANCH:"FOO-bar"', {"FOO-bar"}),
        ("branch:slash/in/name and branch:v1.2", {"slash/in/name", "v1.2"}),
        ("abranch:foo", set()),
    ],
)
def test_titles_of_blocking_issues_name_branches(title: str, branches: set[str]) -> None:
    assert blockers.branches_of(title) == branches


def test_blocking_issues_apply_to_their_branches_and_are_shown_without_them() -> None:
    issues = [
        Blocker(number=9, title="Freeze branch:main"),
        Blocker(number=3, title="All"),
        Blocker(number=4, title="branch:v1"),
    ]
    assert [(each.number, each.title) for each in blockers.applying(issues, "main")] == [(3, "All"), (9, "Freeze ")]
