"""Branches and tags as git has them, and commits."""

from __future__ import annotations

import msgspec

from prow.github.area import Area, repo_at
from prow.github.pulls import Commit
from prow.model.base import Noun


class Tag(Noun, frozen=True):
    name: str = ""
    commit: Commit = Commit()


class _Comparison(msgspec.Struct):
    merge_base_commit: Commit = Commit()


class Refs(Area):
    """`ref`: `heads/main`, `tags/v1`, … To read one: `get_ref`, which every client has."""

    async def create_ref(self, org: str, repo: str, ref: str, sha: str) -> None:
        """Raises Unprocessable when it is there already."""
        place = repo_at("/git/refs", org, repo)
        await self._ask("POST", place, body={"ref": f"refs/{ref}", "sha": sha}, once=True)

    async def update_ref(self, org: str, repo: str, ref: str, sha: str, *, force: bool = False) -> None:
        """`force`: also where commits get lost."""
        await self._ask("PATCH", repo_at("/git/refs/:ref*", org, repo, ref=ref), body={"sha": sha, "force": force})

    async def delete_ref(self, org: str, repo: str, ref: str) -> None:
        """Raises Unprocessable when it is not there."""
        await self._ask("DELETE", repo_at("/git/refs/:ref*", org, repo, ref=ref))

    async def list_tags(self, org: str, repo: str) -> tuple[Tag, ...]:
        return await self._list(Tag, repo_at("/tags", org, repo))

    async def get_commit(self, org: str, repo: str, sha: str) -> Commit:
        """`sha`: also a branch or a tag. Raises NotFound; Unprocessable for what can be no commit."""
        return await self._read(Commit, repo_at("/commits/:sha*", org, repo, sha=sha), lags=True)

    async def list_commits(self, org: str, repo: str, *, path: str = "", sha: str = "") -> tuple[Commit, ...]:
        """Newest first. `path`: those that change it. `sha`: where to begin; empty: at the default branch."""
        query = {name: value for name, value in (("path", path), ("sha", sha)) if value}
        return await self._list(Commit, repo_at("/commits", org, repo, query=query))

    async def merge_base(self, org: str, repo: str, base: str, head: str) -> str:
        """The newest commit that both have."""
        place = repo_at("/compare/:sha*", org, repo, sha=f"{base}...{head}")
        return (await self._read(_Comparison, place, lags=True)).merge_base_commit.sha
