"""When periodics are due. Times are told from 2026-03-02 00:00:00 UTC, a Monday."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from prow.config.job import Periodic, Retry
from prow.horologium.rules import decide
from prow.jobs.index import JobRow, latest, row_of
from prow.model.prowjob import JobState, JobType, Label, ObjectMeta, ProwJob, ProwJobSpec, ProwJobStatus

ZERO = datetime(2026, 3, 2, tzinfo=UTC)


def at(text: str) -> datetime:
    """`1 02:30` is Tuesday, half past two; `02:30` is Monday."""
    day, _, clock = text.rpartition(" ")
    hours, minutes, *seconds = (int(part) for part in clock.split(":"))
    return ZERO + timedelta(days=int(day or "0"), hours=hours, minutes=minutes, seconds=sum(seconds))


def run(
    start: str, end: str | None = None, *, state: JobState = JobState.SUCCESS, rerun: str = "", cron: str = ""
) -> JobRow:
    """A run of the periodic."""
    return row_of(
        ProwJob(
            metadata=ObjectMeta(
                name="the-run",
                labels={Label.RE_RUN: rerun} if rerun else {},
                annotations={Label.CRON: cron} if cron else {},
            ),
            spec=ProwJobSpec(type=JobType.PERIODIC, job="nightly"),
            status=ProwJobStatus(
                start_time=at(start),
                completion_time=at(end) if end else None,
                state=state if end else JobState.PENDING,
            ),
        )
    )


HOURLY = Periodic(name="nightly", interval="1h")
AFTER = Periodic(name="nightly", minimum_interval="1h")
CRON = Periodic(name="nightly", cron="30 2 * * *")
EVERY = Periodic(name="nightly", cron="@every 1h")
BY_CRON = "30 2 * * *"


@pytest.mark.parametrize(
    ("periodic", "last", "now", "due", "look"),
    [
        # interval: from start to start
        (HOURLY, None, "00:10", "first", None),
        (HOURLY, run("00:00", "00:05"), "00:59:59", None, "01:00"),
        (HOURLY, run("00:00", "00:05"), "01:00", "2026-03-02T01:00:00Z", None),
        (HOURLY, run("00:00", "00:05"), "3 07:00", "2026-03-02T01:00:00Z", None),
        (HOURLY, run("00:00"), "05:00", None, None),
        (HOURLY, run("00:00", "01:30"), "01:30", "2026-03-02T01:00:00Z", None),
        # minimum_interval: from end to start
        (AFTER, None, "00:10", "first", None),
        (AFTER, run("00:00", "00:05"), "01:04", None, "01:05"),
        (AFTER, run("00:00", "00:05"), "01:05", "2026-03-02T01:05:00Z", None),
        (AFTER, run("00:00"), "05:00", None, None),
        # cron
        (CRON, None, "00:10", None, "02:30"),
        (CRON, None, "02:30", "2026-03-02T02:30:00Z", None),
        (CRON, run("02:30", "02:40", cron=BY_CRON), "03:00", None, "1 02:30"),
        (CRON, run("02:30", "02:40", cron=BY_CRON), "1 02:30:01", "2026-03-03T02:30:00Z", None),
        # the run ends in the second of the firing: it is over
        (CRON, run("02:00", "02:30", cron=BY_CRON), "02:30", "2026-03-02T02:30:00Z", None),
        # it ended a second later: passed over
        (CRON, run("02:00", "02:30:01", cron=BY_CRON), "02:31", None, "1 02:30"),
        # a run goes on: looked at again at each firing, to tell
        (CRON, run("02:00", cron=BY_CRON), "03:00", None, "1 02:30"),
        # @every: no table, counted from the latest run
        (EVERY, None, "00:10", "first", None),
        (EVERY, run("00:00", "00:05"), "00:30", None, "01:00"),
        (EVERY, run("00:00", "00:05"), "01:00", "2026-03-02T01:00:00Z", None),
        (EVERY, run("00:00", "01:10"), "01:30", None, "02:00"),
        (EVERY, run("00:00"), "01:30", None, "02:00"),
        (EVERY, run("00:00"), "02:00", None, "03:00"),
        (EVERY, run("00:00"), "00:30", None, "01:00"),
    ],
)
def test_periodics_are_due(
    periodic: Periodic, last: JobRow | None, now: str, due: str | None, look: str | None
) -> None:
    decision = decide(periodic, last, now=at(now), known_since=at("00:00"))
    assert decision.verdict.create == (due is not None)
    assert decision.verdict.cause == (due or "")
    assert decision.verdict.look == (at(look) if look else None)
    assert decision.explain()


def test_firings_while_horologium_was_down_are_made_up_for_once() -> None:
    before = run("02:30", "02:40", cron=BY_CRON)
    decision = decide(CRON, before, now=at("4 09:00"), known_since=at("4 09:00"))
    assert decision.verdict.create
    assert decision.verdict.cause == "2026-03-03T02:30:00Z"
    assert "made up for once" in decision.explain()
    after = decide(CRON, run("4 09:00", "4 09:10", cron=BY_CRON), now=at("4 09:20"), known_since=at("4 09:00"))
    assert not after.verdict.create
    assert after.verdict.look == at("5 02:30")


def test_a_cron_job_that_never_ran_waits_for_its_first_firing_after_each_start() -> None:
    decision = decide(CRON, None, now=at("4 09:00"), known_since=at("4 09:00"))
    assert decision.verdict.look == at("5 02:30")
    assert decision.explain() == "it is due at 2026-03-07 02:30:00 UTC"


@pytest.mark.parametrize("made_by", ["", "0 2 * * *"])
def test_runs_of_another_expression_or_of_upstream_are_not_counted_from(made_by: str) -> None:
    decision = decide(CRON, run("02:30", "02:40", cron=made_by), now=at("4 09:00"), known_since=at("4 09:00"))
    assert not decision.verdict.create
    assert decision.verdict.look == at("5 02:30")


def test_a_firing_during_a_run_is_told_and_passed_over() -> None:
    going = decide(CRON, run("02:00", cron=BY_CRON), now=at("1 09:00"), known_since=at("00:00"))
    assert going.verdict.lost == at("02:30")
    assert going.explain() == (
        "its run the-run has not ended; firings from 2026-03-02 02:30:00 UTC until its end are passed over"
    )
    quiet = decide(CRON, run("03:00", cron=BY_CRON), now=at("09:00"), known_since=at("00:00"))
    assert quiet.verdict.lost is None
    every = decide(EVERY, run("00:00"), now=at("02:30"), known_since=at("00:00"))
    assert every.verdict.lost == at("02:00")


def retried(**changes: object) -> Periodic:
    retry = Retry(**{"attempts": 2, "interval": "10m"} | changes)  # type: ignore[arg-type]
    return Periodic(name="nightly", interval="6h", retry=retry)


@pytest.mark.parametrize(
    ("periodic", "last", "now", "rerun", "look"),
    [
        # retry.interval is the pause before a repetition, and not the periodic's interval as upstream reads it
        (retried(), run("00:00", "00:05", state=JobState.FAILURE), "00:09", 0, "00:10"),
        (retried(), run("00:00", "00:05", state=JobState.FAILURE), "00:10", 1, None),
        (retried(), run("00:00", "00:05"), "00:30", 0, "06:00"),
        (retried(), run("00:00", "00:05", state=JobState.ABORTED), "00:10", 1, None),
        (retried(), run("00:00", "00:05", state=JobState.ERROR, rerun="1"), "00:10", 2, None),
        (retried(), run("00:00", "00:05", state=JobState.ERROR, rerun="2"), "00:10", 0, "06:00"),
        (retried(attempts=99), run("00:00", "00:05", state=JobState.ERROR, rerun="9"), "00:10", 10, None),
        (retried(attempts=99), run("00:00", "00:05", state=JobState.ERROR, rerun="10"), "00:10", 0, "06:00"),
        (retried(), run("00:00", "00:05", state=JobState.ERROR, rerun="some"), "00:10", 0, "06:00"),
        (retried(), run("00:00"), "00:30", 0, None),
        (retried(run_all=True), run("00:00", "00:05"), "00:10", 1, None),
        (retried(run_all=True), run("00:00"), "00:09", 0, "00:10"),
        (retried(run_all=True), run("00:00"), "00:10", 1, None),
        (retried(interval="0s"), run("00:00", "00:05", state=JobState.FAILURE), "00:05", 1, None),
    ],
)
def test_failed_periodics_are_repeated(
    periodic: Periodic, last: JobRow, now: str, rerun: int, look: str | None
) -> None:
    verdict = decide(periodic, last, now=at(now), known_since=at("00:00")).verdict
    assert (verdict.create, verdict.rerun) == (rerun > 0, rerun)
    assert verdict.look == (at(look) if look else None)


def test_a_regular_run_goes_before_a_repetition_and_begins_the_count_anew() -> None:
    last = run("00:00", "00:05", state=JobState.FAILURE, rerun="1")
    verdict = decide(retried(interval="6h"), last, now=at("06:00"), known_since=at("00:00")).verdict
    assert (verdict.create, verdict.rerun) == (True, 0)


def test_a_failed_cron_job_is_repeated_between_its_firings() -> None:
    periodic = Periodic(name="nightly", cron=BY_CRON, retry=Retry(attempts=1, interval="30m"))
    failed = run("02:30", "02:40", state=JobState.FAILURE, cron=BY_CRON)
    decision = decide(periodic, failed, now=at("03:00"), known_since=at("00:00"))
    assert (decision.verdict.create, decision.verdict.rerun) == (True, 1)
    assert decision.verdict.cause == "2026-03-02T03:00:00Z/1"
    assert decision.explain() == "repetition 1 of 1 after run the-run"


@pytest.mark.parametrize(
    ("periodic", "why"),
    [
        (Periodic(name="p", cron="TZ=Europe/Berlin 0 2 * * *"), "take no time zone"),
        (Periodic(name="p", cron="0 0 30 2 *"), "names no moment that will come"),
        (Periodic(name="p", cron="nonsense"), "can never run"),
        (Periodic(name="p", interval="1 hour"), "can never run"),
    ],
)
def test_what_can_never_run_says_why(periodic: Periodic, why: str) -> None:
    for last in (None, run("00:00", "00:05")):
        decision = decide(periodic, last, now=at("1 00:00"), known_since=at("00:00"))
        assert (decision.verdict.create, decision.verdict.look) == (False, None)
        assert why in decision.explain()


def test_the_night_clocks_change_is_like_any_other() -> None:
    """Europe's 2026-03-29 has no 02:30, America's 2026-11-01 has 01:30 twice; schedules are in UTC."""
    for day, cron in (
        (datetime(2026, 3, 28, tzinfo=UTC), "30 2 * * *"),
        (datetime(2026, 10, 31, tzinfo=UTC), "30 1 * * *"),
    ):
        moment = day
        fired = []
        for _ in range(3):
            look = decide(Periodic(name="p", cron=cron), None, now=moment, known_since=moment).verdict.look
            assert look is not None
            fired.append(look)
            moment = look + timedelta(minutes=1)
        assert [b - a for a, b in pairwise(fired)] == [timedelta(days=1)] * 2


def test_the_latest_run_is_the_one_that_started_last() -> None:
    rows = [run("00:00", "05:00"), run("01:00", "01:10"), run("00:30")]
    assert latest(rows) is rows[1]
    assert latest([]) is None


def test_everybody_who_sees_the_same_run_names_the_next_one_alike() -> None:
    last = run("02:30", "02:40", cron=BY_CRON)
    early = decide(CRON, last, now=at("1 02:30"), known_since=at("00:00")).verdict
    late = decide(CRON, last, now=at("5 11:00"), known_since=at("5 11:00")).verdict
    assert early.cause == late.cause
