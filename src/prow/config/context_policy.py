"""Which contexts the configuration asks of a branch's pull requests (`spec/tide` §2.4). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from prow.config.branch_policy import ProtectionError, branch_policy, job_contexts
from prow.config.config import Config
from prow.config.job import Presubmit
from prow.config.tide import ContextOptions, ContextPolicy
from prow.lib import regex
from prow.lib.errors import Permanent

_LISTS = ("required_contexts", "required_if_present_contexts", "optional_contexts", "optional_regex_contexts")
_SWITCHES = ("skip_unknown_contexts", "from_branch_protection", "overwrite_pending_contexts")


class PolicyError(Permanent):
    """The configuration contradicts itself: a context is required and optional, or a pattern is not RE2."""


class WantedContexts(msgspec.Struct, frozen=True):
    """What options, protection and jobs ask for, together."""

    required: frozenset[str]
    if_present: frozenset[str]
    optional: frozenset[str]
    optional_regexes: tuple[regex.Regex, ...]
    skip_unknown: bool


def context_options(options: ContextOptions, org: str, repo: str, branch: str) -> ContextPolicy:
    """The options of all levels in one: the deepest switch counts, lists are united and sorted."""
    levels = tuple(_levels(options, org, repo, branch))
    changes: dict[str, object] = {
        name: tuple(sorted({each for level in levels for each in getattr(level, name)})) for name in _LISTS
    }
    for name in _SWITCHES:
        given = [value for level in levels if (value := getattr(level, name)) is not None]
        changes[name] = given[-1] if given else None
    return ContextPolicy(**changes)  # type: ignore[arg-type]


def _levels(options: ContextOptions, org: str, repo: str, branch: str) -> Iterator[ContextPolicy]:
    yield options
    of_org = options.orgs.get(org)
    if of_org is None:
        return
    yield of_org
    of_repo = of_org.repos.get(repo)
    if of_repo is None:
        return
    yield of_repo
    of_branch = of_repo.branches.get(branch)
    if of_branch is not None:
        yield of_branch


def protected_contexts(
    config: Config, org: str, repo: str, branch: str, jobs: Sequence[Presubmit], options: ContextPolicy
) -> tuple[bool, tuple[str, ...]]:
    """Whether manual jobs are required, and which contexts. A protection that contradicts itself says nothing, as upstream."""
    if not options.from_branch_protection:
        return False, ()
    try:
        policy = branch_policy(config.branch_protection, org, repo, branch, jobs)
    except ProtectionError:
        return False, ()
    if policy is None:
        return False, ()
    checks = policy.required_status_checks if policy.protect else None
    return bool(policy.require_manually_triggered_jobs), checks.contexts if checks is not None else ()


def wanted_contexts(config: Config, org: str, repo: str, branch: str, jobs: Sequence[Presubmit]) -> WantedContexts:
    """`jobs`: the presubmits of the repository, for whatever branch. Raises `PolicyError`."""
    options = context_options(config.tide.context_options, org, repo, branch)
    manual, protected = protected_contexts(config, org, repo, branch, jobs, options)
    of_jobs = job_contexts(jobs, branch, manual_required=manual)
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
    return WantedContexts(
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
