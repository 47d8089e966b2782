"""Branch protection is resolved as in the original (recorded answers)."""

from __future__ import annotations

from typing import Any

import msgspec

from prow.config.branch_policy import ProtectionError, branch_policy, job_contexts
from tests.support.data import needs_data, replay, unlike, without_nothing
from tests.tide.configs import config_of


def plain(value: Any) -> Any:
    """Without nulls and empty lists; a restriction to nobody is one. Lists are sets."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items() if part is not None and part not in ([], ())}
    return sorted(value) if isinstance(value, (list, tuple)) else value


def compare(case: dict[str, Any]) -> str:
    given = case["in"]
    config = config_of(given)
    jobs = config.presubmits_for(given["org"], given["repo"])
    refused = bool(case.get("error"))
    try:
        policy = branch_policy(config.branch_protection, given["org"], given["repo"], given["branch"], jobs)
    except ProtectionError as error:
        return "" if refused else f"refused here: {error}"
    if refused:
        return f"refused there: {case['message']}"
    found = job_contexts(jobs, given["branch"])
    got = {"required": found.required, "required_if_present": found.if_present, "optional": found.optional}
    recorded = dict(case["out"])
    said = unlike(plain(recorded.pop("policy")), plain(msgspec.to_builtins(policy)))
    return said or unlike(without_nothing(recorded), without_nothing(got))


@needs_data
def test_policies_and_contexts_are_those_of_the_original() -> None:
    replay("branch-protection", compare, lines=690)
