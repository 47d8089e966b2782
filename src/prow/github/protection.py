"""Branches, and the rules that protect them."""

from __future__ import annotations

import msgspec

from prow.github.area import Area, repo_at, typed
from prow.github.errors import NotFound
from prow.model.base import Noun
from prow.model.forge import Team, User

_NOT_PROTECTED = "branch not protected"
_SIGNATURES = "application/vnd.github.zzzax-preview+json"


class ListedBranch(Noun, frozen=True):
    name: str = ""
    protected: bool = False


class Switch(Noun, frozen=True):
    """A rule that is on or off."""

    enabled: bool = False


class RequiredStatusChecks(Noun, frozen=True):
    """`strict`: the branch has to be up to date."""

    strict: bool = False
    contexts: tuple[str, ...] = ()


class _Actor(Noun, frozen=True):
    slug: str = ""


class Actors(Noun, frozen=True):
    """People, teams and Apps that a rule names."""

    users: tuple[User, ...] = ()
    teams: tuple[Team, ...] = ()
    apps: tuple[_Actor, ...] = ()


class RequiredReviews(Noun, frozen=True):
    dismissal_restrictions: Actors | None = None
    dismiss_stale_reviews: bool = False
    require_code_owner_reviews: bool = False
    required_approving_review_count: int = 0
    bypass_pull_request_allowances: Actors | None = None


class BranchProtection(Noun, frozen=True):
    """What GitHub says. A rule that is null is off; `restrictions`: who may push, null is everybody who may write."""

    required_status_checks: RequiredStatusChecks | None = None
    enforce_admins: Switch = Switch()
    required_pull_request_reviews: RequiredReviews | None = None
    restrictions: Actors | None = None
    required_linear_history: Switch = Switch()
    allow_force_pushes: Switch = Switch()
    allow_deletions: Switch = Switch()
    required_signatures: Switch = Switch()


class ActorNames(msgspec.Struct, frozen=True, kw_only=True):
    """Logins of people, slugs of teams and Apps. GitHub takes a null for `apps` as nobody was meant."""

    users: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    apps: tuple[str, ...] | msgspec.UnsetType = msgspec.UNSET


class ReviewsRequest(msgspec.Struct, frozen=True, kw_only=True):
    dismiss_stale_reviews: bool = False
    require_code_owner_reviews: bool = False
    required_approving_review_count: int = 0
    dismissal_restrictions: ActorNames | msgspec.UnsetType = msgspec.UNSET
    bypass_pull_request_allowances: ActorNames | msgspec.UnsetType = msgspec.UNSET


class ProtectionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """All rules of a branch; what was there before is replaced. None turns a rule off."""

    required_status_checks: RequiredStatusChecks | None = None
    enforce_admins: bool | None = None
    required_pull_request_reviews: ReviewsRequest | None = None
    restrictions: ActorNames | None = None
    required_linear_history: bool = False
    allow_force_pushes: bool = False
    allow_deletions: bool = False


class Protection(Area):
    async def list_branches(self, org: str, repo: str, *, protected: bool = False) -> tuple[ListedBranch, ...]:
        """`protected`: those alone."""
        query = {"protected": "true" if protected else "false"}
        return await self._list(ListedBranch, repo_at("/branches", org, repo, query=query))

    async def get_branch_protection(self, org: str, repo: str, branch: str) -> BranchProtection | None:
        """None: the branch is there and is not protected. Raises NotFound where the branch or the right to ask is missing."""
        place = repo_at("/branches/:branch*/protection", org, repo, branch=branch)
        try:
            return typed(await self._ask("GET", place), BranchProtection, place)
        except NotFound as error:
            if _NOT_PROTECTED not in error.message.lower():
                raise
            return None

    async def update_branch_protection(self, org: str, repo: str, branch: str, rules: ProtectionRequest) -> None:
        place = repo_at("/branches/:branch*/protection", org, repo, branch=branch)
        await self._ask("PUT", place, body=_with_required(rules))

    async def remove_branch_protection(self, org: str, repo: str, branch: str) -> None:
        """A branch that is not protected stays so."""
        place = repo_at("/branches/:branch*/protection", org, repo, branch=branch)
        try:
            await self._ask("DELETE", place)
        except NotFound as error:
            if _NOT_PROTECTED not in error.message.lower():
                raise

    async def require_signatures(self, org: str, repo: str, branch: str, *, required: bool) -> None:
        """Whether commits of a protected branch have to be signed."""
        place = repo_at("/branches/:branch*/protection/required_signatures", org, repo, branch=branch)
        await self._ask("POST" if required else "DELETE", place, accept=_SIGNATURES, ok=() if required else (404,))


def _with_required(rules: ProtectionRequest) -> dict[str, object]:
    """GitHub refuses a request in which one of its four rules is missing, also one that is off."""
    return msgspec.structs.asdict(rules) | (
        {"required_status_checks": {"strict": checks.strict, "contexts": checks.contexts}}
        if (checks := rules.required_status_checks) is not None
        else {}
    )
