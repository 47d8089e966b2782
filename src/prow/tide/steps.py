"""Who can do what about something that is in the way of a merge: one table for the status and the explanation. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from prow.model.decision import Reason
from prow.model.explanation import NextStep
from prow.model.pull_facts import ContextState, PullFacts
from prow.tide.model import Candidate, Requirements
from prow.tide.reasons import (
    Blocked,
    Conflict,
    ContextFailed,
    ContextsUnsuccessful,
    Draft,
    GitHubBlocks,
    LabelsForbidden,
    LabelsMissing,
    MethodLabelsContradict,
    MethodNotAllowed,
    NoQueryCovers,
    NotRebasable,
    ReviewMissing,
    ReviewsOutstanding,
    WasRefused,
    WrongMilestone,
    cut_list,
)

AUTHOR = "the author"
TRUSTED = "anyone trusted"

HINTS: Mapping[str, NextStep] = MappingProxyType(
    {
        "lgtm": NextStep(who="a reviewer", what="/lgtm"),
        "approved": NextStep(who="an approver", what="/approve"),
        "ok-to-test": NextStep(who="a member", what="/ok-to-test"),
        "needs-ok-to-test": NextStep(who="a member", what="/ok-to-test"),
        "do-not-merge/hold": NextStep(who="anyone", what="/hold cancel"),
        "do-not-merge/work-in-progress": NextStep(who=AUTHOR, what="take WIP out of the title"),
        "do-not-merge/invalid-owners-file": NextStep(who=AUTHOR, what="mend the OWNERS file"),
        "do-not-merge/invalid-commit-message": NextStep(who=AUTHOR, what="reword the commits"),
        "do-not-merge/contains-merge-commits": NextStep(who=AUTHOR, what="rebase without merge commits"),
        "do-not-merge/release-note-label-needed": NextStep(who=AUTHOR, what="/release-note-none or a note"),
        "do-not-merge/needs-kind": NextStep(who="anyone", what="/kind KIND"),
        "do-not-merge/needs-sig": NextStep(who="anyone", what="/sig SIG"),
        "do-not-merge/cherry-pick-not-approved": NextStep(who="the release managers", what="approve it"),
        "needs-rebase": NextStep(who=AUTHOR, what="rebase"),
        "cncf-cla: yes": NextStep(who=AUTHOR, what="sign the CLA"),
    }
)
"""By label, missing or in the way. The service replaces roles by names where it knows some."""


def steps_for(reason: Reason, candidate: Candidate, hints: Mapping[str, NextStep]) -> tuple[NextStep, ...]:
    """Nothing: nobody can do anything, or nobody knows who."""
    return tuple(dict.fromkeys(_steps(reason, candidate, hints)))


def _steps(reason: Reason, candidate: Candidate, hints: Mapping[str, NextStep]) -> Iterator[NextStep]:
    pull = candidate.pull
    match reason:
        case LabelsMissing(labels=items):
            for item in cut_list(items):
                known = [hints[label.lower()] for label in item.split(",") if label.lower() in hints]
                yield from known[:1]
        case LabelsForbidden(labels=labels):
            yield from (hints[label.lower()] for label in cut_list(labels) if label.lower() in hints)
        case NoQueryCovers(repo=repo):
            yield NextStep(who="an operator of Prow", what=f"add {repo} to tide.queries")
        case WrongMilestone(milestone=milestone):
            yield NextStep(who="a milestone maintainer", what=f"/milestone {milestone}")
        case ContextsUnsuccessful(contexts=names):
            yield from _for_contexts(names, candidate)
        case ContextFailed(context=context):
            yield from _for_contexts((context.name,), candidate)
        case Conflict():
            yield NextStep(who=_author(pull), what=f"rebase on {pull.base_ref}")
        case Draft():
            yield NextStep(who=_author(pull), what="mark it ready for review")
        case NotRebasable():
            yield NextStep(who=_author(pull), what=f"rebase on {pull.base_ref} without merge commits")
        case MethodLabelsContradict(labels=labels):
            yield NextStep(who="anyone", what=f"remove all but one of {', '.join(labels)}")
        case MethodNotAllowed(method=method):
            yield NextStep(who="a repository admin", what=f"allow {method}, or configure another method")
        case ReviewMissing() | ReviewsOutstanding():
            yield NextStep(who="reviewers", what="approve on GitHub")
        case GitHubBlocks() | WasRefused():
            yield NextStep(who="a repository admin", what="see the rules of the branch")
        case Blocked(numbers=numbers):
            yield NextStep(who="a maintainer", what=f"close {', '.join(f'#{number}' for number in numbers)}")


def _for_contexts(names: tuple[str, ...], candidate: Candidate) -> Iterator[NextStep]:
    """What failed can be tried again; what was never started has to be asked for; what runs is waited for."""
    needs = candidate.requirements
    if not isinstance(needs, Requirements):
        return
    commands = {job.context: job.rerun_command for job in needs.jobs}
    states = {context.name: context.state for context in candidate.pull.contexts}
    for name in cut_list(names):
        state = states.get(name, ContextState.EXPECTED)
        if state is ContextState.PENDING:
            continue
        if commands.get(name):
            yield NextStep(who=TRUSTED, what=commands[name])
        elif name in needs.policy.if_present and state is not ContextState.EXPECTED:
            yield NextStep(who=TRUSTED, what="/retest")


def _author(pull: PullFacts) -> str:
    return pull.author or AUTHOR
