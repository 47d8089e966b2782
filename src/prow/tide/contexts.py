"""Which contexts a pull request needs, and which of those that it has are good (`spec/tide` §2.4-2.6). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prow.config.config import Config
from prow.config.context_policy import context_options, protected_contexts, wanted_contexts
from prow.config.job import Presubmit
from prow.config.tide import ContextOptions, ContextPolicy
from prow.model.pull_facts import ContextState, HeadContext
from prow.model.status_text import SKIP_RETEST, base_sha_of
from prow.tide.model import TIDE, ContextClass, Policy, PoolKey

_BETTER = (
    ContextState.SUCCESS,
    ContextState.PENDING,
    ContextState.ERROR,
    ContextState.FAILURE,
    ContextState.EXPECTED,
)


def options_for(options: ContextOptions, key: PoolKey) -> ContextPolicy:
    """The options of all levels in one: the deepest switch counts, lists are united and sorted."""
    return context_options(options, *key)


def manual_jobs_required(config: Config, key: PoolKey, jobs: Sequence[Presubmit]) -> bool:
    """Whether jobs that only run when asked for are needed, too (`require_manually_triggered_jobs`)."""
    return protected_contexts(config, *key, jobs, options_for(config.tide.context_options, key))[0]


def policy_for(config: Config, key: PoolKey, jobs: Sequence[Presubmit]) -> Policy:
    """`jobs`: the presubmits of the repository, for whatever branch. Raises `PolicyError`."""
    wanted = wanted_contexts(config, *key, jobs)
    return Policy(
        required=wanted.required,
        if_present=wanted.if_present,
        optional=wanted.optional,
        optional_regexes=wanted.optional_regexes,
        skip_unknown=wanted.skip_unknown,
    )


def class_of(policy: Policy, name: str) -> ContextClass:
    """How a context counts, the first that fits."""
    if name == TIDE:
        return ContextClass.IGNORED
    if name in policy.optional:
        return ContextClass.OPTIONAL
    if policy.optional_regexes and any(pattern.matches(name) for pattern in policy.optional_regexes):
        return ContextClass.OPTIONAL
    if name in policy.required:
        return ContextClass.REQUIRED
    if name in policy.if_present:
        return ContextClass.IF_PRESENT
    return ContextClass.OPTIONAL if policy.skip_unknown else ContextClass.UNKNOWN


def unsuccessful(policy: Policy, contexts: Sequence[HeadContext]) -> tuple[HeadContext, ...]:
    """Contexts that hinder a merge; required ones that are missing have the state EXPECTED. Of check runs of one name the best counts."""
    bad = [
        context
        for context in best_check_runs(contexts)
        if context.state is not ContextState.SUCCESS
        and class_of(policy, context.name) not in {ContextClass.IGNORED, ContextClass.OPTIONAL}
    ]
    there = {context.name for context in contexts}
    return (*bad, *(HeadContext(name=name) for name in sorted(policy.required - there)))


def best_check_runs(contexts: Iterable[HeadContext]) -> tuple[HeadContext, ...]:
    """Of several check runs with one name the best; a status and a check run of one name both count."""
    kept: dict[tuple[str, bool, int], HeadContext] = {}
    for index, context in enumerate(contexts):
        if not context.name:
            continue
        key = (context.name, context.check_run, 0 if context.check_run else index)
        known = kept.get(key)
        if known is None or _BETTER.index(context.state) < _BETTER.index(known.state):
            kept[key] = context
    return tuple(kept.values())


def proves(context: HeadContext, base_sha: str) -> bool:
    """Whether a good context says itself that it holds for this base (§2.6)."""
    if context.state is not ContextState.SUCCESS or not context.description:
        return False
    return SKIP_RETEST in context.description or base_sha_of(context.description) == base_sha != ""
