"""What is old enough to go. Ages are days; now is day 20."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prow.jobs.index import JobRow, row_of
from prow.model.prowjob import JobState, JobType, ObjectMeta, ProwJob, ProwJobSpec, ProwJobStatus
from prow.sinker.rules import Why, aged, may_be_orphaned, run_is_over

ZERO = datetime(2026, 3, 1, tzinfo=UTC)
DAY = 24 * 3600.0
NOW = ZERO.timestamp() + 20 * DAY


def row(
    name: str,
    start: float,
    end: float | None = None,
    *,
    type: JobType = JobType.PRESUBMIT,  # noqa: A002 - its name
    job: str = "unit",
    deleting: bool = False,
) -> JobRow:
    return row_of(
        ProwJob(
            metadata=ObjectMeta(name=name, deletion_timestamp=ZERO if deleting else None),
            spec=ProwJobSpec(type=type, job=job),
            status=ProwJobStatus(
                start_time=ZERO + timedelta(days=start),
                completion_time=ZERO + timedelta(days=end) if end is not None else None,
                state=JobState.SUCCESS if end is not None else JobState.PENDING,
            ),
        )
    )


PERIODIC = JobType.PERIODIC


@pytest.mark.parametrize(
    ("rows", "gone"),
    [
        ([row("old", 12, 12.1)], {"old": Why.AGED}),
        ([row("to-the-second", 13, 13.1)], {}),
        ([row("young", 14, 14.1)], {}),
        # age counts from the start, being complete is only the condition
        ([row("long", 12, 19.9)], {"long": Why.AGED}),
        ([row("never-ends", 1)], {}),
        ([row("aborted-but-running", 1)], {}),
        ([row("push", 12, 12.1, type=JobType.POSTSUBMIT)], {"push": Why.AGED}),
        ([row("batch", 12, 12.1, type=JobType.BATCH)], {"batch": Why.AGED}),
        ([row("marked", 12, 12.1, deleting=True)], {}),
        # the latest run of a configured periodic stays
        ([row("last", 2, 2.1, type=PERIODIC, job="nightly")], {}),
        (
            [row(f"run-{n}", n, n + 0.1, type=PERIODIC, job="nightly") for n in (3, 5, 4)],
            {"run-3": Why.AGED_PERIODIC, "run-4": Why.AGED_PERIODIC},
        ),
        ([row("removed", 2, 2.1, type=PERIODIC, job="no-more")], {"removed": Why.AGED_PERIODIC}),
        # a latest run that still goes on is the one that stays
        (
            [row("ended", 2, 2.1, type=PERIODIC, job="nightly"), row("stuck", 3, type=PERIODIC, job="nightly")],
            {"ended": Why.AGED_PERIODIC},
        ),
        # another job of the same name keeps no periodic's run
        (
            [row("last", 2, 2.1, type=PERIODIC, job="nightly"), row("push", 12, 12.1, job="nightly")],
            {"push": Why.AGED},
        ),
    ],
)
def test_jobs_age_out(rows: list[JobRow], gone: dict[str, Why]) -> None:
    removals = aged(rows, periodics={"nightly", "weekly"}, max_age=7 * DAY, now=NOW)
    assert {removal.row.name: removal.why for removal in removals} == gone


def test_the_oldest_go_first() -> None:
    rows = [row("b", 3, 3.1), row("c", 5, 5.1), row("a", 4, 4.1)]
    assert [r.row.name for r in aged(rows, periodics=set(), max_age=DAY, now=NOW)] == ["b", "a", "c"]


JOBS = st.lists(
    st.tuples(
        st.integers(0, 20),
        st.none() | st.integers(0, 20),
        st.sampled_from(JobType),
        st.sampled_from(["nightly", "unit"]),
    ),
    max_size=20,
)


@given(JOBS, st.sets(st.sampled_from(["nightly", "unit"])), st.integers(0, 20))
def test_nothing_incomplete_goes_and_each_configured_periodic_keeps_a_run(
    jobs: list[tuple[int, int | None, JobType, str]], periodics: set[str], days: int
) -> None:
    rows = [row(f"r{n}", start, end, type=kind, job=job) for n, (start, end, kind, job) in enumerate(jobs)]
    gone = {removal.row.name for removal in aged(rows, periodics=periodics, max_age=days * DAY, now=NOW)}
    assert all(each.complete for each in rows if each.name in gone)
    assert all(NOW - each.started > days * DAY for each in rows if each.name in gone)
    for name in periodics:
        runs = {each.name for each in rows if each.type is JobType.PERIODIC and each.job == name}
        assert not runs or runs - gone


class Run:
    name = "job"
    build_id = "1"

    def __init__(self, started: float) -> None:
        self.started = started and ZERO.timestamp() + started * DAY


@pytest.mark.parametrize(
    ("started", "owner", "why"),
    [
        (18.0, row("job", 18, 18.1), Why.AGED),
        (19.5, row("job", 19.5, 19.6), None),
        # the job was ended long ago, the run began anew since then
        (19.9, row("job", 18, 18.5), Why.TTLED),
        (0.0, row("job", 18, 18.5), Why.TTLED),
        # an incomplete job would only start it again
        (1.0, row("job", 1), None),
    ],
)
def test_runs_of_finished_jobs_go(started: float, owner: JobRow, why: Why | None) -> None:
    assert run_is_over(Run(started), owner, max_age=DAY, ttl=DAY, now=NOW) is why


def test_a_run_without_a_job_is_given_half_a_minute() -> None:
    assert not may_be_orphaned(Run(20 - 29 / DAY), now=NOW)
    assert may_be_orphaned(Run(20 - 31 / DAY), now=NOW)
