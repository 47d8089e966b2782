"""Pure: which configured jobs run for an event, each with its reason (`spec/plugins-review` §4.4, §4.9; `spec/config` §2.4).

A selection needs the changed files only for jobs that look at them: `needs_files` says whether it does, so that the caller
asks GitHub only then. The answer is one `Decision[bool]` per job, in the order of the config.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from prow.config.job import Brancher, ChangedPaths, Postsubmit, Presubmit
from prow.lib import regex
from prow.model.decision import Decision, Reason

TEST_ALL = regex.compile(r"(?m)^/test all,?($|\s.*)")
RETEST = regex.compile(r"(?m)^/retest\s*$")
RETEST_REQUIRED = regex.compile(r"(?m)^/retest-required\s*$")
TEST_MANUAL_REQUIRED = regex.compile(r"(?m)^/test-manual-required\s*$")
OK_TO_TEST = regex.compile(r"(?m)^/ok-to-test\s*$")

J = TypeVar("J", bound=Brancher)


class OtherBranch(Reason, frozen=True):
    branch: str

    def __str__(self) -> str:
        return f"not for branch {self.branch}"


class AlwaysRuns(Reason, frozen=True):
    def __str__(self) -> str:
        return "always runs"


class Asked(Reason, frozen=True):
    command: str

    def __str__(self) -> str:
        return f"asked for by {self.command}"


class NotAsked(Reason, frozen=True):
    def __str__(self) -> str:
        return "runs only when it is asked for"


class ChangesMatch(Reason, frozen=True):
    """`skips`: the pattern names files that do not matter."""

    pattern: str
    skips: bool

    def __str__(self) -> str:
        return f"a change is outside {self.pattern}" if self.skips else f"a change matches {self.pattern}"


class ChangesDoNotMatch(Reason, frozen=True):
    pattern: str
    skips: bool

    def __str__(self) -> str:
        return f"all changes match {self.pattern}" if self.skips else f"no change matches {self.pattern}"


class FailedBefore(Reason, frozen=True):
    context: str

    def __str__(self) -> str:
        return f"{self.context} failed"


class NotFailed(Reason, frozen=True):
    context: str

    def __str__(self) -> str:
        return f"{self.context} has not failed"


class NotChosen(Reason, frozen=True):
    """The command does not mean this job."""

    def __str__(self) -> str:
        return "not meant by the command"


class Chosen(msgspec.Struct, Generic[J], frozen=True):
    """A job and whether it runs."""

    job: J
    decision: Decision[bool]

    @property
    def runs(self) -> bool:
        return self.decision.verdict


class Statuses(msgspec.Struct, frozen=True):
    """Contexts of the head commit: those in error or failure, and all that were ever reported."""

    failed: frozenset[str] = frozenset()
    all: frozenset[str] = frozenset()


class How(StrEnum):
    """The ways in which text or an event picks jobs, in upstream's order of precedence."""

    COMMAND = "command"
    RETEST = "retest"
    RETEST_REQUIRED = "retest-required"
    MANUAL_REQUIRED = "test-manual-required"
    ALL = "test-all"


class _Pick(msgspec.Struct, frozen=True):
    """One filter's answer about a job: whether it means the job at all, and how strongly."""

    meant: bool
    forced: bool = False
    default: bool = False
    reason: Reason = NotChosen()


def filters_for(body: str, *, honour_ok_to_test: bool = True) -> tuple[How, ...]:
    """Which filters a comment switches on. The raw body: upstream looks into code blocks here, too."""
    found = [How.COMMAND]
    if RETEST.matches(body):
        found.append(How.RETEST)
    if RETEST_REQUIRED.matches(body):
        found.append(How.RETEST_REQUIRED)
    if TEST_MANUAL_REQUIRED.matches(body):
        found.append(How.MANUAL_REQUIRED)
    if TEST_ALL.matches(body) or (honour_ok_to_test and OK_TO_TEST.matches(body)):
        found.append(How.ALL)
    return tuple(found)


def needs_statuses(filters: Iterable[How]) -> bool:
    return any(how in {How.RETEST, How.RETEST_REQUIRED} for how in filters)


def needs_files(
    jobs: Sequence[Presubmit], *, branch: str, filters: Sequence[How], body: str = "", statuses: Statuses | None = None
) -> bool:
    """Whether `select_presubmits` will look at the changed files."""
    statuses = statuses or Statuses()
    for job in jobs:
        if job.always_run or job.change_matcher is None or not job.runs_on_branch(branch):
            continue
        pick = _pick(job, filters, body, statuses)
        if pick.meant and not pick.forced:
            return True
    return False


def select_presubmits(
    jobs: Sequence[Presubmit],
    *,
    branch: str,
    filters: Sequence[How],
    body: str = "",
    files: Sequence[str] = (),
    statuses: Statuses | None = None,
) -> tuple[Chosen[Presubmit], ...]:
    """Decide about every presubmit of the repository. For a pull request event: `filters=(How.ALL,)`."""
    statuses, files = statuses or Statuses(), ChangedPaths(files)
    return tuple(Chosen(job, _presubmit(job, branch, files, _pick(job, filters, body, statuses))) for job in jobs)


def _presubmit(job: Presubmit, branch: str, files: Sequence[str], pick: _Pick) -> Decision[bool]:
    if not pick.meant:
        return Decision(False, (pick.reason,))
    if not job.runs_on_branch(branch):
        return Decision(False, (OtherBranch(branch=branch),))
    if job.always_run:
        return Decision(True, (pick.reason if pick.forced or pick.default else AlwaysRuns(),))
    if pick.forced:
        return Decision(True, (pick.reason,))
    changes = _changes(job, files)
    if changes is not None and changes.verdict:
        return changes
    if pick.default:
        return Decision(True, (pick.reason,))
    return changes or Decision(False, (NotAsked(),))


def _pick(job: Presubmit, filters: Sequence[How], body: str, statuses: Statuses) -> _Pick:
    """The first filter that means the job decides how strongly it is meant."""
    last = _Pick(False)
    for how in filters:
        pick = _one_filter(job, how, body, statuses)
        if pick.meant:
            return pick
        last = pick if how is not How.COMMAND or len(filters) == 1 else last
    return last


def _one_filter(job: Presubmit, how: How, body: str, statuses: Statuses) -> _Pick:
    match how:
        case How.COMMAND:
            if not (body and job.trigger_matches(body)):
                return _Pick(False)
            return _Pick(True, forced=True, default=True, reason=Asked(command=job.rerun_command))
        case How.RETEST | How.RETEST_REQUIRED:
            if how is How.RETEST_REQUIRED and job.optional:
                return _Pick(False)
            failed = job.context in statuses.failed
            never_ran = not job.needs_explicit_trigger and job.context not in statuses.all
            reason: Reason = FailedBefore(context=job.context) if failed else NotFailed(context=job.context)
            return _Pick(failed or never_ran, default=failed, reason=reason)
        case How.MANUAL_REQUIRED:
            manual = not job.optional and job.needs_explicit_trigger
            return _Pick(manual, forced=True, reason=Asked(command="/test-manual-required"))
        case How.ALL:
            return _Pick(not job.needs_explicit_trigger, reason=NotAsked())


def _changes(job: Brancher, files: Sequence[str]) -> Decision[bool] | None:
    matcher = job.change_matcher
    if matcher is None:
        return None
    if matcher.matches(files):
        return Decision(True, (ChangesMatch(pattern=matcher.pattern, skips=matcher.skips),))
    return Decision(False, (ChangesDoNotMatch(pattern=matcher.pattern, skips=matcher.skips),))


def select_postsubmits(
    jobs: Sequence[Postsubmit], *, branch: str, files: Sequence[str]
) -> tuple[Chosen[Postsubmit], ...]:
    """Decide about every postsubmit of a push to `branch`; `files`: all paths that its commits touch."""
    files = ChangedPaths(files)
    return tuple(Chosen(job, _postsubmit(job, branch, files)) for job in jobs)


def _postsubmit(job: Postsubmit, branch: str, files: Sequence[str]) -> Decision[bool]:
    if not job.runs_on_branch(branch):
        return Decision(False, (OtherBranch(branch=branch),))
    changes = _changes(job, files)
    if changes is not None:
        return changes
    if job.always_run is None or job.always_run:
        return Decision(True, (AlwaysRuns(),))
    return Decision(False, (NotAsked(),))


class Available(msgspec.Struct, frozen=True):
    """What people can ask for on a branch: commands and the names behind `/test all`, each sorted."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    test_all: tuple[str, ...]


def available(jobs: Sequence[Presubmit], *, branch: str, files: Sequence[str]) -> Available:
    """For the help reply (`spec/plugins-review` §4.3)."""
    here = [job for job in jobs if job.runs_on_branch(branch)]
    required = {job.rerun_command for job in here if not job.optional}
    optional = {job.rerun_command for job in here if job.optional}
    everything = select_presubmits(here, branch=branch, filters=(How.ALL,), files=files)
    return Available(
        tuple(sorted(required)), tuple(sorted(optional)), tuple(sorted({c.job.name for c in everything if c.runs}))
    )
