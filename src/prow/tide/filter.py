"""Why a pull request is not in the pool (`spec/tide` §2.3, and the conditions of the queries). Pure.

Other than upstream a draft is out (GitHub merges none, so trying only starves others), a pull request that GitHub has not looked at yet
is not held against it (`canBeRebased` is false until then), and one that GitHub blocks while a required test of ours is pending stays,
because that test is what GitHub waits for (§11.3).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from prow.config.tide import REBASE
from prow.model.decision import Reason
from prow.model.pull_facts import ContextState, HeadContext, Mergeable, PullFacts
from prow.tide.methods import method_labels, method_of
from prow.tide.model import PoolRules, QueryGap
from prow.tide.reasons import (
    Conflict,
    ContextFailed,
    Draft,
    GitHubBlocks,
    MethodLabelsContradict,
    MethodNotAllowed,
    NoQueryCovers,
    NoQueryMatches,
    NotRebasable,
    ReviewsOutstanding,
    SettingsUnknown,
)


def unmergeable(
    rules: PoolRules, pull: PullFacts, unsuccessful: Sequence[HeadContext], tests: Collection[str]
) -> Iterator[Reason]:
    """What no label can change. `tests`: contexts of the presubmits that it has to pass."""
    if pull.draft:
        yield Draft()
    if pull.mergeable is Mergeable.CONFLICTING:
        yield Conflict(base=pull.base_ref)
    method = method_of(rules, pull.labels)
    if method is None:
        yield MethodLabelsContradict(labels=method_labels(rules.method_labels, pull.labels))
    elif method == REBASE and not pull.can_be_rebased and pull.mergeable is not Mergeable.UNKNOWN:
        yield NotRebasable()
    if rules.allowed_methods is None:
        yield SettingsUnknown()
    elif method is not None and method not in rules.allowed_methods:
        yield MethodNotAllowed(method=method)
    if rules.github_blocks == "block" and pull.merge_state == "BLOCKED" and not _only_tests(unsuccessful, tests):
        yield GitHubBlocks()


def _only_tests(unsuccessful: Sequence[HeadContext], tests: Collection[str]) -> bool:
    """Whether GitHub blocks it because of tests of ours that are under way."""
    return bool(unsuccessful) and all(
        context.state is ContextState.PENDING and context.name in tests for context in unsuccessful
    )


def outside(
    rules: PoolRules,
    pull: PullFacts,
    gaps: Sequence[QueryGap],
    unsuccessful: Sequence[HeadContext],
    tests: Collection[str],
) -> Iterator[Reason]:
    """All else that keeps it out: no query has it, reviews, contexts."""
    if not gaps:
        yield NoQueryCovers(repo=f"{pull.org}/{pull.repo}")
    elif not any(gap.searched for gap in gaps):
        yield NoQueryMatches()
    if rules.wait_for_reviews and pull.review_decision in {"CHANGES_REQUESTED", "REVIEW_REQUIRED"}:
        yield ReviewsOutstanding(decision=pull.review_decision)
    for context in unsuccessful:
        if context.state is not ContextState.PENDING or context.name not in tests:
            yield ContextFailed(context=context)
