"""Pull requests that are tested and merged together (`spec/tide` §2.6, §3.3). Pure.

What is known of a batch lies in its jobs alone: the base and the heads that they were made for. Which pull requests can be merged onto one
another is found out by git, outside; here it is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from prow.config.job import Presubmit
from prow.jobs.index import JobRow, PullRow
from prow.model.prowjob import JobState, JobType
from prow.tide.judge import RUNNING, best_states
from prow.tide.model import Candidate, Judgement, PoolSnapshot, Requirements, Trigger

Members = tuple[PullRow, ...]


def results(snapshot: PoolSnapshot, members: Mapping[int, Candidate]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The batch that passed, and the one that is running; of several the largest, then the one with the smallest numbers.

    `members`: the pull requests of the pool. A batch with another one, or with another head, counts for nothing.
    """
    passed: list[tuple[int, ...]] = []
    running: list[tuple[int, ...]] = []
    for numbers, rows in _groups(snapshot, members).items():
        states = best_states(rows)
        needed = {states.get(job.context) for job in required_together(numbers, members)}
        if needed <= {JobState.SUCCESS}:
            passed.append(numbers)
        elif needed <= {JobState.SUCCESS, JobState.PENDING}:
            running.append(numbers)
    return _first(passed), _first(running)


def required_together(numbers: Iterable[int], members: Mapping[int, Candidate]) -> tuple[Presubmit, ...]:
    """Changed files of a batch are those of all: every job that one of them needs."""
    jobs: dict[tuple[str, str], Presubmit] = {}
    for number in numbers:
        needs = members[number].requirements
        if isinstance(needs, Requirements):
            for job in needs.jobs:
                jobs.setdefault((job.name, job.context), job)
    return tuple(jobs.values())


def pick(
    snapshot: PoolSnapshot, members: Mapping[int, Candidate], judgements: Mapping[int, Judgement]
) -> tuple[int, ...]:
    """Two or more that may be tested together, by number; nothing: there is no batch to be had."""
    rules = snapshot.rules
    fit = [number for number in sorted(members) if judgements[number].eligible and judgements[number].refusal is None]
    if rules.batch_limit < 0 or not fit:
        return ()
    if rules.prefer_existing_batches and (existing := _existing(snapshot, {n: members[n] for n in fit})):
        return existing
    chosen = [number for number in fit if number not in snapshot.batch_conflicts]
    if rules.batch_limit:
        chosen = chosen[: rules.batch_limit]
    return tuple(chosen) if len(chosen) > 1 else ()


def triggers(snapshot: PoolSnapshot, numbers: Sequence[int], members: Mapping[int, Candidate]) -> tuple[Trigger, ...]:
    """The jobs to start for a batch: not those that run or passed for the same commits."""
    wanted = sorted((number, members[number].pull.head_sha) for number in numbers)
    rows = [
        row
        for row in snapshot.jobs
        if _is_here(row, snapshot) and sorted((pull.number, pull.sha) for pull in row.pulls) == wanted
    ]
    done = {row.job for row in rows if row.state is JobState.SUCCESS or row.state in RUNNING}
    started: dict[str, Trigger] = {}
    for job in required_together(numbers, members):
        if job.name not in done and job.context not in started:
            started[job.context] = Trigger(job, sum(row.job == job.name for row in rows))
    return tuple(started.values())


def _groups(snapshot: PoolSnapshot, members: Mapping[int, Candidate]) -> dict[tuple[int, ...], list[JobRow]]:
    """The batch jobs on this base by their pull requests, all of which are in the pool as they were tested."""
    groups: dict[tuple[int, ...], list[JobRow]] = {}
    for row in snapshot.jobs:
        if _is_here(row, snapshot) and _holds(row.pulls, members):
            groups.setdefault(tuple(pull.number for pull in row.pulls), []).append(row)
    return groups


def _existing(snapshot: PoolSnapshot, fit: Mapping[int, Candidate]) -> tuple[int, ...]:
    """A batch that was begun, so that only what failed in it is run again: of those with a success, else of those that run, the one
    with the most such jobs."""
    limit = snapshot.rules.batch_limit
    counts: dict[JobState, dict[tuple[int, ...], int]] = {JobState.SUCCESS: {}, JobState.PENDING: {}}
    for row in snapshot.jobs:
        found = counts.get(row.state)
        if found is None or not _is_here(row, snapshot) or (limit and len(row.pulls) > limit):
            continue
        if _holds(row.pulls, fit):
            numbers = tuple(sorted(pull.number for pull in row.pulls))
            found[numbers] = found.get(numbers, 0) + 1
    for found in counts.values():
        if found:
            return min(found, key=lambda numbers: (-found[numbers], numbers))
    return ()


def _is_here(row: JobRow, snapshot: PoolSnapshot) -> bool:
    return row.type is JobType.BATCH and row.base_sha == snapshot.base_sha


def _holds(pulls: Members, members: Mapping[int, Candidate]) -> bool:
    return bool(pulls) and all(
        pull.number in members and members[pull.number].pull.head_sha == pull.sha for pull in pulls
    )


def _first(batches: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return min(batches, key=lambda numbers: (-len(numbers), numbers), default=())
