"""The pools as JSON, by the names that deck and others read (`spec/tide` §6.2). Pure.

`GitHub` and `Gerrit` are null and the body is left out: they make the document large, and deck needs neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import msgspec

from prow.model.base import to_json
from prow.model.pull_facts import PullFacts
from prow.tide.history import tenants_of
from prow.tide.model import Blocker, PoolDecision, PoolSnapshot

_NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""Go's zero time."""


class PullJson(msgspec.Struct, frozen=True, rename="pascal"):
    number: int
    org: str
    repo: str
    title: str
    name_with_owner: str
    base_ref_name: str
    head_ref_name: str
    author_login: str
    mergeable: str
    updated_at_time: datetime
    base_ref_prefix: str = "refs/heads/"
    body: str = ""
    head_ref_oid: str = msgspec.field(name="HeadRefOID", default="")
    git_hub: None = msgspec.field(name="GitHub", default=None)
    gerrit: None = None


class BlockerJson(msgspec.Struct, frozen=True, rename="pascal"):
    number: int
    title: str
    url: str = msgspec.field(name="URL")


class PoolJson(msgspec.Struct, frozen=True):
    """Go's names; an empty list is null."""

    Org: str
    Repo: str
    Branch: str
    SuccessPRs: tuple[PullJson, ...] | None
    PendingPRs: tuple[PullJson, ...] | None
    MissingPRs: tuple[PullJson, ...] | None
    BatchPending: tuple[PullJson, ...] | None
    Action: str
    Target: tuple[PullJson, ...] | None
    Blockers: tuple[BlockerJson, ...] | None
    Error: str
    TenantIDs: tuple[str, ...]


def pools_json(pools: Iterable[tuple[PoolSnapshot, PoolDecision, str]]) -> bytes:
    """Snapshot, decision and the error of the last action; pools without pull requests are left out. Sorted by org, repo, branch."""
    shown = [pool for pool in pools if pool[1].members]
    return to_json([_pool(*pool) for pool in sorted(shown, key=lambda pool: pool[1].key)])


def _pool(snapshot: PoolSnapshot, decision: PoolDecision, error: str) -> PoolJson:
    pulls = {each.pull.number: each.pull for each in snapshot.candidates}
    org, repo, branch = decision.key
    return PoolJson(
        Org=org,
        Repo=repo,
        Branch=branch,
        SuccessPRs=_pulls(decision.successes, pulls),
        PendingPRs=_pulls(decision.pendings, pulls),
        MissingPRs=_pulls(decision.missings, pulls),
        BatchPending=_pulls(sorted(decision.batch_pending), pulls),
        Action=decision.action.value,
        Target=_pulls(decision.target, pulls),
        Blockers=tuple(_blocker(each) for each in decision.blockers) or None,
        Error=error,
        TenantIDs=tenants_of(snapshot),
    )


def _pulls(numbers: Iterable[int], pulls: Mapping[int, PullFacts]) -> tuple[PullJson, ...] | None:
    return tuple(_pull(pulls[number]) for number in numbers if number in pulls) or None


def _blocker(blocker: Blocker) -> BlockerJson:
    return BlockerJson(number=blocker.number, title=blocker.title, url=blocker.url)


def _pull(pull: PullFacts) -> PullJson:
    return PullJson(
        number=pull.number,
        org=pull.org,
        repo=pull.repo,
        title=pull.title,
        name_with_owner=f"{pull.org}/{pull.repo}",
        base_ref_name=pull.base_ref,
        head_ref_name=pull.head_ref,
        head_ref_oid=pull.head_sha,
        author_login=pull.author,
        mergeable=pull.mergeable.value,
        updated_at_time=pull.updated_at or _NEVER,
    )
