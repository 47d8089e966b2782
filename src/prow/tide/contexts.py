"""Which contexts a pull request needs, and which of those that it has are good (`spec/tide` §2.4-2.6). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prow.config.branch_policy import ProtectionError, branch_policy, job_contexts
from prow.config.config import Config
from prow.config.job import Presubmit
from prow.config.tide import ContextOptions, ContextPolicy
from prow.lib import regex
from prow.lib.errors import Permanent
from prow.model.pull_facts import ContextState, HeadContext
from prow.model.status_text import SKIP_RETEST, base_sha_of
from prow.tide.model import TIDE, ContextClass, Policy, PoolKey

_LISTS = ("required_contexts", "required_if_present_contexts", "optional_contexts", "optional_regex_contexts")
_SWITCHES = ("skip_unknown_contexts", "from_branch_protection", "overwrite_pending_contexts")
_BETTER = (
    ContextState.SUCCESS,
    ContextState.PENDING,
    ContextState.ERROR,
    ContextState.FAILURE,
    ContextState.EXPECTED,
)


class PolicyError(Permanent):
    """The configuration contradicts itself: a context is required and optional, or a pattern is not RE2."""


def options_for(options: ContextOptions, key: PoolKey) -> ContextPolicy:
    """The options of all levels in one: the deepest switch counts, lists are united and sorted."""
    levels = tuple(_levels(options, key))
    changes: dict[str, object] = {
        name: tuple(sorted({each for level in levels for each in getattr(level, name)})) for name in _LISTS
    }
    for name in _SWITCHES:
        given = [value for level in levels if (value := getattr(level, name)) is not None]
        changes[name] = given[-1] if given else None
    return ContextPolicy(**changes)  # type: ignore[arg-type]


def _levels(options: ContextOptions, key: PoolKey) -> Iterator[ContextPolicy]:
    yield options
    org = options.orgs.get(key.org)
    if org is None:
        return
    yield org
    repo = org.repos.get(key.repo)
    if repo is None:
        return
    yield repo
    branch = repo.branches.get(key.branch)
    if branch is not None:
        yield branch


def manual_jobs_required(config: Config, key: PoolKey, jobs: Sequence[Presubmit]) -> bool:
    """Whether jobs that only run when asked for are needed, too (`require_manually_triggered_jobs`)."""
    return _from_protection(config, key, jobs, options_for(config.tide.context_options, key))[0]


def _from_protection(
    config: Config, key: PoolKey, jobs: Sequence[Presubmit], options: ContextPolicy
) -> tuple[bool, tuple[str, ...]]:
    """Whether manual jobs are required, and which contexts. A protection that contradicts itself says nothing, as upstream."""
    if not options.from_branch_protection:
        return False, ()
    try:
        policy = branch_policy(config.branch_protection, *key, jobs)
    except ProtectionError:
        return False, ()
    if policy is None:
        return False, ()
    checks = policy.required_status_checks if policy.protect else None
    return bool(policy.require_manually_triggered_jobs), checks.contexts if checks is not None else ()


def policy_for(config: Config, key: PoolKey, jobs: Sequence[Presubmit]) -> Policy:
    """`jobs`: the presubmits of the repository, for whatever branch. Raises `PolicyError`."""
    options = options_for(config.tide.context_options, key)
    manual, protected = _from_protection(config, key, jobs, options)
    of_jobs = job_contexts(jobs, key.branch, manual_required=manual)
    required = frozenset((*options.required_contexts, *protected, *of_jobs.required))
    if_present = frozenset((*options.required_if_present_contexts, *of_jobs.if_present))
    optional = frozenset((*options.optional_contexts, *of_jobs.optional))
    for one, other, text in (
        (required, optional, "required and optional"),
        (required, if_present, "required and required if present"),
        (optional, if_present, "optional and required if present"),
    ):
        if both := sorted(one & other):
            raise PolicyError(f"{', '.join(both)} cannot be {text}")
    return Policy(
        required=required,
        if_present=if_present,
        optional=optional,
        optional_regexes=tuple(_regexes(options.optional_regex_contexts, required | if_present)),
        skip_unknown=bool(options.skip_unknown_contexts),
    )


def _regexes(patterns: Iterable[str], needed: Iterable[str]) -> Iterator[regex.Regex]:
    for pattern in patterns:
        try:
            compiled = regex.compile(pattern)
        except regex.RegexError as error:
            raise PolicyError(f"the pattern {pattern!r} of optional contexts is wrong: {error}") from None
        for name in sorted(needed):
            if compiled.matches(name):
                raise PolicyError(f"the pattern {pattern!r} of optional contexts matches {name}, which is required")
        yield compiled


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
