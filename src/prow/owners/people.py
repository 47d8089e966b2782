"""Who could review or approve a change, by name: for texts that tell people whom to ask. No API call is spent on it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from prow.config.config import Config
from prow.config.plugins import PluginsConfig
from prow.git import safety
from prow.git.mirror import Mirrors
from prow.owners import rules
from prow.owners.queries import RepoOwners
from prow.owners.service import OwnersReader


class Snapshot(Protocol):
    @property
    def config(self) -> Config: ...

    @property
    def plugins(self) -> PluginsConfig: ...


class People:
    """Names from the OWNERS files of the base branch; the nearest to the changed files, and those who cover most of them, first."""

    def __init__(self, mirrors: Mirrors, owners: OwnersReader, snapshot: Callable[[], Snapshot]) -> None:
        self._mirrors = mirrors
        self._owners = owners
        self._snapshot = snapshot

    async def reviewers(self, org: str, repo: str, branch: str, files: Sequence[str]) -> Sequence[str]:
        owners = await self._load(org, repo, branch)
        return ranked((owners.leaf_reviewers(path) for path in files), (owners.reviewers(path) for path in files))

    async def approvers(self, org: str, repo: str, branch: str, files: Sequence[str]) -> Sequence[str]:
        owners = await self._load(org, repo, branch)
        return ranked((owners.leaf_approvers(path) for path in files), (owners.approvers(path) for path in files))

    async def _load(self, org: str, repo: str, branch: str) -> RepoOwners:
        snapshot = self._snapshot()
        mirror = self._mirrors.mirror(org, repo)
        ref = safety.branch_ref(branch)
        await mirror.fetch([ref])
        layout = rules.layout_for(snapshot.config, snapshot.plugins, org, repo)
        return await self._owners.at(org, repo, await mirror.resolve(ref), layout)


def ranked(near: Iterable[frozenset[str]], far: Iterable[frozenset[str]]) -> tuple[str, ...]:
    """Logins by how many files they cover from nearby, then from anywhere, then by name."""
    score: dict[str, list[int]] = {}
    for place, sets in enumerate((near, far)):
        for names in sets:
            for name in names:
                score.setdefault(name, [0, 0])[place] += 1
    return tuple(sorted(score, key=lambda name: (-score[name][0], -score[name][1], name)))
