"""What crier tells GitHub: statuses by recorded answers, comments by tables."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from prow.crier import comment_rules, rules
from prow.model.forge import IssueComment, User
from prow.model.prowjob import JobState, ProwJob
from tests.contract.job_store import job

BOT = "prow-bot"
TYPES = ("presubmit", "postsubmit")


def ended(state: JobState, *, context: str = "unit", url: str = "https://prow.example/view/1") -> ProwJob:
    made = job(context)
    status = msgspec.structs.replace(
        made.status, state=state, url=url, completion_time=datetime(2026, 3, 4, tzinfo=UTC)
    )
    spec = msgspec.structs.replace(
        made.spec, job=context, context=context, report=True, rerun_command=f"/test {context}"
    )
    return msgspec.structs.replace(made, spec=spec, status=status)


def comment(number: int, body: str, login: str = BOT) -> IssueComment:
    return IssueComment(id=number, user=User(login=login), body=body)


@pytest.mark.parametrize(
    ("state", "github"),
    [
        ("triggered", "pending"),
        ("pending", "pending"),
        ("success", "success"),
        ("failure", "failure"),
        ("aborted", "failure"),
        ("error", "error"),
    ],
)
def test_states_become_githubs_states(state: str, github: str) -> None:
    assert rules.status_of(ended(JobState(state))).state == github


def test_a_first_failure_makes_a_comment() -> None:
    plan = comment_rules.plan([], [ended(JobState.FAILURE)], bot=BOT)
    assert (plan.delete, plan.edit) == ((), None)
    assert plan.body is not None
    assert "unit | " + "b" * 40 + " | [link](https://prow.example/view/1)" in plan.body
    assert "`/test unit`" in plan.body
    assert plan.body.rstrip().endswith("<!-- test report -->")


def test_another_failure_is_added_to_the_same_comment() -> None:
    first = comment_rules.plan([], [ended(JobState.FAILURE)], bot=BOT)
    plan = comment_rules.plan([comment(7, first.body or "")], [ended(JobState.FAILURE, context="lint")], bot=BOT)
    assert plan.edit == 7
    assert plan.body is not None
    assert [row.split(" | ")[0] for row in comment_rules.rows_of(plan.body)] == ["unit", "lint"]


def test_a_success_takes_its_row_away_and_the_comment_stays() -> None:
    first = comment_rules.plan([], [ended(JobState.FAILURE)], bot=BOT)
    plan = comment_rules.plan([comment(7, first.body or "")], [ended(JobState.SUCCESS)], bot=BOT)
    assert plan.edit == 7
    assert plan.body is not None
    assert not comment_rules.rows_of(plan.body)


def test_success_without_a_failure_before_says_nothing() -> None:
    assert comment_rules.plan([], [ended(JobState.SUCCESS)], bot=BOT).body is None


def test_a_report_that_says_it_already_is_not_written_again() -> None:
    first = comment_rules.plan([], [ended(JobState.FAILURE)], bot=BOT)
    again = comment_rules.plan([comment(7, first.body or "")], [ended(JobState.FAILURE)], bot=BOT)
    assert (again.body, again.unchanged, first.unchanged) == (None, True, False)


def test_other_peoples_reports_are_left_alone() -> None:
    first = comment_rules.plan([], [ended(JobState.FAILURE)], bot=BOT)
    plan = comment_rules.plan([comment(7, first.body or "", "mallory")], [ended(JobState.FAILURE)], bot=BOT)
    assert (plan.delete, plan.edit) == ((), None)


def test_a_hostile_link_does_not_break_the_table() -> None:
    plan = comment_rules.plan([], [ended(JobState.FAILURE, url="https://x/) | <b>\n---")], bot=BOT)
    assert plan.body is not None
    assert len(comment_rules.rows_of(plan.body)) == 1
