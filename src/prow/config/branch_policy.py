"""Which protection config.yaml wants for a branch, and which contexts its presubmits make (`spec/config` §1.8, `spec/tide` §2.4). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from prow.config.branch_protection import (
    BranchProtection,
    Dismissals,
    Policy,
    RepoProtection,
    Restrictions,
    ReviewPolicy,
    StatusChecks,
)
from prow.config.job import Presubmit

P = TypeVar("P", Restrictions, Dismissals)

_LIMITS_OF_A_POLICY = frozenset({"unmanaged", "protect", "include", "exclude"})
"""Fields that say where a policy holds, not what it demands."""


class ProtectionError(ValueError):
    """The configured protection contradicts itself for this branch."""


class JobContexts(msgspec.Struct, frozen=True):
    """What the presubmits of a branch ask of its pull requests, each by context and in the order of the configuration."""

    required: tuple[str, ...] = ()
    if_present: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


def job_contexts(jobs: Iterable[Presubmit], branch: str, *, manual_required: bool = False) -> JobContexts:
    """Changed files play no role here: a job that may run or not is required if it is present."""
    required, if_present, optional = [], [], []
    for job in jobs:
        if not job.runs_on_branch(branch):
            continue
        if not job.context_required:
            optional.append(job.context)
        elif job.always_run or (manual_required and job.needs_explicit_trigger):
            required.append(job.context)
        else:
            if_present.append(job.context)
    return JobContexts(tuple(required), tuple(if_present), tuple(optional))


def branch_policy(
    config: BranchProtection, org: str, repo: str, branch: str, jobs: Sequence[Presubmit]
) -> Policy | None:
    """The policy of a branch with the contexts of its jobs in it; None: there is none. Raises `ProtectionError`."""
    if org not in config.orgs:
        return None
    policy = _of_branch(config, org, repo, branch)
    contexts = job_contexts(jobs, branch, manual_required=bool(policy.require_manually_triggered_jobs))
    others = contexts.if_present or contexts.optional
    if contexts.required or (others and config.protect_repos_with_optional_jobs):
        if policy.protect is False:
            if config.allow_disabled_job_policies:
                return None
            raise ProtectionError(f"{org}/{repo}={branch} has required jobs, but protect is false")
        policy = merged(
            policy,
            Policy(
                required_status_checks=StatusChecks(contexts=contexts.required),
                protect=True if config.protect_tested_repos else None,
            ),
        )
    if policy.protect is False and _demands(policy) and not config.allow_disabled_policies:
        raise ProtectionError(f"{org}/{repo}={branch} has settings, but protect is false")
    return policy if policy.protect is not None or _demands(policy) else None


def merged(parent: Policy, child: Policy) -> Policy:
    """The deeper level wins, lists are united."""
    changes: dict[str, object] = {}
    for name in Policy.__struct_fields__:
        above, below = getattr(parent, name), getattr(child, name)
        match above, below:
            case StatusChecks(), StatusChecks():
                value: object = StatusChecks(
                    contexts=_united(above.contexts, below.contexts),
                    strict=above.strict if below.strict is None else below.strict,
                )
            case Restrictions(), Restrictions():
                value = _united_people(above, below)
            case ReviewPolicy(), ReviewPolicy():
                value = _merged_reviews(above, below)
            case tuple(), tuple():
                value = _united(above, below)
            case _:
                value = above if below is None else below
        changes[name] = value
    return Policy(**changes)  # type: ignore[arg-type]


def _of_branch(config: BranchProtection, org: str, repo: str, branch: str) -> Policy:
    of_org = config.orgs[org]
    of_repo = of_org.repos.get(repo, RepoProtection())
    policy = merged(merged(merged(Policy(), config), of_org), of_repo)
    own = of_repo.branches.get(branch)
    if own is None:
        return policy
    policy = merged(policy, own)
    if policy.protect is None and not policy.unmanaged:
        raise ProtectionError(
            f"{org}/{repo}={branch} has a policy of its own, which must set protect or unmanaged: true"
        )
    return policy


def _merged_reviews(above: ReviewPolicy, below: ReviewPolicy) -> ReviewPolicy:
    changes: dict[str, object] = {}
    for name in ReviewPolicy.__struct_fields__:
        old, new = getattr(above, name), getattr(below, name)
        if isinstance(old, Dismissals) and isinstance(new, Dismissals):
            changes[name] = _united_people(old, new)
        else:
            changes[name] = old if new is None else new
    return ReviewPolicy(**changes)  # type: ignore[arg-type]


def _united_people(above: P, below: P) -> P:
    return replace(
        above, **{name: _people(getattr(above, name), getattr(below, name)) for name in above.__struct_fields__}
    )


def _people(above: tuple[str, ...] | None, below: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if above is None or below is None:
        return below if above is None else above
    return tuple(sorted({*above, *below}))


def _united(above: tuple[str, ...], below: tuple[str, ...]) -> tuple[str, ...]:
    """As given when only one side has something, else sorted."""
    return tuple(sorted({*above, *below})) if above and below else above or below


def _demands(policy: Policy) -> bool:
    defaults = Policy()
    return any(
        getattr(policy, name) != getattr(defaults, name)
        for name in Policy.__struct_fields__
        if name not in _LIMITS_OF_A_POLICY
    )
