"""The rules of protected branches as GraphQL tells them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLResolveInfo

from prow.sim.graph.pages import Page, by_position
from prow.sim.graph.reading import Branch, Reading
from prow.sim.payloads import Json
from prow.sim.state import Protection, Repo

Info = GraphQLResolveInfo[Reading]


@dataclass(frozen=True)
class Ruled:
    """A branch with its rules."""

    repo: Repo
    branch: str
    rules: Protection


def _rule(branch: Branch, info: Info) -> Ruled | None:
    rules = info.context.world.protection_of(branch.repo, branch.name)
    return None if rules is None else Ruled(branch.repo, branch.name, rules)


def _all(repo: Repo, info: Info, **page: Any) -> Json:
    """For those who may write: others see none."""
    writes = info.context.world.may(repo, info.context.login, "write")
    found = [Ruled(repo, name, rules) for name, rules in sorted(repo.protections.items()) if writes]
    return by_position("branchProtectionRules", found, Page(**page))


async def _matching(ruled: Ruled, info: Info, *, query: str | None = None, **page: Any) -> Json:  # noqa: ARG001 - a rule has one branch
    branch = await info.context.branch(ruled.repo, ruled.branch)
    return by_position("matchingRefs", [branch] if branch is not None else [], Page(**page))


def _told(get: Callable[[Protection], Any]) -> Callable[[Ruled, Info], Any]:
    return lambda ruled, _: get(ruled.rules)


FIELDS: dict[str, dict[str, Any]] = {
    "Ref": {"branchProtectionRule": _rule},
    "Repository": {"branchProtectionRules": _all},
    "BranchProtectionRule": {
        "id": lambda ruled, _: f"BPR_sim{zlib.crc32(f'{ruled.repo.id}/{ruled.branch}'.encode())}",
        "allowsDeletions": _told(lambda rules: rules.deletions),
        "allowsForcePushes": _told(lambda rules: rules.force_pushes),
        "blocksCreations": _told(lambda rules: rules.block_creations),
        "dismissesStaleReviews": _told(lambda rules: rules.dismiss_stale),
        "isAdminEnforced": _told(lambda rules: rules.enforce_admins),
        "lockBranch": _told(lambda rules: rules.locked),
        "matchingRefs": _matching,
        "pattern": lambda ruled, _: ruled.branch,
        "requireLastPushApproval": _told(lambda rules: rules.last_push),
        "requiredApprovingReviewCount": _told(lambda rules: rules.reviews),
        "requiredStatusCheckContexts": _told(lambda rules: list(rules.contexts or ())),
        "requiresApprovingReviews": _told(lambda rules: rules.reviews is not None),
        "requiresCodeOwnerReviews": _told(lambda rules: rules.code_owners),
        "requiresCommitSignatures": _told(lambda rules: rules.signatures),
        "requiresConversationResolution": _told(lambda rules: rules.conversations),
        "requiresLinearHistory": _told(lambda rules: rules.linear),
        "requiresStatusChecks": _told(lambda rules: rules.contexts is not None),
        "requiresStrictStatusChecks": _told(lambda rules: rules.strict),
        "restrictsPushes": _told(lambda rules: rules.pushers is not None),
        "restrictsReviewDismissals": _told(lambda rules: rules.dismissers is not None),
    },
}
