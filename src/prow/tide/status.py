"""The `tide` commit status: what stands between a pull request and its merge, in 140 bytes (`spec/tide` §5.2-5.6). Pure.

The beginnings `In merge pool`, `Not mergeable.` and `Retesting` are matched by tools. Behind upstream's text stands, as far as there is room,
who can do what, in brackets. `summary_of` is what the status and the explanation have in common.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

import msgspec

from prow.model.decision import Reason
from prow.model.explanation import NextStep
from prow.model.forge import CommitStatus
from prow.model.pull_facts import HeadContext
from prow.model.status_text import LONGEST
from prow.tide.model import TIDE, Candidate, Judgement, PoolDecision, PoolSnapshot
from prow.tide.queries import nearest, target_url
from prow.tide.reasons import (
    Blocked,
    Draft,
    NoQueryCovers,
    RequirementsUnknown,
    SettingsUnknown,
    WasRefused,
    WrongBranch,
)
from prow.tide.steps import HINTS, steps_for

__all__ = ["HINTS", "Standing", "Summary", "differs", "status_of", "summary_of"]

IN_POOL = "In merge pool"
NOT_MERGEABLE = "Not mergeable."
_WRONG_BRANCH = 2000


class Standing(StrEnum):
    """`ERROR`: somebody has to act outside of labels and tests. `UNKNOWN`: it cannot be told now. `UNCOVERED`: tide leaves it alone."""

    MERGING = "merging"
    IN_POOL = "in pool"
    RETESTING = "retesting"
    WAITING = "waiting"
    ERROR = "error"
    UNKNOWN = "unknown"
    UNCOVERED = "uncovered"


class Summary(msgspec.Struct, frozen=True):
    """`text`: the status without its hint. `reasons`: what it says, `tests`: those that are run again."""

    standing: Standing
    text: str
    reasons: tuple[Reason, ...] = ()
    tests: tuple[str, ...] = ()


def status_of(
    snapshot: PoolSnapshot, decision: PoolDecision, number: int, *, hints: Mapping[str, NextStep] = HINTS
) -> CommitStatus | None:
    """None: nothing is written now. `hints`: by label who can do what about it."""
    candidate = candidate_of(snapshot, number)
    found = decision.judgements.get(number)
    if candidate is None or found is None:
        return None
    summary = summary_of(snapshot, decision, candidate, found)
    if summary.standing not in _STATES:
        return None
    steps = [step for reason in summary.reasons for step in steps_for(reason, candidate, hints)]
    url = target_url(snapshot.rules, candidate.pull)
    return CommitStatus(
        context=TIDE,
        state=_STATES[summary.standing],
        description=_with_hint(_cut(summary.text), steps),
        target_url=url or None,
    )


_STATES = {
    Standing.MERGING: "success",
    Standing.IN_POOL: "success",
    Standing.RETESTING: "pending",
    Standing.WAITING: "pending",
    Standing.ERROR: "error",
}


def differs(status: CommitStatus, current: HeadContext | None) -> bool:
    """Whether it has to be written (§5.4): where it leads to does not count."""
    if current is None:
        return True
    return (status.state, status.description or "") != (current.state.value.lower(), current.description)


def candidate_of(snapshot: PoolSnapshot, number: int) -> Candidate | None:
    return next((each for each in snapshot.candidates if each.pull.number == number), None)


def summary_of(snapshot: PoolSnapshot, decision: PoolDecision, candidate: Candidate, found: Judgement) -> Summary:
    """The first row of §5.2 that fits."""
    if not found.gaps:
        uncovered = NoQueryCovers(repo=f"{candidate.pull.org}/{candidate.pull.repo}")
        return Summary(Standing.UNCOVERED, str(uncovered), (uncovered,))
    if any(isinstance(reason, SettingsUnknown) for reason in found.unmergeable):
        return Summary(Standing.UNKNOWN, str(SettingsUnknown()))
    if found.problem is not None and found.problem.passing:
        return Summary(Standing.UNKNOWN, str(RequirementsUnknown(text=found.problem.text)))
    if found.in_pool:
        return _inside(snapshot, decision, candidate, found)
    blocked = _blocked(snapshot)
    if found.unmergeable:
        first = found.unmergeable[0]
        if isinstance(first, Draft):
            return _outside(found, first, *_nearest_difference(found))
        return Summary(Standing.ERROR, f"{NOT_MERGEABLE} {first}", (first,))
    if found.problem is not None:
        reason = RequirementsUnknown(text=found.problem.text)
        return Summary(Standing.ERROR, f"{NOT_MERGEABLE} {reason}", (reason,))
    if blocked is not None:
        return Summary(Standing.ERROR, f"{NOT_MERGEABLE} {blocked}", (blocked,))
    if snapshot.rules.show_all_queries and not found.query_met:
        return _all_queries(candidate, found)
    return _outside(found, *(_nearest_difference(found) or found.reasons[:1]))


def _inside(snapshot: PoolSnapshot, decision: PoolDecision, candidate: Candidate, found: Judgement) -> Summary:
    if found.refusal is not None:
        reason = WasRefused(number=found.number, message=_one_line(found.refusal.message))
        return Summary(Standing.ERROR, f"{NOT_MERGEABLE} GitHub refused the merge: {reason.message}", (reason,))
    tests = tuple(sorted({*found.pending, *(job.context for job in found.missing)}))
    if tests:
        return Summary(Standing.RETESTING, _retesting(tests), (), tests)
    blocked = _blocked(snapshot)
    if blocked is not None:
        numbers = ", ".join(str(number) for number in blocked.numbers)
        plural = "s" if len(blocked.numbers) > 1 else ""
        return Summary(Standing.IN_POOL, f"{IN_POOL}, held up by issue{plural} {numbers}.", (blocked,))
    standing = Standing.MERGING if found.number in decision.target else Standing.IN_POOL
    if candidate.pull.merge_state == "BLOCKED" and snapshot.rules.github_blocks == "permit":
        return Summary(standing, f"{IN_POOL} (despite BLOCKED).")
    return Summary(standing, f"{IN_POOL}.")


def _retesting(tests: Sequence[str]) -> str:
    text = f"{NOT_MERGEABLE} Retesting: {' '.join(tests)}"
    if len(text.encode()) <= LONGEST:
        return text
    return f"{NOT_MERGEABLE} Retesting {len(tests)} job{'s' if len(tests) > 1 else ''}."


def _outside(found: Judgement, *reasons: Reason) -> Summary:
    standing = Standing.WAITING
    return Summary(standing, " ".join([NOT_MERGEABLE, *(str(reason) for reason in reasons)]), reasons or found.reasons)


def _nearest_difference(found: Judgement) -> tuple[Reason, ...]:
    """Of the lightest query the first difference; nothing when a query is fully met."""
    gap = nearest(found.gaps)
    return gap.differences[:1] if gap is not None else ()


def _all_queries(candidate: Candidate, found: Judgement) -> Summary:
    firsts = [gap.differences[0] for gap in found.gaps if gap.differences and gap.weight < _WRONG_BRANCH]
    if not firsts:
        branch = candidate.pull.base_ref
        return Summary(
            Standing.WAITING, f"{NOT_MERGEABLE} No query is about branch {branch}.", (WrongBranch(branch=branch),)
        )
    texts = [str(reason) for reason in firsts]
    joined = " OR ".join([*(text.removesuffix(".") for text in texts[:-1]), texts[-1]])
    return Summary(Standing.WAITING, f"{NOT_MERGEABLE} {joined}", tuple(firsts))


def _blocked(snapshot: PoolSnapshot) -> Blocked | None:
    numbers = tuple(blocker.number for blocker in snapshot.blockers)
    return Blocked(numbers=numbers) if numbers else None


def _with_hint(text: str, steps: Sequence[NextStep]) -> str:
    """As many steps as there is room for, the first ones first."""
    shown = list(dict.fromkeys(_told(steps)))
    while shown:
        whole = f"{text} ({'; '.join(shown)})"
        if len(whole.encode()) <= LONGEST:
            return whole
        shown.pop()
    return text


def _told(steps: Sequence[NextStep]) -> Iterator[str]:
    for step in steps:
        if step.what:
            yield f"{step.what} by {step.who}" if step.who else step.what


def _one_line(text: str) -> str:
    """GitHub's words and names of branches are others' text."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _cut(text: str) -> str:
    data = _one_line(text).encode("utf-8", "replace")
    return data.decode() if len(data) <= LONGEST else data[: LONGEST - 3].decode("utf-8", "ignore") + "..."
