"""What is to be done with a job, as tables."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from prow.jobs.engine import Execution, Phase
from prow.jobs.index import JobRow, row_of
from prow.model.prowjob import JobState
from prow.plank import rules
from prow.plank.rules import Do, Limits
from tests.contract.job_store import job


def row(name: str = "one", **changes: Any) -> JobRow:
    return msgspec.structs.replace(row_of(job(name)), **{"created": 100, "started": 100, **changes})


def ended(phase: Phase, message: str = "") -> Execution:
    return Execution(name="one", build_id="7", phase=phase, message=message)


def decide(
    job_row: JobRow, execution: Execution | None = None, *others: JobRow, limits: Limits | None = None
) -> rules.Verdict:
    decision = rules.decide(
        job_row, execution, open_jobs=[job_row, *others], limits=limits or Limits(), has_engine=True
    )
    return decision.verdict


@pytest.mark.parametrize(
    ("changes", "execution", "do"),
    [
        ({}, None, Do.START),
        ({"build_id": "7"}, None, Do.RESUME),
        ({"state": JobState.SCHEDULING}, None, Do.NOTHING),
        ({"state": JobState.PENDING, "build_id": "7"}, None, Do.RESTART),
        ({"state": JobState.PENDING, "build_id": "7"}, ended(Phase.RUNNING), Do.NOTHING),
        ({"state": JobState.PENDING, "build_id": "7"}, ended(Phase.PENDING), Do.NOTHING),
        ({"state": JobState.PENDING, "build_id": "7"}, ended(Phase.LOST), Do.RESTART),
        ({"state": JobState.ABORTED}, None, Do.ABORT),
        ({"state": JobState.ABORTED, "completed": 200}, None, Do.NOTHING),
        ({"state": JobState.SUCCESS, "completed": 200}, None, Do.NOTHING),
    ],
)
def test_each_state_has_its_next_step(changes: dict[str, Any], execution: Execution | None, do: Do) -> None:
    assert decide(row(**changes), execution).do is do


@pytest.mark.parametrize(
    ("execution", "state", "description"),
    [
        (ended(Phase.SUCCEEDED), JobState.SUCCESS, "Job succeeded."),
        (ended(Phase.FAILED), JobState.FAILURE, "Job failed."),
        (ended(Phase.ERROR, "Pod running timeout."), JobState.ERROR, "Pod running timeout."),
    ],
)
def test_an_ended_run_ends_the_job(execution: Execution, state: JobState, description: str) -> None:
    verdict = decide(row(state=JobState.PENDING, build_id="7"), execution)
    assert (verdict.do, verdict.state, verdict.description) == (Do.COMPLETE, state, description)


def test_an_older_presubmit_of_the_same_pull_request_gives_way() -> None:
    old, new = row("old", started=100), row("new", started=101)
    assert decide(old, None, new).do is Do.SUPERSEDE
    assert decide(new, None, old).do is Do.START
    assert rules.superseded_by(old, [new]) == new


def test_only_one_of_two_twins_stays() -> None:
    a, b = row("a"), row("b")
    assert {decide(a, None, b).do, decide(b, None, a).do} == {Do.SUPERSEDE, Do.START}


def test_jobs_of_other_pull_requests_do_not_give_way() -> None:
    assert decide(row("old"), None, row("new", started=200, identity="other")).do is Do.START


@pytest.mark.parametrize(
    ("changes", "others", "limits", "reason"),
    [
        ({}, [{"state": JobState.PENDING}], Limits(max_concurrency=1), "plank.max_concurrency"),
        ({}, [{"state": JobState.PENDING}], Limits(max_concurrency=2), ""),
        ({"max_concurrency": 1}, [{"state": JobState.PENDING}], Limits(), "max_concurrency is 1"),
        ({"max_concurrency": 1}, [{"created": 99}], Limits(), "max_concurrency is 1"),
        ({"max_concurrency": 1}, [{"created": 101}], Limits(), ""),
        ({"max_concurrency": 1}, [{"state": JobState.PENDING, "job": "other"}], Limits(), ""),
        ({"max_concurrency": 1}, [{"state": JobState.PENDING, "completed": 1}], Limits(), ""),
        ({"queue": "q"}, [], Limits(), 'queue "q" is not in plank.job_queue_capacities'),
        ({"queue": "q"}, [], Limits(queues={"q": 0}), "capacity is 0"),
        ({"queue": "q"}, [{"queue": "q", "state": JobState.PENDING}], Limits(queues={"q": 1}), "capacity is 1"),
        ({"queue": "q"}, [{"queue": "q", "state": JobState.PENDING}], Limits(queues={"q": -1}), ""),
    ],
)
def test_limits_make_jobs_wait_and_say_why(
    changes: dict[str, Any], others: list[dict[str, Any]], limits: Limits, reason: str
) -> None:
    rows = [row(f"other-{n}", **{"identity": "x", **other}) for n, other in enumerate(others)]
    job_row = row(**changes)
    reasons = rules.may_start(job_row, rows, limits)
    assert reason in "; ".join(map(str, reasons))
    assert bool(reasons) is bool(reason)
    assert decide(job_row, None, *rows, limits=limits).do is (Do.WAIT if reason else Do.START)


def test_a_job_without_an_engine_waits_and_says_why() -> None:
    decision = rules.decide(row(agent="jenkins"), None, open_jobs=[], limits=Limits(), has_engine=False)
    assert decision.verdict.do is Do.WAIT
    assert decision.explain() == 'no engine here runs jobs of agent "jenkins" (cluster "default")'


def test_a_run_that_is_lost_too_often_ends() -> None:
    assert not rules.lost_too_often(2, 3, "evicted")
    assert (
        rules.lost_too_often(3, 3, "evicted")
        == "Job pod reached max revivals (3) after being stopped unexpectedly (evicted)"
    )
