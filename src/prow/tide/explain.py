"""Why a pull request is not merging, gate by gate (`spec/tide` §11.6). Pure.

Everything comes out of the same `PoolDecision` as the status, so that page, command line and status say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from prow.model.decision import Reason
from prow.model.explanation import Explanation, Gate, GateState, NextStep
from prow.model.pull_facts import ContextState, HeadContext, PullFacts
from prow.tide.contexts import class_of
from prow.tide.model import (
    Action,
    Bucket,
    Candidate,
    ContextClass,
    Judgement,
    PoolDecision,
    PoolSnapshot,
    Problem,
    QueryGap,
    Refusal,
    Requirements,
)
from prow.tide.queries import nearest
from prow.tide.reasons import (
    Blocked,
    Conflict,
    ContextFailed,
    Draft,
    GitHubBlocks,
    LabelsForbidden,
    LabelsMissing,
    MethodLabelsContradict,
    MethodNotAllowed,
    NoQueryCovers,
    NotRebasable,
    RequirementsUnknown,
    ReviewMissing,
    ReviewsOutstanding,
    SettingsUnknown,
    WasRefused,
    WrongAuthor,
    WrongBranch,
    WrongMilestone,
)
from prow.tide.status import HINTS, NOT_MERGEABLE, Standing, Summary, candidate_of, summary_of
from prow.tide.steps import AUTHOR, steps_for

_HOLD = "do-not-merge/hold"
_WIP = "do-not-merge/work-in-progress"
_MOST_FACTS = 40
_PLAIN_WORDS = frozenset(
    ["A", "It", "Job", "Jobs", "Labels", "Merging", "Must", "Needs", "No", "Nothing", "Should", "The", "What"]
)


def explain(
    snapshot: PoolSnapshot,
    decision: PoolDecision,
    number: int,
    *,
    since: Mapping[str, datetime] | None = None,
    hints: Mapping[str, NextStep] = HINTS,
) -> Explanation:
    """`since`: by name of the gate, when its state last changed. The pull request is one of the snapshot's, and was decided about."""
    candidate = candidate_of(snapshot, number)
    if candidate is None:
        raise KeyError(number)
    found = decision.judgements[number]
    summary = summary_of(snapshot, decision, candidate, found)
    gates = tuple(_Gates(snapshot, decision, candidate, found, since or {}, hints).all())
    return _about(candidate.pull, _verdict(summary, decision, found), gates)


def explain_done(pull: PullFacts) -> Explanation:
    """Of one that is merged or closed."""
    return _about(pull, "Merged." if pull.state == "MERGED" else "Closed without a merge.")


def _about(pull: PullFacts, verdict: str, gates: tuple[Gate, ...] = ()) -> Explanation:
    return Explanation(
        org=pull.org,
        repo=pull.repo,
        number=pull.number,
        title=pull.title,
        author=pull.author,
        url=pull.url,
        state=pull.state.lower(),
        base_ref=pull.base_ref,
        head_sha=pull.head_sha,
        verdict=verdict,
        gates=gates,
    )


def _verdict(summary: Summary, decision: PoolDecision, found: Judgement) -> str:
    """What the status says, as one sentence."""
    match summary.standing:
        case Standing.MERGING:
            return "In the merge pool, and next to be merged."
        case Standing.IN_POOL:
            others = [number for number in decision.target if number != found.number]
            if others and decision.action in {Action.MERGE, Action.MERGE_BATCH}:
                return f"In the merge pool, behind {_numbers(others)}."
            return f"In the merge pool{summary.text.removeprefix('In merge pool')}"
        case Standing.RETESTING:
            what = "being tested" if not found.missing else "to be tested"
            return f"In the merge pool; {what} on the newest base: {', '.join(summary.tests)}."
        case Standing.UNCOVERED:
            return f"Not merged by Prow: {_lower(summary.text)}"
        case Standing.UNKNOWN:
            return f"Not known now: {_lower(summary.text)}"
    said = summary.text.removeprefix(NOT_MERGEABLE).strip()
    if summary.reasons and isinstance(summary.reasons[0], Draft):
        said = "; ".join(_lower(str(reason)).removesuffix(".") for reason in summary.reasons) + "."
    return f"Not mergeable: {_lower(said) or 'it is not in the pool.'}"


class _Gates:
    """All gates of one pull request, in the order in which people meet them."""

    def __init__(
        self,
        snapshot: PoolSnapshot,
        decision: PoolDecision,
        candidate: Candidate,
        found: Judgement,
        since: Mapping[str, datetime],
        hints: Mapping[str, NextStep],
    ) -> None:
        self._snapshot = snapshot
        self._rules = snapshot.rules
        self._decision = decision
        self._candidate = candidate
        self._pull = candidate.pull
        self._found = found
        self._since = since
        self._hints = hints
        self._gap = nearest(found.gaps)

    def all(self) -> Iterator[Gate]:
        yield self._query()
        yield self._labels()
        forbidden = self._forbidden()
        yield self._without("hold", "Nobody holds it back", [label for label in forbidden if label.lower() == _HOLD])
        yield self._draft([label for label in forbidden if label.lower() == _WIP])
        others = [label for label in forbidden if label.lower() not in {_HOLD, _WIP}]
        yield self._without("forbidden-labels", "No label forbids the merge", others)
        yield self._conflict()
        yield self._method()
        yield self._reviews()
        yield self._github()
        yield self._checks()
        yield self._base()
        yield self._blockers()
        if self._found.refusal is not None:
            yield self._refusal(self._found.refusal)
        yield self._pool()

    def _gate(
        self,
        name: str,
        title: str,
        *,
        reasons: Sequence[Reason] = (),
        facts: Iterable[str] = (),
        state: GateState | None = None,
    ) -> Gate:
        """Closed by its reasons, which are among its facts and tell the next steps; open without any."""
        steps = [step for reason in reasons for step in steps_for(reason, self._candidate, self._hints)]
        return Gate(
            name=name,
            title=title,
            state=state or (GateState.CLOSED if reasons else GateState.OPEN),
            facts=(*(str(reason) for reason in reasons), *facts)[:_MOST_FACTS],
            since=self._since.get(name),
            next_steps=tuple(dict.fromkeys(steps)),
        )

    def _differences(self, *kinds: type[Reason]) -> list[Reason]:
        """Those from the nearest query; of a query that is not the nearest nobody is told to do something."""
        return [each for each in self._gap.differences if isinstance(each, kinds)] if self._gap is not None else []

    def _among_reasons(self, *kinds: type[Reason]) -> list[Reason]:
        return [each for each in self._found.reasons if isinstance(each, kinds)]

    def _query(self) -> Gate:
        reasons = [*self._among_reasons(NoQueryCovers), *self._differences(WrongBranch, WrongAuthor, WrongMilestone)]
        facts: list[str] = []
        if len(self._found.gaps) > 1:
            facts = [_query_fact(gap) for gap in self._found.gaps]
        return self._gate("query", "Covered by a query of tide", reasons=reasons, facts=facts)

    def _labels(self) -> Gate:
        reasons = self._differences(LabelsMissing)
        missing = {label for each in reasons if isinstance(each, LabelsMissing) for label in each.labels}
        wanted = self._rules.queries[self._gap.index].labels if self._gap is not None else ()
        facts = [f"{_alternatives(item)}: there" for item in wanted if item not in missing]
        return self._gate("labels", "Has the labels that a merge needs", reasons=reasons, facts=facts)

    def _forbidden(self) -> tuple[str, ...]:
        return tuple(
            label
            for each in self._differences(LabelsForbidden)
            if isinstance(each, LabelsForbidden)
            for label in each.labels
        )

    def _without(self, name: str, title: str, labels: Sequence[str]) -> Gate:
        return self._gate(name, title, reasons=[LabelsForbidden(labels=tuple(labels))] if labels else [])

    def _draft(self, labels: Sequence[str]) -> Gate:
        reasons: list[Reason] = [*self._among_reasons(Draft)]
        if labels:
            reasons.append(LabelsForbidden(labels=tuple(labels)))
        return self._gate("draft", "Ready for review", reasons=reasons)

    def _conflict(self) -> Gate:
        title = f"No conflict with {self._pull.base_ref}"
        reasons = self._among_reasons(Conflict)
        if not reasons and self._pull.mergeable.value == "UNKNOWN":
            facts = ["GitHub is working it out."]
            return self._gate("conflict", title, facts=facts, state=GateState.WAITING)
        return self._gate("conflict", title, reasons=reasons)

    def _method(self) -> Gate:
        reasons = self._among_reasons(MethodLabelsContradict, NotRebasable, MethodNotAllowed)
        facts = [f"Method: {self._found.method}."] if self._found.method else []
        waiting = None
        if self._among_reasons(SettingsUnknown):
            facts.append(str(SettingsUnknown()))
            waiting = GateState.WAITING if not reasons else None
        return self._gate(
            "method", "Can be merged the way that is configured", reasons=reasons, facts=facts, state=waiting
        )

    def _reviews(self) -> Gate:
        title = "Reviewed as GitHub wants it"
        reasons = [*self._differences(ReviewMissing), *self._among_reasons(ReviewsOutstanding)]
        decision = self._pull.review_decision
        if reasons or decision not in {"CHANGES_REQUESTED", "REVIEW_REQUIRED"}:
            facts = ["Approved on GitHub."] if decision == "APPROVED" else []
            return self._gate("reviews", title, reasons=reasons, facts=facts)
        facts = [str(ReviewsOutstanding(decision=decision)), "GitHub may refuse the merge."]
        return self._gate("reviews", title, facts=facts, state=GateState.WAITING)

    def _github(self) -> Gate:
        title = "GitHub's rules for the branch"
        reasons = self._among_reasons(GitHubBlocks)
        if reasons or self._pull.merge_state != "BLOCKED":
            return self._gate("github", title, reasons=reasons)
        facts = ["GitHub says BLOCKED; the merge is tried all the same when everything else is open."]
        if self._rules.github_blocks == "block":
            facts = ["GitHub says BLOCKED until tests of ours have passed."]
        return self._gate("github", title, facts=facts, state=GateState.WAITING)

    def _checks(self) -> Gate:
        title = "Required checks"
        needs = self._candidate.requirements
        if isinstance(needs, Problem):
            state = GateState.WAITING if needs.passing else GateState.CLOSED
            return self._gate("checks", title, facts=[str(RequirementsUnknown(text=needs.text))], state=state)
        bad = self._found.unsuccessful
        failed = [ContextFailed(context=each) for each in bad if each.state is not ContextState.PENDING]
        steps = [step for each in failed for step in self._steps_for_check(each)]
        state = GateState.CLOSED if failed else GateState.WAITING if bad else GateState.OPEN
        return Gate(
            name="checks",
            title=title,
            state=state,
            facts=tuple(_context_facts(needs, self._pull.contexts, bad))[:_MOST_FACTS],
            since=self._since.get("checks"),
            next_steps=tuple(dict.fromkeys(steps)),
        )

    def _steps_for_check(self, failed: ContextFailed) -> tuple[NextStep, ...]:
        steps = steps_for(failed, self._candidate, self._hints)
        return steps or (NextStep(who=self._pull.author or AUTHOR, what=f"see what {failed.context.name} reports"),)

    def _base(self) -> Gate:
        """Of a pull request outside the pool nobody asks yet."""
        title = f"Tested on the newest {self._pull.base_ref}"
        needs = self._candidate.requirements
        if not isinstance(needs, Requirements) or (self._found.in_pool and not needs.jobs):
            return self._gate("base", title, facts=["No test is needed."])
        if not self._found.in_pool:
            return self._gate(
                "base", title, facts=["Looked at when all gates before are open."], state=GateState.WAITING
            )
        missing = {job.context for job in self._found.missing}
        facts = []
        for job in needs.jobs:
            if job.context in missing:
                failed = self._found.attempts.get(job.context, 0)
                facts.append(f"{job.context}: {'failed here before' if failed else 'not tested here yet'}")
            elif job.context in self._found.pending:
                facts.append(f"{job.context}: running")
            else:
                how = "its status says so" if job.context in self._found.proven else "by a job on this base"
                facts.append(f"{job.context}: passed, {how}")
        state = GateState.OPEN if self._found.bucket is Bucket.SUCCESS else GateState.WAITING
        return self._gate("base", title, facts=facts, state=state)

    def _blockers(self) -> Gate:
        blockers = self._snapshot.blockers
        reasons = [Blocked(numbers=tuple(each.number for each in blockers))] if blockers else []
        facts = [f"#{each.number} {each.title} {each.url}".rstrip() for each in blockers]
        return self._gate(
            "blockers", f"Merging into {self._pull.base_ref} is not blocked", reasons=reasons, facts=facts
        )

    def _refusal(self, refusal: Refusal) -> Gate:
        reason = WasRefused(number=self._found.number, message=" ".join(refusal.message.split()))
        facts = (
            [f"Tried again after {refusal.until:%Y-%m-%d %H:%M:%S} UTC, or when something changes."]
            if refusal.until
            else []
        )
        return self._gate("refusal", "GitHub accepts the merge", reasons=[reason], facts=facts)

    def _pool(self) -> Gate:
        title = "Its turn in the pool"
        if not self._found.in_pool:
            return self._gate(
                "pool", title, facts=["Enters the pool when all gates before are open."], state=GateState.WAITING
            )
        decision = self._decision
        members = decision.members
        facts = [f"{_count(len(members), 'pull request')} in the pool.", *(str(reason) for reason in decision.reasons)]
        if decision.action in {Action.MERGE, Action.MERGE_BATCH} and self._found.number in decision.target:
            return self._gate("pool", title, facts=["Being merged.", *facts])
        return self._gate(
            "pool",
            title,
            facts=[_DOING[decision.action].format(_numbers(decision.target)), *facts],
            state=GateState.WAITING,
        )


_DOING = {
    Action.WAIT: "The pool waits.",
    Action.TRIGGER: "The pool tests {}.",
    Action.TRIGGER_BATCH: "The pool tests {} together.",
    Action.MERGE: "The pool merges {}.",
    Action.MERGE_BATCH: "The pool merges {}.",
    Action.BLOCKED: "The pool is blocked.",
}


def _context_facts(needs: Requirements, contexts: Sequence[HeadContext], bad: Sequence[HeadContext]) -> Iterator[str]:
    """Those in the way first, then the good ones; optional ones only as a number."""
    shown = [context for context in contexts if class_of(needs.policy, context.name) is not ContextClass.IGNORED]
    optional = [context for context in shown if class_of(needs.policy, context.name) is ContextClass.OPTIONAL]
    good = [context for context in shown if context.state is ContextState.SUCCESS and context not in optional]
    for context in (*bad, *good):
        kind = class_of(needs.policy, context.name)
        source = "check run" if context.check_run else "status"
        if context.state is ContextState.EXPECTED:
            yield f"{context.name}: missing ({kind})"
        else:
            yield f"{context.name}: {context.state.lower()} ({kind}, {source})"
    if optional:
        yield f"{_count(len(optional), 'optional check')} without effect."


def _query_fact(gap: QueryGap) -> str:
    if gap.met:
        return f"Query {gap.index + 1}: met."
    return f"Query {gap.index + 1}: {' '.join(str(each) for each in gap.differences)}"


def _alternatives(item: str) -> str:
    return item.replace(",", " or ")


def _numbers(numbers: Iterable[int]) -> str:
    return ", ".join(f"#{number}" for number in numbers)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _lower(text: str) -> str:
    """A sentence that goes on behind a colon; names keep their case."""
    return text[:1].lower() + text[1:] if text.partition(" ")[0] in _PLAIN_WORDS else text
