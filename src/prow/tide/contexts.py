"""Which contexts a pull request needs, and which of those that it has are good (`spec/tide` §2.4, §2.5). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from prow.config.config import Config
from prow.config.job import Presubmit
from prow.lib.errors import Permanent
from prow.model.pull_facts import HeadContext
from prow.tide.model import ContextClass, Policy, PoolKey


class PolicyError(Permanent):
    """The configuration contradicts itself: a context is required and optional, or a pattern is not RE2."""


def policy_for(config: Config, key: PoolKey, jobs: Sequence[Presubmit]) -> Policy:
    """`jobs`: the presubmits of the repository, for whatever branch. Raises `PolicyError`."""
    raise NotImplementedError


def class_of(policy: Policy, name: str) -> ContextClass:
    raise NotImplementedError


def unsuccessful(policy: Policy, contexts: Sequence[HeadContext]) -> tuple[HeadContext, ...]:
    """Contexts that hinder a merge; required ones that are missing have the state EXPECTED."""
    raise NotImplementedError


def best_check_runs(contexts: Iterable[HeadContext]) -> tuple[HeadContext, ...]:
    """Of several check runs with one name the best; statuses stay as they are."""
    raise NotImplementedError


def proves(context: HeadContext, base_sha: str) -> bool:
    """Whether a good context says itself that it holds for this base (§2.6)."""
    raise NotImplementedError
